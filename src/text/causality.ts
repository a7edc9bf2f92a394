import type { Engine } from '../engine/engine.ts';
import { ImportError } from '../onnx/errors.ts';
import { sizeOf } from '../program/node.ts';
import { xorshift32 } from '../scalar/xorshift32.ts';
import type { TextModel } from './compile.ts';
import { inputsOf, programUpTo } from './generate.ts';
import { PADDING } from './options.ts';
import { tokenBytes } from './tokens.ts';

/**
 * Tests whether a model is causal; its graph does not prove it, since a mask is just numbers. Changing tokens behind a
 * position must leave the logits up to it as they are, bit by bit. A model that is not causal would still make a program
 * that accepts or rejects any text; but nobody could generate a text from left to right, so it is refused.
 *
 * Positions may see different tokens: the odd ones, or those in the first block only. So tokens are changed behind
 * every position of a range, after a prompt of one token and after a prompt of full length.
 */

/** Neighbouring places of the text at which changes begin. */
const PLACES = { least: 4, most: 16 } as const;
/** Further ones, in the middle and at the last token. */
const SPREAD = 2;
/** Steps of folds that a trial takes, unless the fewest places take more: a few seconds at most. */
const STEPS = 2 ** 34;
/** Tokens are drawn the same way every time. */
const SEED = 0x2545f491;

/** @throws ImportError for a model in which a token changes what is chosen before it, or that says NaN */
export async function requireCausal(model: TextModel, engine: Engine): Promise<void> {
  const { options, vocabulary, width } = model;
  const { tokens: count } = options;
  const next = xorshift32(SEED);
  const drawTokens = (size: number): number[] => Array.from({ length: size }, () => next() % vocabulary);
  const session = await engine.load(programUpTo(model, model.logits), model.weights);
  const logits = async (inputs: readonly Uint8Array[], text: readonly number[]): Promise<Uint8Array> =>
    (await session.run([...inputs, tokenBytes(text, width)]))[0]!.bytes.slice();
  const row = 4 * vocabulary;
  try {
    for (const length of promptLengths(model)) {
      const inputs = inputsOf(model, { prompt: drawTokens(length), temperature: 0 });
      const text = drawTokens(count);
      const whole = await logits(inputs, text);
      requireNumbers(whole, vocabulary);
      for (const cut of cutsOf(model)) {
        // While a text is written, there is padding behind it.
        const isPadded = cut === middleOf(count);
        const behind = text
          .slice(cut)
          .map((token) => (isPadded ? PADDING : other(token, next(), vocabulary)));
        const changed = await logits(inputs, [...text.slice(0, cut), ...behind]);
        // Row i is chosen by the tokens before token i.
        const place = whole.subarray(0, row * (cut + 1)).findIndex((byte, i) => byte !== changed[i]);
        if (place < 0) continue;
        throw new ImportError(
          `model: it is not causal: what it says in place of token ${Math.floor(place / row)} changes with token ${cut} ` +
            'of the text or a later one, so no text can be written from left to right',
        );
      }
    }
  } finally {
    await session.close();
  }
}

/** Whether the trial takes a few seconds at most. */
export const isCheaplyTried = (model: TextModel): boolean =>
  stepsOf(model) * promptLengths(model).length * (1 + cutsOf(model).length) <= STEPS;

const promptLengths = ({ options: { prompt } }: TextModel): number[] => [...new Set([1, prompt])];

const middleOf = (count: number): number => Math.floor(count / 2);

/** Numbers of the tokens from which on a text is changed. */
function cutsOf(model: TextModel): number[] {
  const { tokens: count } = model.options;
  const affordable = Math.floor(STEPS / (promptLengths(model).length * stepsOf(model))) - 1 - SPREAD;
  const places = Math.min(count, PLACES.most, Math.max(PLACES.least, affordable));
  return [...new Set([...Array(places).keys(), middleOf(count), count - 1])];
}

/** Steps of folds in one pass, to which its time is about proportional. */
const stepsOf = ({ program, logits }: TextModel): number =>
  program.nodes
    .slice(0, logits + 1)
    .reduce(
      (sum, node) => sum + (node.kind === 'loop' ? sizeOf(node.shape) * Math.max(1, sizeOf(node.fold)) : 0),
      0,
    );

/** Another token than this one, if there is another. */
const other = (token: number, random: number, vocabulary: number): number =>
  vocabulary === 1 ? token : (token + 1 + (random % (vocabulary - 1))) % vocabulary;

/** @throws ImportError if a row has no logit that is a number */
function requireNumbers(logits: Uint8Array, vocabulary: number): void {
  const numbers = new Float32Array(logits.buffer);
  for (let row = 0; row < numbers.length; row += vocabulary) {
    if (numbers.subarray(row, row + vocabulary).some((logit) => !Number.isNaN(logit))) continue;
    throw new ImportError(
      `model: every logit in place of token ${row / vocabulary} is NaN, so it chooses nothing; its mask may hide all ` +
        'tokens, or its numbers are too large',
    );
  }
}
