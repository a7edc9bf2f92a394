import type { Engine } from '../engine/engine.ts';
import { ImportError } from '../onnx/errors.ts';
import { xorshift32 } from '../scalar/xorshift32.ts';
import type { TextModel } from './compile.ts';
import { inputsOf, programUpTo } from './generate.ts';
import { tokenBytes } from './tokens.ts';

/**
 * Tests whether a model is causal; its graph does not prove it, since a mask is just numbers. Changing tokens behind a
 * position must leave the logits up to it as they are, bit by bit. A model that is not causal would still make a program
 * that accepts or rejects any text; but nobody could generate a text from left to right, so its publisher is warned.
 */

/** Parts of the text after which tokens are changed. */
const CUTS = [0.25, 0.5, 0.9] as const;
/** Tokens are drawn the same way every time. */
const SEED = 0x2545f491;

/** @throws ImportError for a model in which a token changes what is chosen before it */
export async function requireCausal(model: TextModel, engine: Engine): Promise<void> {
  const { options, vocabulary, width } = model;
  const { tokens: count } = options;
  const next = xorshift32(SEED);
  const drawTokens = (size: number): number[] => Array.from({ length: size }, () => next() % vocabulary);
  const inputs = inputsOf(model, { prompt: drawTokens(1), temperature: 0 });
  const session = await engine.load(programUpTo(model, model.logits), model.weights);
  const logits = async (text: readonly number[]): Promise<Uint8Array> =>
    (await session.run([...inputs, tokenBytes(text, width)]))[0]!.bytes.slice();
  const row = 4 * vocabulary;
  try {
    const text = drawTokens(count);
    const whole = await logits(text);
    for (const cut of new Set(CUTS.map((part) => Math.floor(part * count)))) {
      const changed = await logits([...text.slice(0, cut), ...drawTokens(count - cut)]);
      // Row i is chosen by the tokens before token i.
      const place = whole.subarray(0, row * (cut + 1)).findIndex((byte, i) => byte !== changed[i]);
      if (place < 0) continue;
      throw new ImportError(
        `model: it is not causal: what it says in place of token ${Math.floor(place / row)} changes with token ${cut} ` +
          'of the text or a later one, so no text can be written from left to right',
      );
    }
  } finally {
    await session.close();
  }
}
