import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { qwenShaped } from '../../examples/text/qwenShape.ts';
import { smolFile, smolPrompt } from '../../examples/text/smol.ts';
import type { GgufFile } from '../../src/text/gguf/file.ts';
import { endsOfGguf, graphOfGguf, llamaOfGguf } from '../../src/text/gguf/llama.ts';
import { tokenizerOfGguf } from '../../src/text/gguf/tokenizer.ts';
import { llamaGraphWithPast } from '../../src/text/llama.ts';
import { loadOrtNode, nodeOptions } from '../../test/support/bench/onnxruntime.ts';
import { type OrtState, type OrtText, openOrtText } from '../../test/support/bench/ortText.ts';
import { IntegerLlama } from '../../test/support/integerLlama.ts';

/** Has others write the texts of `npm run text`: what SmolLM2-135M-Instruct answers to 20 questions, for most. */

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

/** Prompts of the shape of Qwen2.5-0.5B, whose seeded weights know no words. */
const SHAPED = {
  prompts: [
    [9707, 11, 847],
    [785, 6722, 315, 9625, 374],
  ],
  tokens: 8,
} as const;

/** Says which token is likeliest. */
interface Reader {
  /** Behind some tokens, read from the start. */
  start(tokens: readonly number[]): Promise<number>;
  /** Behind one more. */
  next(token: number): Promise<number>;
}

/** The likeliest token each time, up to one that ends the text. */
async function writeLikeliest(
  reader: Reader,
  prompt: readonly number[],
  most: number,
  ends: readonly number[] = [],
): Promise<number[]> {
  const text = [await reader.start(prompt)];
  while (text.length < most && !ends.includes(text.at(-1)!)) text.push(await reader.next(text.at(-1)!));
  return text;
}

function readerBy(ort: OrtText): Reader {
  let state: OrtState;
  return {
    start: async (tokens) => {
      state = await ort.read(tokens);
      return state.choice;
    },
    next: async (token) => {
      state = await ort.next(state, [token]);
      return state.choice;
    },
  };
}

function readerIn(llama: IntegerLlama): Reader {
  const choice = (): number => {
    const logits = llama.logits();
    return logits.indexOf(logits.reduce((most, one) => Math.max(most, one)));
  };
  return {
    start: async (tokens) => {
      llama.clear();
      for (const token of tokens) llama.read(token);
      return choice();
    },
    next: async (token) => {
      llama.read(token);
      return choice();
    },
  };
}

const save = (file: URL, texts: readonly object[]): void =>
  writeFileSync(file, `[\n  ${texts.map((text) => JSON.stringify(text)).join(',\n  ')}\n]\n`);

async function writeAnswers(
  gguf: GgufFile,
  reader: Reader,
  file: URL,
  questions: readonly string[] = QUESTIONS,
): Promise<void> {
  const tokenizer = tokenizerOfGguf(gguf);
  const ends = endsOfGguf(gguf);
  const texts: object[] = [];
  for (const question of questions) {
    const prompt = smolPrompt(question);
    const ids = tokenizer.encode(prompt);
    const tokens = await writeLikeliest(reader, ids, TOKENS, ends);
    texts.push({ prompt, ids, tokens, text: tokenizer.decode(tokens) });
    console.log(`  ${question} → ${tokens.length} tokens`);
  }
  save(file, texts);
}

/** @throws Unavailable if onnxruntime-node is not there and cannot be fetched, or does not load */
async function writeByOrt(file: URL): Promise<void> {
  const gguf = await smolFile();
  const ort = await openOrtText(
    loadOrtNode(),
    graphOfGguf(gguf, 2048, 'float32', llamaGraphWithPast),
    nodeOptions(availableParallelism()),
  );
  await writeAnswers(gguf, readerBy(ort), file);
  await ort.release();
}

async function writeInIntegers(
  file: URL,
  form: 'int8' | 'int4',
  questions?: readonly string[],
): Promise<void> {
  const gguf = await smolFile();
  const { shape, weights } = llamaOfGguf(gguf);
  await writeAnswers(gguf, readerIn(new IntegerLlama(shape, weights, form)), file, questions);
}

async function writeShaped(file: URL): Promise<void> {
  const { shape, weights } = qwenShaped();
  const reader = readerIn(new IntegerLlama(shape, weights, 'int8'));
  const texts: object[] = [];
  for (const ids of SHAPED.prompts) {
    const tokens = await writeLikeliest(reader, ids, SHAPED.tokens);
    texts.push({ prompt: `tokens ${ids.join(' ')}`, ids, tokens });
  }
  save(file, texts);
}

/** Writes the texts of a rung anew, by their file's name; each throws Unavailable if what it takes cannot be had. */
export const writers: Readonly<Record<string, (file: URL) => Promise<void>>> = {
  'smolTexts.json': writeByOrt,
  'smolInt8Texts.json': (file) => writeInIntegers(file, 'int8'),
  'smolInt4Texts.json': (file) => writeInIntegers(file, 'int4', QUESTIONS.slice(0, 3)),
  'qwenShapeTexts.json': writeShaped,
};
