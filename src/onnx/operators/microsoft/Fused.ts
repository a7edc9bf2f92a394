import { ensure } from '../../errors.ts';
import { sigmoid, tanh } from '../../functions/index.ts';
import { type Expression, f32, select } from '../../ir/expression.ts';
import { constantIndex } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { gelu, geluTanh } from '../math/Activations.ts';
import { operators as matrix, matrixProduct } from '../math/Matrix.ts';
import { softmaxAlong } from '../math/Softmax.ts';
import { operators as convolution } from '../nn/Conv.ts';
import { permuted, reshaped } from '../tensor/Shapes.ts';

/** Operators that onnxruntime's optimiser makes of several: each is what those were. */

const ZERO = f32.of(0);

/** A named activation with its parameters in order. */
function activationOf(name: string, parameters: readonly number[]): (x: Expression) => Expression {
  const parameter = (i: number, otherwise: number): Expression => f32.of(parameters[i] ?? otherwise);
  switch (name) {
    case '':
      return (x) => x;
    case 'Relu':
      return (x) => f32.max(x, ZERO);
    case 'Tanh':
      return tanh;
    case 'Sigmoid':
      return sigmoid;
    case 'LeakyRelu':
      return (x) => select(f32.lt(x, ZERO), f32.mul(x, parameter(0, 0.01)), x);
    case 'Clip':
      return (x) =>
        f32.min(f32.max(x, parameter(0, -3.4028234663852886e38)), parameter(1, 3.4028234663852886e38));
    case 'HardSigmoid':
      return (x) =>
        f32.max(ZERO, f32.min(f32.of(1), f32.add(f32.mul(parameter(0, 0.2), x), parameter(1, 0.5))));
    default:
      ensure(
        false,
        `activation ${name} is not supported; Relu, Tanh, Sigmoid, LeakyRelu, Clip and HardSigmoid are`,
      );
  }
}

/** Conv, then a tensor added, then an activation. */
const FusedConv: Lowering = (context) => {
  const made = convolution['Conv']!(context) as Tensor;
  const activation = activationOf(
    context.string('activation', ''),
    context.floats('activation_params') ?? [],
  );
  const added = context.optional(3);
  return elementwise(context, added ? [made, added] : [made], made.type, (x, z) =>
    activation(z ? f32.add(x!, z) : x!),
  );
};

const FusedGemm: Lowering = (context) => {
  const made = matrix['Gemm']!(context) as Tensor;
  const name = context.string('activation', '');
  const parameters = ['alpha', 'beta', 'gamma'].flatMap((which) =>
    context.has(`activation_${which}`) ? [context.float(`activation_${which}`, 0)] : [],
  );
  return elementwise(context, [made], made.type, activationOf(name, parameters));
};

/** The factor of a product: its batch dimensions behind the first one, its matrices transposed, if asked for. */
function factor(context: Context, x: Tensor, name: 'A' | 'B'): Tensor {
  const rank = x.shape.length;
  const isTransposed = context.int(`trans${name}`, 0) !== 0;
  const isMoved = context.int(`transBatch${name}`, 0) !== 0;
  if (rank < 2 || (!isTransposed && !isMoved)) return x;
  let order = x.shape.map((_, i) => i);
  if (isMoved) order = [...order.slice(1, -1), 0, rank - 1];
  if (isTransposed) order = [...order.slice(0, -2), order[rank - 1]!, order[rank - 2]!];
  return permuted(context, x, order);
}

const FusedMatMul: Lowering = (context) => {
  const [a, b] = [factor(context, context.input(0), 'A'), factor(context, context.input(1), 'B')];
  ensureFloat(a, b);
  const alpha = context.float('alpha', 1);
  const product = matrixProduct(context, a, b);
  return alpha === 1
    ? product
    : elementwise(context, [product], product.type, (x) => f32.mul(x, f32.of(alpha)));
};

/** An activation of the input plus a bias, which may be missing. */
const biased =
  (activation: (x: Expression, context: Context) => Expression): Lowering =>
  (context) => {
    const [x, bias] = [context.input(0), context.optional(1)];
    ensureFloat(x, ...(bias ? [bias] : []));
    return elementwise(context, bias ? [x, bias] : [x], x.type, (value, b) =>
      activation(b ? f32.add(value!, b) : value!, context),
    );
  };

const quickGelu = (x: Expression, context: Context): Expression =>
  f32.mul(x, sigmoid(f32.mul(x, f32.of(context.float('alpha', 1.702)))));

/** The first half of the last dimension times the Gelu of the second, after adding a bias. */
const BiasSplitGelu: Lowering = (context) => {
  const [x, bias] = [context.input(0), context.input(1)];
  ensureFloat(x, bias);
  const extent = x.shape.at(-1) as number;
  ensure(extent % 2 === 0, `the last dimension is ${extent}, which has no halves`);
  const sum = elementwise(context, [x, bias], x.type, f32.add);
  const half = (which: number): Tensor => {
    const parts = reshaped(context, sum, [...x.shape.slice(0, -1), 2, extent / 2]);
    return context.define({
      type: x.type,
      shape: [...x.shape.slice(0, -1), extent / 2],
      body: (indices) => at(parts, [...indices.slice(0, -1), constantIndex(which), indices.at(-1)!]),
    });
  };
  return elementwise(context, [half(0), half(1)], x.type, (left, right) => f32.mul(left!, gelu(right!)));
};

const BiasSoftmax: Lowering = (context) => {
  const [x, bias] = [context.input(0), context.input(1)];
  ensureFloat(x, bias);
  const rank = x.shape.length;
  const axis = context.axis(context.int('axis', 1), rank);
  // The softmax runs over all dimensions from the axis on.
  const rows = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const sum = elementwise(context, [x, biasFor(context, x, bias, axis)], x.type, f32.add);
  const flat = reshaped(context, sum, [rows, x.shape.slice(axis).reduce((a, b) => a * b, 1)]);
  return reshaped(context, softmaxAlong(context, flat, 1), x.shape);
};

/** The bias shaped to broadcast to x: along its inner batch dimensions, or along its outer ones. */
function biasFor(context: Context, x: Tensor, bias: Tensor, axis: number): Tensor {
  if (context.int('is_inner_broadcast', 1) === 0) return bias;
  const rank = x.shape.length;
  const missing = rank - bias.shape.length;
  const lead = bias.shape.length - (rank - axis);
  return missing === 0
    ? bias
    : reshaped(context, bias, [
        ...bias.shape.slice(0, lead),
        ...new Array<number>(missing).fill(1),
        ...bias.shape.slice(lead),
      ]);
}

/**
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedConv
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedGemm
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedMatMul
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.TransposeMatMul
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Gelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BiasGelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FastGelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QuickGelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BiasAdd
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BiasSplitGelu
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BiasSoftmax
 */
export const operators: Operators = {
  FusedConv,
  FusedGemm,
  FusedMatMul,
  TransposeMatMul: FusedMatMul,
  Gelu: biased(gelu),
  BiasGelu: biased(gelu),
  FastGelu: biased(geluTanh),
  QuickGelu: biased(quickGelu),
  BiasAdd: (context) =>
    elementwise(
      context,
      [context.input(0), context.input(1), context.input(2)],
      context.input(0).type,
      (x, b, s) => f32.add(f32.add(x!, b!), s!),
    ),
  BiasSplitGelu,
  BiasSoftmax,
};
