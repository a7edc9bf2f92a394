import { ensure } from '../../errors.ts';
import { sigmoid } from '../../functions/index.ts';
import { type Expression, f32, fold, i32, type Place, select } from '../../ir/expression.ts';
import { flatten, type Index } from '../../ir/indices.ts';
import { reading, type Tensor, wordsOf } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { broadcastAt } from '../broadcast.ts';
import { at, atOr, type Context, type Lowering, numbersOf, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { softmaxAlong } from '../math/Softmax.ts';
import { operators as pools } from '../nn/Pool.ts';
import {
  dequantised,
  dynamicallyQuantised,
  integerMatrixProduct,
  quantised,
  quantisedConvolution,
  saturated,
  operators as standard,
} from '../quantization/Quantized.ts';
import { normalIndices } from '../tensor/Gather.ts';
import { joined } from '../tensor/Parts.ts';
import { permuted, reshaped } from '../tensor/Shapes.ts';
import { selfAttention } from './Attention.ts';

/** Operators on codes: each takes its inputs off their scales, computes, and puts the result on its own. */

/** A tensor of codes at input `i`, its scale and its zero point behind it, as numbers. */
const numbersAt = (context: Context, i: number): Tensor =>
  dequantised(context, context.input(i), context.input(i + 1), context.optional(i + 2));

/** Numbers on the scale at input `i`; codes are of the zero point's type. */
const codes = (context: Context, y: Tensor, i: number): Tensor =>
  quantised(context, y, context.input(i), zeroAt(context, i + 1));

const zeroAt = (context: Context, i: number): Tensor =>
  context.optional(i) ?? context.constant(context.input(0).type, [], [0]);

const binary =
  (compute: (a: Expression, b: Expression) => Expression): Lowering =>
  (context) => {
    const [a, b] = [numbersAt(context, 0), numbersAt(context, 3)];
    return codes(context, elementwise(context, [a, b], a.type, compute), 6);
  };

const unary =
  (compute: (x: Expression, context: Context) => Expression): Lowering =>
  (context) => {
    const x = numbersAt(context, 0);
    return codes(
      context,
      elementwise(context, [x], x.type, (value) => compute(value, context)),
      3,
    );
  };

/** (condition, a, its scale and zero point, b, …, the scale and zero point of the result) */
const QLinearWhere: Lowering = (context) => {
  const [a, b] = [numbersAt(context, 1), numbersAt(context, 4)];
  return codes(context, elementwise(context, [context.input(0), a, b], a.type, select), 7);
};

/** (scale, zero point, then each part with its own) */
const QLinearConcat: Lowering = (context) => {
  const [scale, zero] = [context.input(0), context.input(1)];
  const parts = Array.from({ length: Math.floor((context.inputCount - 2) / 3) }, (_, i) =>
    quantised(context, numbersAt(context, 2 + 3 * i), scale, zero),
  );
  const [first] = parts;
  ensure(first, 'it has no inputs');
  return joined(context, parts, context.axis(context.int('axis', 0), first.shape.length), zero.type);
};

const QLinearSoftmax: Lowering = (context) => {
  const x = numbersAt(context, 0);
  const rank = x.shape.length;
  ensure(context.int('opset', 13) >= 13, 'opset below 13 is not supported');
  return codes(context, softmaxAlong(context, x, context.axis(context.int('axis', -1), rank)), 3);
};

const lastToSecond = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];
const secondToLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

/** Runs an operator of channels first on a tensor whose channels are last, if the node says so. */
function withChannelsFirst(isLast: boolean, context: Context, x: Tensor, run: (x: Tensor) => Tensor): Tensor {
  if (!isLast) return run(x);
  const rank = x.shape.length;
  return permuted(context, run(permuted(context, x, lastToSecond(rank))), secondToLast(rank));
}

const hasChannelsLast = (context: Context): boolean => context.int('channels_last', 0) !== 0;

/** Runs a pool of the standard operators on numbers. */
function pooled(context: Context, name: 'AveragePool' | 'GlobalAveragePool'): Tensor {
  const run = (x: Tensor) => pools[name]!(context.withInputs([x])) as Tensor;
  return withChannelsFirst(hasChannelsLast(context), context, numbersAt(context, 0), run);
}

/** onnxruntime adds the zero point of this one before it rounds, which is another code at ties. */
const QLinearAveragePool: Lowering = (context) => {
  const zero = zeroAt(context, 4);
  const inputs = [pooled(context, 'AveragePool'), context.input(3), zero];
  return elementwise(context, inputs, zero.type, (y, scale, point) =>
    saturated(zero.type, f32.add(f32.div(y!, scale!), f32.fromI32(point!)), i32.of(0)),
  );
};

const NhwcMaxPool: Lowering = (context) =>
  withChannelsFirst(
    true,
    context,
    context.input(0),
    (x) => pools['MaxPool']!(context.withInputs([x])) as Tensor,
  );

const QLinearConv: Lowering = (context) =>
  withChannelsFirst(hasChannelsLast(context), context, context.input(0), (x) =>
    quantisedConvolution(context, x),
  );

