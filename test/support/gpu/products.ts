import type { Weights } from '../../../src/engine/engine.ts';
import { type DType, ELEMENT_BYTES, type Program, sizeOf } from '../../../src/program/node.ts';
import { affine, instruction, loop, ProgramBuilder } from '../programs.ts';
import type { Random } from '../randomProgram.ts';

/** A program with one product, and its inputs. */
export interface ProductCase {
  readonly program: Program;
  readonly weights: Weights;
  readonly inputs: readonly Uint8Array[];
}

/** Words that meet a tile's watch: zeros, subnormals, tiny and huge numbers, infinities, NaN. */
const SPECIAL = [
  ...[0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x0d800000, 0x17800000, 0xf1800000, 0x7f7fffff],
  ...[0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001],
];

/** Floats of several magnitudes, zeros among them; `special` in a thousand are {@link SPECIAL}. */
export function floats(random: Random, count: number, special: number): Uint8Array {
  const words = random.times(count, () => {
    if (random.below(1000) < special) return random.pick(SPECIAL);
    if (random.chance(5)) return 0;
    return ((random.word() & 0x807fffff) | ((118 + random.below(14)) << 23)) >>> 0;
  });
  return new Uint8Array(Uint32Array.from(words).buffer);
}

const bytesOf = (random: Random, dtype: DType, count: number, special: number): Uint8Array =>
  dtype === 'f32' ? floats(random, count, special) : random.bytes(count * ELEMENT_BYTES[dtype]);

export interface ProductShape {
  readonly batches: number;
  readonly rows: number;
  readonly steps: number;
  readonly lanes: number;
  /** Whether the second factor is [lanes, steps], not [steps, lanes]. */
  readonly isTransposed: boolean;
  readonly isConstant: boolean;
  /** Words in a thousand that are special. */
  readonly special: number;
}

/** out[batch, row, lane] = sum over steps of a[batch, row, step] * b[batch, …], plus a vector over lanes. */
export function floatProduct(random: Random, shape: ProductShape): ProductCase {
  const { batches, rows, steps, lanes, isTransposed, isConstant, special } = shape;
  const build = new ProgramBuilder();
  const a = build.input('f32', [batches, rows, steps]);
  const inner = isTransposed ? [lanes, steps] : [steps, lanes];
  const bytes = floats(random, batches * steps * lanes, special);
  const b = isConstant
    ? build.constant('f32', [batches, ...inner], bytes)
    : build.input('f32', [batches, ...inner]);
  const bias = build.constant('f32', [lanes], floats(random, lanes, 0));
  const at = (extent: number, index: number) => ({ extent, coordinate: affine([[index, 1]]) });
  const [step, lane] = [at(steps, 3), at(lanes, 2)];
  build.node(
    loop({
      dtype: 'f32',
      shape: [batches, rows, lanes],
      fold: [steps],
      operands: [
        { node: a, dtype: 'f32', fill: 0, view: [at(batches, 0), at(rows, 1), step] },
        {
          node: b,
          dtype: 'f32',
          fill: 0,
          view: [at(batches, 0), ...(isTransposed ? [lane, step] : [step, lane])],
        },
        { node: bias, dtype: 'f32', fill: 0, view: [lane] },
      ],
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.add', s.accumulator, s.results),
      ],
      post: (s) => [instruction('f32.add', s.accumulator, s.operands + 2)],
    }),
  );
  const inputs = [floats(random, batches * rows * steps, special), ...(isConstant ? [] : [bytes])];
  return { ...build.finish(), inputs };
}

export interface ConvolutionShape {
  readonly images: number;
  readonly channels: number;
  readonly filters: number;
  readonly size: readonly [height: number, width: number];
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly special: number;
}

