import type { Engine } from '../../src/engine/engine.ts';
import type { TextModel } from '../../src/text/compile.ts';
import { inputsOf, programUpTo } from '../../src/text/generate.ts';
import { analyse } from '../../src/text/session/analysis.ts';
import { type PartSize, stepProgram } from '../../src/text/session/stepProgram.ts';
import { tokenBytes } from '../../src/text/tokens.ts';

/** Logits of a small text, by one pass and by rows. */

export const SIZES = { prompt: 6, tokens: 10 };
export const POSITIONS = SIZES.prompt + SIZES.tokens;

/** A prompt, and a text that is as long as the model's. */
interface Tokens {
  readonly prompt: readonly number[];
  readonly text: readonly number[];
}

const TINY: Tokens = { prompt: [5, 17, 3, 30], text: [8, 8, 21, 0, 39, 12, 3, 3, 30, 7] };

const words = (...numbers: number[]): Uint8Array => new Uint8Array(Int32Array.from(numbers).buffer);

/** Logits of the text's places, by one pass over everything. */
export async function byOnePass(
  model: TextModel,
  engine: Engine,
  { prompt, text }: Tokens = TINY,
): Promise<Uint8Array[]> {
  const session = await engine.load(programUpTo(model, model.logits), model.weights);
  const inputs = inputsOf(model, { prompt });
  const [logits] = await session.run([...inputs, tokenBytes(text, model.width)]);
  const rows = rowsIn(logits!.bytes.slice(), text.length);
  await session.close();
  return rows;
}

const rowsIn = (bytes: Uint8Array, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    bytes.subarray((i * bytes.length) / count, ((i + 1) * bytes.length) / count),
  );

/** The same by parts of the given sizes, taken in turns. */
export async function byRows(
  model: TextModel,
  engine: Engine,
  sizes: readonly PartSize[],
  { prompt, text }: Tokens = TINY,
): Promise<Uint8Array[]> {
  const { program, weights } = stepProgram(analyse(model, model.logits), sizes, new Map());
  const session = await engine.loadCached(program, weights);
  const positions = model.options.prompt + model.options.tokens;
  const sequence = [...prompt, ...text.slice(0, -1)];
  const drawing = inputsOf(model, { prompt }).slice(2);
  const found: Uint8Array[] = [];
  let next = 0;
  for (let turn = 0; next < sequence.length; turn++) {
    const part = turn % sizes.length;
    const { rows } = sizes[part]!;
    const first = Math.min(next, positions - rows);
    const ids = Array.from({ length: rows }, (_, i) => sequence[first + i] ?? 0);
    const place = first - prompt.length + 1;
    const [logits] = await session.run(part, first, [words(place), words(...ids), ...drawing]);
    for (const [i, row] of rowsIn(logits!.bytes, rows).entries())
      if (place + i >= 0 && place + i < text.length) found[place + i] = row;
    next = first + rows;
  }
  await session.close();
  return found;
}

/** A part that computes so many rows, and reads all keys. */
export const every = (rows: number): PartSize => ({ rows, keys: POSITIONS, yields: true });
