import { affine, f32Bytes, instruction, loop, ProgramBuilder, view } from './programs.ts';
import type { Random } from './randomProgram.ts';

/** Rows of a product, steps of its fold, and columns. */
export interface ProductSize {
  readonly rows: number;
  readonly steps: number;
  readonly columns: number;
}

/** Bytes whose integers fit 4 bits. */
export const nibbles = (random: Random, dtype: 'i8' | 'u8', count: number): Uint8Array =>
  Uint8Array.from(random.bytes(count), (byte) => (dtype === 'u8' ? byte & 15 : (byte & 15) - 8));

/** Bytes times weights of 4 bits that are held as bytes: sums of i32, and an input. */
export function integerProduct(
  random: Random,
  types: readonly ['i8' | 'u8', 'i8' | 'u8'],
  size: ProductSize,
) {
  const { rows, steps, columns } = size;
  const [a, b] = types;
  const build = new ProgramBuilder();
  const x = build.input(a, [rows, steps]);
  const w = build.constant(b, [steps, columns], nibbles(random, b, steps * columns));
  const product = build.node(
    loop({
      dtype: 'i32',
      shape: [rows, columns],
      fold: [steps],
      init: 2 ** 31 - 7,
      operands: [
        { node: x, dtype: a, fill: 0, view: [view(rows, 0), view(steps, 2)] },
        { node: w, dtype: b, fill: 0, view: [view(steps, 2), view(columns, 1)] },
      ],
      step: (s) => [
        instruction('i32.mul', s.operands, s.operands + 1),
        instruction('i32.add', s.accumulator, s.results),
      ],
    }),
  );
  return { ...build.finish(), w, product, inputs: [random.bytes(rows * steps)] };
}

/**
 * Bytes times weights of 4 bits, which are multiplied by a byte for each block of steps: sums of i32, and an input.
 *
 * @param blocks the fold is over [blocks, steps / blocks]
 */
export function blockProduct(
  random: Random,
  types: readonly ['i8' | 'u8', 'i8' | 'u8', 'i8' | 'u8'],
  { rows, steps, columns }: ProductSize,
  blocks: number,
) {
  const [a, b, c] = types;
  const size = steps / blocks;
  const build = new ProgramBuilder();
  const along = {
    extent: steps,
    coordinate: affine([
      [2, size],
      [3, 1],
    ]),
  };
  const x = build.input(a, [rows, steps]);
  const w = build.constant(b, [columns, steps], nibbles(random, b, steps * columns));
  const factors = build.constant(c, [columns, blocks], random.bytes(columns * blocks));
  const product = build.node(
    loop({
      dtype: 'i32',
      shape: [rows, columns],
      fold: [blocks, size],
      init: 2 ** 31 - 7,
      operands: [
        { node: x, dtype: a, fill: 0, view: [view(rows, 0), along] },
        { node: w, dtype: b, fill: 0, view: [view(columns, 1), along] },
        { node: factors, dtype: c, fill: 0, view: [view(columns, 1), view(blocks, 2)] },
      ],
      step: (s) => [
        instruction('i32.mul', s.operands + 1, s.operands + 2),
        instruction('i32.mul', s.operands, s.results),
        instruction('i32.add', s.accumulator, s.results + 1),
      ],
    }),
  );
  return { ...build.finish(), w, product, inputs: [random.bytes(rows * steps)] };
}

/** Floats that sums and products treat apart. */
const SPECIAL = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-45,
  -3e-39,
  3e38,
  1,
];

/**
 * Floats times weights of a byte or of 4 bits, scaled by blocks of steps, as `MatMulNBits` and `DequantizeLinear` are
 * lowered: acc + x * (float(w) * scale).
 *
 * @param blocks the fold is over [blocks, steps / blocks]
 */
export function scaledProduct(
  random: Random,
  dtype: 'i8' | 'u8',
  { rows, steps, columns }: ProductSize,
  blocks: number,
  weights = nibbles(random, dtype, steps * columns),
) {
  const size = steps / blocks;
  const build = new ProgramBuilder();
  const floats = (count: number): Uint8Array =>
    f32Bytes(
      random.times(count, () =>
        random.chance(15) ? random.pick(SPECIAL) : (random.below(2001) - 1000) / 250,
      ),
    );
  const along = {
    extent: steps,
    coordinate: affine([
      [2, size],
      [3, 1],
    ]),
  };
  const x = build.input('f32', [rows, steps]);
  const w = build.constant(dtype, [columns, steps], weights);
  const scales = build.constant('f32', [columns, blocks], floats(columns * blocks));
  const product = build.node(
    loop({
      dtype: 'f32',
      shape: [rows, columns],
      fold: [blocks, size],
      operands: [
        { node: x, dtype: 'f32', fill: 0, view: [view(rows, 0), along] },
        { node: w, dtype, fill: 0, view: [view(columns, 1), along] },
        { node: scales, dtype: 'f32', fill: 0, view: [view(columns, 1), view(blocks, 2)] },
      ],
      step: (s) => [
        instruction('f32.from_i32', s.operands + 1),
        instruction('f32.mul', s.results, s.operands + 2),
        instruction('f32.mul', s.operands, s.results + 1),
        instruction('f32.add', s.accumulator, s.results + 2),
      ],
    }),
  );
  return { ...build.finish(), w, product, inputs: [floats(rows * steps)] };
}