/** Sums of products as numbers, by the product of the scales, plus a bias. */
function scaledProduct(
  context: Context,
  factors: Parameters<typeof integerMatrixProduct>[1],
  scales: readonly [Tensor, Tensor],
  bias: Tensor | undefined,
): Tensor {
  const scale = elementwise(context, scales, scales[0].type, f32.mul);
  return integerMatrixProduct(context, factors, scale.type, (sum, indices) => {
    const value = f32.mul(f32.fromI32(sum), broadcastAt(scale, indices));
    return bias ? f32.add(value, broadcastAt(bias, indices)) : value;
  });
}

/** (a, b, a's scale, b's scale, a's zero point, b's zero point, bias) */
const MatMulIntegerToFloat: Lowering = (context) =>
  scaledProduct(
    context,
    [context.input(0), context.input(1), context.optional(4), context.optional(5)],
    [context.input(2), context.input(3)],
    context.optional(6),
  );

/** (a, b, b's scale, b's zero point, bias) with a quantised on the way */
const DynamicQuantizeMatMul: Lowering = (context) => {
  const [a, scale, zero] = dynamicallyQuantised(context, context.input(0));
  const factors = [a, context.input(1), zero, context.optional(3)] as const;
  return scaledProduct(context, factors, [scale, context.input(2)], context.optional(4));
};

/** (a, scale, zero point, b, scale, zero point, bias in products, scale and zero point of the result) */
const QGemm: Lowering = (context) => {
  const turned = (i: number, name: string): Tensor =>
    context.int(name, 0) !== 0 ? permuted(context, context.input(i), [1, 0]) : context.input(i);
  const [a, b] = [turned(0, 'transA'), turned(3, 'transB')];
  const [bias, yScale, yZero] = [context.optional(6), context.optional(7), context.optional(8)];
  const alpha = f32.of(context.float('alpha', 1));
  const scales = [context.input(1), context.input(4), ...(yScale ? [yScale] : [])];
  const factor = elementwise(context, scales, TYPES.float, (p, q, r) => {
    const product = f32.mul(f32.mul(alpha, p!), q!);
    return r ? f32.div(product, r) : product;
  });
  const type = yZero?.type ?? TYPES.float;
  return integerMatrixProduct(context, [a, b, context.input(2), context.input(5)], type, (sum, indices) => {
    const total = bias ? i32.add(sum, broadcastAt(bias, indices)) : sum;
    const value = f32.mul(f32.fromI32(total), broadcastAt(factor, indices));
    return yZero ? saturated(type, value, broadcastAt(yZero, indices)) : value;
  });
};

/** (input, weights, bias, input's scale, weights' scale, mask, input's zero point, weights' zero point, past) */
const QAttention: Lowering = (context) => {
  const factors = [context.input(0), context.input(1), context.optional(6), context.optional(7)] as const;
  const qkv = scaledProduct(context, factors, [context.input(3), context.input(4)], context.input(2));
  return selfAttention(context, qkv, {
    mask: context.optional(5),
    past: context.optional(8),
    bias: undefined,
  });
};

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
  const middle = packed.type.signed ? 0 : 2 ** (bits - 1);
  const indices = normalIndices(context, context.input(1), levels.shape[gathered] as number);
  const own = indices.shape.length;
  return context.define({
    type: scales.type,
    shape: [...levels.shape.slice(0, gathered), ...indices.shape, ...levels.shape.slice(gathered + 1)],
    body: (place) => {
      const row = { gathered: at(indices, place.slice(gathered, gathered + own)) };
      const full: Place[] = [...place.slice(0, gathered), row, ...place.slice(gathered + own)];
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
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QuantizeLinear
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DequantizeLinear
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAdd
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearMul
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearSigmoid
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearLeakyRelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearSoftmax
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearConcat
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearWhere
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAveragePool
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearGlobalAveragePool
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearConv
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.NhwcMaxPool
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulIntegerToFloat
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeMatMul
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QGemm
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QAttention
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized
 */
export const operators: Operators = {
  QuantizeLinear: standard.QuantizeLinear!,
  DequantizeLinear: standard.DequantizeLinear!,
  QLinearAdd: binary(f32.add),
  QLinearMul: binary(f32.mul),
  QLinearSigmoid: unary(sigmoid),
  QLinearLeakyRelu: unary((x, context) => {
    const scaled = f32.mul(x, f32.of(context.float('alpha', 0.01)));
    return select(f32.lt(x, f32.of(0)), scaled, x);
  }),
  QLinearSoftmax,
  QLinearConcat,
  QLinearWhere,
  QLinearAveragePool,
  QLinearGlobalAveragePool: (context) => codes(context, pooled(context, 'GlobalAveragePool'), 3),
  QLinearConv,
  NhwcMaxPool,
  MatMulIntegerToFloat,
  DynamicQuantizeMatMul,
  QGemm,
  QAttention,
  MatMulNBits,
  GatherBlockQuantized,
};