/** A convolution with padding, whose sums are kept if they are greater than 0. */
export function convolution(random: Random, shape: ConvolutionShape): ProductCase {
  const { images, channels, filters, size, kernel, stride, pad, special } = shape;
  const build = new ProgramBuilder();
  const x = build.input('f32', [images, channels, ...size]);
  const weight = floats(random, filters * channels * kernel * kernel, special);
  const w = build.constant('f32', [filters, channels, kernel, kernel], weight);
  const out = size.map((extent) => Math.floor((extent + 2 * pad - kernel) / stride) + 1);
  const at = (extent: number, index: number) => ({ extent, coordinate: affine([[index, 1]]) });
  const window = (extent: number, index: number, offset: number) => ({
    extent,
    coordinate: affine(
      [
        [index, stride],
        [offset, 1],
      ],
      { offset: -pad },
    ),
  });
  build.node(
    loop({
      dtype: 'f32',
      shape: [images, filters, ...out],
      fold: [channels, kernel, kernel],
      operands: [
        {
          node: x,
          dtype: 'f32',
          fill: 0,
          view: [at(images, 0), at(channels, 4), window(size[0], 2, 5), window(size[1], 3, 6)],
        },
        {
          node: w,
          dtype: 'f32',
          fill: 0,
          view: [at(filters, 1), at(channels, 4), at(kernel, 5), at(kernel, 6)],
        },
      ],
      constants: [0],
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.add', s.accumulator, s.results),
      ],
      post: (s) => [instruction('f32.max', s.accumulator, s.constants)],
    }),
  );
  return { ...build.finish(), inputs: [floats(random, images * channels * sizeOf(size), special)] };
}

export interface ByteShape {
  readonly rows: number;
  readonly steps: number;
  readonly lanes: number;
  readonly isTransposed: boolean;
  /** Of the result: bytes are what remains of a sum after a shift. */
  readonly dtype: 'i32' | 'i8';
  readonly isNibbles: boolean;
}

/** A product of unsigned bytes, less a zero point, by signed ones that are constant. */
export function byteProduct(random: Random, shape: ByteShape): ProductCase {
  const { rows, steps, lanes, isTransposed, dtype, isNibbles } = shape;
  const build = new ProgramBuilder();
  const x = build.input('u8', [rows, steps]);
  const bytes = random.bytes(steps * lanes);
  const w = build.constant(
    'i8',
    isTransposed ? [lanes, steps] : [steps, lanes],
    isNibbles ? bytes.map((byte) => (byte & 15) - 8) : bytes,
  );
  const at = (extent: number, index: number) => ({ extent, coordinate: affine([[index, 1]]) });
  const [step, lane] = [at(steps, 2), at(lanes, 1)];
  build.node(
    loop({
      dtype,
      shape: [rows, lanes],
      fold: [steps],
      operands: [
        { node: x, dtype: 'u8', fill: 0, view: [at(rows, 0), step] },
        { node: w, dtype: 'i8', fill: 0, view: isTransposed ? [lane, step] : [step, lane] },
      ],
      constants: [128, dtype === 'i8' ? 7 : 0],
      init: 12345,
      step: (s) => [
        instruction('i32.sub', s.operands, s.constants),
        instruction('i32.mul', s.results, s.operands + 1),
        instruction('i32.add', s.accumulator, s.results + 1),
      ],
      post: (s) => [instruction('i32.shr_s', s.accumulator, s.constants + 1)],
    }),
  );
  return { ...build.finish(), inputs: [bytesOf(random, 'u8', rows * steps, 0)] };
}

/** A product of floats by constants of few bits, with a scale for each block of 32 steps. */
export function blockProduct(random: Random, rows: number, blocks: number, lanes: number): ProductCase {
  const build = new ProgramBuilder();
  const x = build.input('f32', [rows, 32 * blocks]);
  const levels = random.bytes(lanes * blocks * 32).map((byte) => (byte & 15) - 8);
  const w = build.constant('i8', [lanes, blocks, 32], levels);
  const scales = build.constant('f32', [lanes, blocks], floats(random, lanes * blocks, 3));
  const at = (extent: number, index: number) => ({ extent, coordinate: affine([[index, 1]]) });
  const flat = affine([
    [2, 32],
    [3, 1],
  ]);
  build.node(
    loop({
      dtype: 'f32',
      shape: [rows, lanes],
      fold: [blocks, 32],
      operands: [
        { node: x, dtype: 'f32', fill: 0, view: [at(rows, 0), { extent: 32 * blocks, coordinate: flat }] },
        { node: w, dtype: 'i8', fill: 0, view: [at(lanes, 1), at(blocks, 2), at(32, 3)] },
        { node: scales, dtype: 'f32', fill: 0, view: [at(lanes, 1), at(blocks, 2)] },
      ],
      step: (s) => [
        instruction('f32.from_i32', s.operands + 1),
        instruction('f32.mul', s.results, s.operands + 2),
        instruction('f32.mul', s.operands, s.results + 1),
        instruction('f32.add', s.accumulator, s.results + 2),
      ],
    }),
  );
  return { ...build.finish(), inputs: [floats(random, rows * 32 * blocks, 2)] };
}
