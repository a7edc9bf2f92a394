import { ensure } from '../../errors.ts';
import { sigmoid } from '../../functions/index.ts';
import { type Expression, f32, i32, select } from '../../ir/expression.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { broadcastAt } from '../broadcast.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { elementwise } from '../elementwise.ts';
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
import { joined } from '../tensor/Parts.ts';
import { permuted } from '../tensor/Shapes.ts';
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
};
