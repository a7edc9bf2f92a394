"""Prints what the package glassllm writes after each prompt, as JSON: the prompt, its tokens and those of the text.

Usage: glassTexts.py FOLDER_OF_THE_PACKAGE TOKENS
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
from glassllm import load_pretrained  # noqa: E402

PROMPTS = [
    "Once upon a time",
    "The king said",
    "Alice was",
    "There was a little",
    "She looked at the",
    "In the garden",
    "The White Rabbit",
    "One day the",
    "He had never",
    "Down by the sea",
    "The old man",
    "It was late",
    "Tell me,",
    "The princess",
    "When the sun",
    "A fox and",
    "The door was",
    "Why not?",
    "My dear",
    "They all ran",
]

model, tokenizer = load_pretrained("en")
lines = []
for prompt in PROMPTS:
    ids = tokenizer.encode(prompt)
    tokens = [step.token for step in model.generate(ids, int(sys.argv[2]), greedy=True)]
    lines.append(json.dumps({"prompt": prompt, "ids": ids, "tokens": tokens, "text": tokenizer.decode(tokens)}))
print("[\n  " + ",\n  ".join(lines) + "\n]")
