import { ensure } from '../../errors.ts';
import { f32, fold, type IndexCoordinate, i32 } from '../../ir/expression.ts';
import { flatten, type Index } from '../../ir/indices.ts';
import { reading, type Tensor, wordsOf } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { indicesInto } from '../tensor/Gather.ts';
import { reshaped } from '../tensor/Shapes.ts';
import { numbersOf } from '../value.ts';

/** Matrices and tables of few bits, with a scale and a zero point for each block of a row. */

/** Numbers of `bits` each, the lowest bits of a byte first. */
function unpacked(bytes: ArrayLike<number>, bits: number): Uint8Array {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const levels = new Uint8Array(bytes.length * perByte);
  for (let i = 0, at = 0; i < bytes.length; i++) {
    for (let shift = 0; shift < 8; shift += bits) levels[at++] = (bytes[i]! >> shift) & mask;
  }
  return levels;
}

interface Blocks {
  readonly rows: number;
  readonly count: number;
  readonly size: number;
  readonly bits: number;
}

/** Zero points by row and block: the middle of the range, numbers as they are, or packed with whole bytes a row. */
function pointsOf(
  zeros: Tensor | undefined,
  { rows, count, bits }: Blocks,
): (row: number, block: number) => number {
  if (!zeros) return () => 2 ** (bits - 1);
  const given = numbersOf(zeros);
  ensure(given, `"${zeros.name}" is no constant`);
  const isPacked = zeros.type.family === 'integer';
  const perRow = isPacked ? Math.ceil((count * bits) / 8) * (8 / bits) : count;
  const points: ArrayLike<number> = isPacked ? unpacked(given, bits) : given;
  ensure(points.length === rows * perRow, `"${zeros.name}" has ${points.length} zero points`);
  return (row, block) => points[row * perRow + block] as number;
}

/** A matrix [rows, blocks, size] of packed levels, less their zero points, as a constant of few bytes. */
function levelsOf(context: Context, packed: Tensor, zeros: Tensor | undefined, blocks: Blocks): Tensor {
  const { rows, count, size, bits } = blocks;
  const bytes = wordsOf(packed);
  const expected = (rows * count * size * bits) / 8;
  ensure(bytes?.length === expected, `"${packed.name}" is no constant of ${expected} bytes`);
  const point = pointsOf(zeros, blocks);
  const isWhole = !zeros || zeros.type.family === 'integer';
  const type = isWhole ? (bits < 8 ? TYPES.int8 : TYPES.int16) : TYPES.float;
  const levels = unpacked(bytes, bits);
  const values = type === TYPES.int8 ? new Int8Array(levels.length) : new Float64Array(levels.length);
  for (let block = 0; block < rows * count; block++) {
    const middle = point(Math.floor(block / count), block % count);
    for (let i = block * size; i < (block + 1) * size; i++) values[i] = levels[i]! - middle;
  }
  return context.constant(type, [rows, count, size], values);
}

/** a times the transpose of a matrix [N, K] of few bits, with a scale and a zero point for each block of a row. */
const MatMulNBits: Lowering = (context) => {
  const [a, packed, scales] = [context.input(0), context.input(1), context.input(2)];
  ensureFloat(a, scales);
  const [depth, rows, size] = [context.int('K', 0), context.int('N', 0), context.int('block_size', 32)];
  const bits = context.int('bits', 4);
  ensure([2, 4, 8].includes(bits), `${bits} bits are not supported; 2, 4 and 8 are`);
  ensure(a.shape.at(-1) === depth, `the last dimension is ${a.shape.at(-1)}, and K ${depth}`);
  // The least accuracy that is asked for; float32 has the highest.
  context.disregard('accuracy_level');
  context.only('weight_prepacked', 0);
  ensure(!context.optional(4), 'g_idx is not supported; export without reordering');
  const count = Math.ceil(depth / size);
  const levels = levelsOf(context, packed, context.optional(3), { rows, count, size, bits });
  const factors = reshaped(context, scales, [rows, count]);
  const bias = context.optional(5);
  return context.define({
    type: a.type,
    shape: [...a.shape.slice(0, -1), rows],
    body: (indices) => {
      const [outer, row] = [indices.slice(0, -1), indices.at(-1) as Index];
      const sum = fold([count, size], 0, ([block, k], accumulator) => {
        const stored = at(levels, [row, block!, k!]);
        const level = levels.type.family === 'float' ? stored : f32.fromI32(stored);
        // The last block may reach beyond the row, where a is 0.
        const element = atOr(a, [...outer, flatten([block!, k!], [count, size])], 0);
        return f32.add(accumulator, f32.mul(element, f32.mul(level, at(factors, [row, block!]))));
      });
      return bias ? f32.add(sum, at(bias, [row])) : sum;
    },
  });
};

/** Rows (or other slices) of a constant of few bits, with a scale and a zero point for each block of an axis. */
const GatherBlockQuantized: Lowering = (context) => {
  const [packed, scales, zeros] = [context.input(0), context.input(2), context.optional(3)];
  ensureFloat(scales);
  const ofBytes = context.int('bits', 4);
  const bits = packed.type.bits === 8 ? ofBytes : packed.type.bits;
  ensure(bits === 4 || bits === 8, `${bits} bits are not supported; 4 and 8 are`);
  const size = context.int('block_size', 128);
  const rank = packed.shape.length;
  const axis = context.axis(context.int('quantize_axis', 1), rank);
  const gathered = context.axis(context.int('gather_axis', 0), rank);
  ensure(size >= 1 && axis !== gathered, `blocks of ${size} along axis ${axis}, gathered along ${gathered}`);
  const levels = loosened(context, packed, bits);
  const points = zeros && loosened(context, zeros, bits);
  // Without zero points onnxruntime takes the middle of the range for bytes, and 0 for types of 4 bits.
  const middle = packed.type === TYPES.uint8 ? 2 ** (bits - 1) : 0;
  const indices = indicesInto(context, levels, gathered, context.input(1));
  const own = indices.shape.length;
  return context.define({
    type: scales.type,
    shape: [...levels.shape.slice(0, gathered), ...indices.shape, ...levels.shape.slice(gathered + 1)],
    body: (element) => {
      const row = { gathered: at(indices, element.slice(gathered, gathered + own)) };
      const full: IndexCoordinate[] = [...element.slice(0, gathered), row, ...element.slice(gathered + own)];
      const block = full.map((one, i) =>
        i === axis ? { index: one as Index, divisor: size, exact: false } : one,
      );
      const point = points ? reading(points, block, 0) : i32.of(middle);
      return f32.mul(f32.fromI32(i32.sub(reading(levels, full, 0), point)), reading(scales, block, 0));
    },
  });
};

/** A constant of bytes that hold several numbers of `bits` each, along its last dimension. */
function loosened(context: Context, packed: Tensor, bits: number): Tensor {
  if (packed.type.bits === bits) return packed;
  const bytes = wordsOf(packed);
  ensure(bytes, `"${packed.name}" is no constant`);
  const last = (packed.shape.at(-1) ?? 1) * (8 / bits);
  return context.constant(TYPES.uint8, [...packed.shape.slice(0, -1), last], unpacked(bytes, bits));
}

/**
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized
 */
export const operators: Operators = { MatMulNBits, GatherBlockQuantized };
