import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { smolFile, smolPrompt } from '../../examples/text/smol.ts';
import { endsOfGguf, graphOfGguf } from '../../src/text/gguf/llama.ts';
import { tokenizerOfGguf } from '../../src/text/gguf/tokenizer.ts';
import { llamaGraphWithPast } from '../../src/text/llama.ts';
import { loadOrtNode, nodeOptions } from '../../test/support/bench/onnxruntime.ts';
import { type OrtText, openOrtText } from '../../test/support/bench/ortText.ts';

/** Has onnxruntime write what SmolLM2-135M-Instruct answers to 20 questions. */

const QUESTIONS = [
  'Why is the sky blue?',
  'Write a sentence about a lighthouse.',
  'What is the capital of France?',
  'Explain what a blockchain is to a child.',
  'Name three rivers in Europe.',
  'How do bees make honey?',
  'Write a haiku about autumn.',
  'What is 7 times 8?',
  'Give me a recipe for pancakes.',
  'Who wrote Romeo and Juliet?',
  'What does a compiler do?',
  'Translate "good morning" into Spanish.',
  'Describe a cat in one sentence.',
  'Why do leaves change their colour?',
  'What is a prime number?',
  'Tell me a joke about computers.',
  'How far away is the Moon?',
  'Write the first sentence of a mystery novel.',
  'What should I take along on a hike?',
  'Is a tomato a fruit?',
];

const TOKENS = 192;

/** The likeliest token each time, up to one that ends the text. */
async function writeLikeliest(
  ort: OrtText,
  prompt: readonly number[],
  ends: readonly number[],
): Promise<number[]> {
  const text: number[] = [];
  let state = await ort.read(prompt);
  for (;;) {
    text.push(state.choice);
    if (text.length === TOKENS || ends.includes(state.choice)) return text;
    state = await ort.next(state, [state.choice]);
  }
}

/**
 * @param file where the texts are written to
 * @throws Unavailable if onnxruntime-node is not there and cannot be fetched, or does not load
 */
export async function writeSmolTexts(file: URL): Promise<void> {
  const gguf = await smolFile();
  const tokenizer = tokenizerOfGguf(gguf);
  const ends = endsOfGguf(gguf);
  const ort = await openOrtText(
    loadOrtNode(),
    graphOfGguf(gguf, 2048, 'float32', llamaGraphWithPast),
    nodeOptions(availableParallelism()),
  );
  const lines: string[] = [];
  for (const question of QUESTIONS) {
    const prompt = smolPrompt(question);
    const ids = tokenizer.encode(prompt);
    const tokens = await writeLikeliest(ort, ids, ends);
    lines.push(JSON.stringify({ prompt, ids, tokens, text: tokenizer.decode(tokens) }));
    console.log(`${question} → ${tokens.length} tokens`);
  }
  await ort.release();
  writeFileSync(file, `[\n  ${lines.join(',\n  ')}\n]\n`);
}
