import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, select } from '../../ir/expression.ts';
import { type Index, quotient } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { elementType } from '../../read/tensor.ts';
import { toFormat } from '../../tensors/narrowFloats.ts';
import { type ElementType, rangeOfType, TYPES } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { convolutionOf, convolved } from '../nn/Conv.ts';
import { reshaped } from '../tensor/Shapes.ts';
import { numbersOf, scalarOf } from '../value.ts';

/** Quantised operators. Products and zero points are exact integers; scaling rounds once, half to even. */

const isByte = ({ type }: Tensor): boolean => type.family === 'integer' && type.bits === 8;

/** A parameter of one value, or one for each step of an axis, shaped to broadcast to `rank` dimensions. */
function alongAxis(context: Context, parameter: Tensor, axis: number, rank: number): Tensor {
  if (parameter.shape.length === 0) return parameter;
  ensure(
    parameter.shape.length === 1,
    `a parameter of shape [${parameter.shape}] is not one by tensor or by axis`,
  );
  const [extent = 1] = parameter.shape;
  if (extent === 1) return reshaped(context, parameter, []);
  return reshaped(
    context,
    parameter,
    Array.from({ length: rank }, (_, i) => (i === axis ? extent : 1)),
  );
}

/** A scale or zero point as it applies to an element. */
type ParameterAt = (indices: readonly Index[]) => Expression;

/** Parameters by tensor, by axis, or by block of an axis (attributes axis and block_size). */
function parameterOf(context: Context, x: Tensor, parameter: Tensor): ParameterAt {
  const rank = x.shape.length;
  const block = context.int('block_size', 0);
  // A parameter of one value has no axis, whatever the attribute says.
  context.disregard('axis');
  if (block > 0 && parameter.shape.length > 0) {
    const axis = context.axis(context.int('axis', 1), rank);
    const expected = x.shape.map((extent, i) => (i === axis ? Math.ceil(extent / block) : extent));
    ensure(
      `${parameter.shape}` === `${expected}`,
      `"${parameter.name}" of shape [${parameter.shape}] is not one of blocks [${expected}]`,
    );
    return (indices) =>
      at(
        parameter,
        indices.map((index, i) => (i === axis ? quotient(index, block) : index)),
      );
  }
  const isSingle = parameter.shape.length !== 1 || parameter.shape[0] === 1;
  const axis = isSingle ? 0 : context.axis(context.int('axis', 1), rank);
  const shaped = alongAxis(context, parameter, axis, rank);
  return (indices) => broadcastAt(shaped, indices);
}

/** round(value) + zero point, saturated to the type. */
export function saturated(type: ElementType, value: Expression, zeroPoint: Expression): Expression {
  const { low, high } = rangeOfType(type);
  const zero = f32.fromI32(zeroPoint);
  // Sums of integers below 2^24 are exact; the bounds are taken before the conversion, which NaN passes as 0.
  const shifted = f32.add(f32.nearest(value), zero);
  return i32.fromF32(f32.min(f32.max(shifted, f32.of(low)), f32.of(high)));
}

const zeroOf = (context: Context, type: ElementType): Tensor => context.constant(type, [], [0]);

/**
 * x / scale, rounded as the attribute `precision`, or else the scale's type, says.
 *
 * @throws Refusal if the precision is no float type
 */
function quotientOf(
  context: Context,
  x: Tensor,
  scale: Tensor,
): (x: Expression, by: Expression) => Expression {
  const code = context.int('precision', 0);
  const precision = code === 0 ? scale.type : elementType(code);
  ensure(precision.family === 'float', `a division in ${precision.name} is not one of floats`);
  const round = context.rounding(precision);
  const isSame = (type: ElementType): boolean => type === precision;
  const [dividend, divisor] = [isSame(x.type) ? same : round, isSame(scale.type) ? same : round];
  return (value, by) => round(f32.div(dividend(value), divisor(by)));
}

const same = (value: Expression): Expression => value;

/** (x / scale) + zero point in the zero point's type, with the parameters that the node's attributes describe. */
export function quantised(context: Context, x: Tensor, scale: Tensor, zero: Tensor): Tensor {
  const { type } = zero;
  ensureFloat(scale);
  const isFloat = type.family === 'float' && type.bits <= 8;
  ensure(
    (isFloat && type !== TYPES.float8e8m0) || (type.family === 'integer' && type.bits <= 16),
    `quantising to ${type.name} is not supported`,
  );
  const [scaleAt, zeroAt] = [parameterOf(context, x, scale), parameterOf(context, x, zero)];
  const divide = quotientOf(context, x, scale);
  const saturate = context.int('saturate', 1) !== 0;
  const rounded = type.format && toFormat(type.format, { saturate });
  const isCentred = isZero(zero);
  const made = context.define({
    type,
    shape: x.shape,
    body: (indices) => {
      const element = at(x, indices);
      const value = x.type.family === 'float' ? element : f32.fromI32(element);
      const quotient = divide(value, scaleAt(indices));
      if (!rounded) return saturated(type, quotient, zeroAt(indices));
      return rounded(isCentred ? quotient : f32.add(quotient, zeroAt(indices)));
    },
  });
  return rounded ? context.exact(made) : made;
}

/** (x - zero point) * scale, with the parameters that the node's attributes describe. */
export function dequantised(context: Context, x: Tensor, scale: Tensor, zero: Tensor | undefined): Tensor {
  ensureFloat(scale);
  const isFloat = x.type.family === 'float' && x.type.bits <= 8;
  ensure(
    isFloat || (x.type.family === 'integer' && x.type.bits <= 32),
    `dequantising ${x.type.name} is not supported`,
  );
  const scaleAt = parameterOf(context, x, scale);
  const zeroAt = zero && !(isFloat && isZero(zero)) ? parameterOf(context, x, zero) : undefined;
  const code = context.int('output_dtype', 0);
  const type = code === 0 ? scale.type : elementType(code);
  ensure(type.family === 'float', `dequantising to ${type.name} is not supported`);
  return context.define({
    type,
    shape: x.shape,
    body: (indices) => {
      const element = at(x, indices);
      const difference = isFloat ? f32.sub : i32.sub;
      const centre = zeroAt ? difference(element, zeroAt(indices)) : element;
      return f32.mul(isFloat ? centre : f32.fromI32(centre), scaleAt(indices));
    },
  });
}

const QuantizeLinear: Lowering = (context) => {
  const x = context.input(0);
  ensure(
    x.type.family === 'float' || x.type === TYPES.int32,
    `"${x.name}" is of type ${x.type.name}; only floats and int32 are quantised`,
  );
  const code = context.int('output_dtype', 0);
  const type = code === 0 ? TYPES.uint8 : elementType(code);
  const scale = context.input(1);
  const zero = context.optional(2);
  ensure(
    !zero || code === 0 || zero.type === type,
    () => `output_dtype is ${type.name}, and the zero point is of type ${zero?.type.name}`,
  );
  return quantised(context, x, scale, zero ?? zeroOf(context, type));
};

const DequantizeLinear: Lowering = (context) =>
  dequantised(context, context.input(0), context.input(1), context.optional(2));

/** Scale and zero point from the tensor's own range, which is made to hold 0. */
export function dynamicallyQuantised(context: Context, x: Tensor): [y: Tensor, scale: Tensor, zero: Tensor] {
  ensureFloat(x);
  const extremum = (combine: typeof f32.min) =>
    context.define({
      type: x.type,
      shape: [],
      body: () => fold(x.shape, 0, (indices, accumulator) => combine(accumulator, at(x, indices))),
    });
  const [least, greatest] = [extremum(f32.min), extremum(f32.max)];
  // A tensor of zeros has no scale; 1 does as well as any.
  const scale = elementwise(context, [least, greatest], x.type, (low, high) =>
    select(f32.eq(low!, high!), f32.of(1), f32.div(f32.sub(high!, low!), f32.of(255))),
  );
  const zero = elementwise(context, [least, scale], TYPES.uint8, (low, s) =>
    saturated(TYPES.uint8, f32.div(f32.neg(low!), s!), i32.of(0)),
  );
  const y = elementwise(context, [x, scale, zero], TYPES.uint8, (value, s, z) =>
    saturated(TYPES.uint8, f32.div(value!, s!), z!),
  );
  return [y, scale, zero];
}

const DynamicQuantizeLinear: Lowering = (context) => dynamicallyQuantised(context, context.input(0));

/** The tensor with its zero point taken off, if that is not simply 0. */
function centred(context: Context, x: Tensor, zero: Tensor): Tensor {
  return elementwise(context, [x, zero], TYPES.int32, i32.sub, { low: -255, high: 255 });
}

/** Whether a zero point is known to be 0, as it is for filters that were quantised symmetrically. */
const isZero = (zero: Tensor): boolean => numbersOf(zero)?.every((value) => value === 0) === true;

interface Factors {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly fill: number;
  readonly aZero: Expression;
}

/** Factors of an integer product: a constant zero point is subtracted where it is used, another beforehand. */
function factorsOf(
  context: Context,
  a: Tensor,
  b: Tensor,
  aZero: Tensor | undefined,
  bZero: Tensor | undefined,
): Factors {
  ensure(
    isByte(a) && isByte(b),
    `factors are of types ${a.type.name} and ${b.type.name}, not 8-bit integers`,
  );
  const known = aZero ? scalarOf(aZero) : 0;
  return {
    a: known === undefined && aZero ? centred(context, a, aZero) : a,
    b: bZero && !isZero(bZero) ? centred(context, b, bZero) : b,
    fill: known ?? 0,
    aZero: i32.of(known ?? 0),
  };
}

const less = (value: Expression, zero: Expression): Expression =>
  zero.kind === 'literal' && zero.word === 0 ? value : i32.sub(value, zero);

type Finish = (sum: Expression, indices: readonly Index[]) => Expression;

function integerConvolution(
  context: Context,
  [x, w, xZero, wZero]: readonly [Tensor, Tensor, Tensor | undefined, Tensor | undefined],
  type: ElementType,
  finish: (sum: Expression, co: Index) => Expression,
): Tensor {
  const rank = w.shape.length;
  const filterZero = wZero && alongAxis(context, wZero, 0, rank);
  const { a, b, fill, aZero } = factorsOf(context, x, w, xZero, filterZero);
  return convolved(context, convolutionOf(context, x, w), a, b, {
    type,
    fill,
    step: (accumulator, element, weight) => i32.add(accumulator, i32.mul(less(element, aZero), weight)),
    finish,
  });
}

const ConvInteger: Lowering = (context) =>
  integerConvolution(
    context,
    [context.input(0), context.input(1), context.optional(2), context.optional(3)],
    TYPES.int32,
    (sum) => sum,
  );

export function integerMatrixProduct(
  context: Context,
  [x, y, xZero, yZero]: readonly [Tensor, Tensor, Tensor | undefined, Tensor | undefined],
  type: ElementType,
  finish: Finish,
): Tensor {
  ensure(x.shape.length >= 2 && y.shape.length >= 2, 'vectors are not supported; matrices are');
  // The second factor's zero point goes by column, the first one's by row.
  const byColumn = yZero && alongAxis(context, yZero, y.shape.length - 1, y.shape.length);
  const byRow = xZero && alongAxis(context, xZero, x.shape.length - 2, x.shape.length);
  const { a, b, aZero } = factorsOf(context, x, y, byRow, byColumn);
  const depth = x.shape.at(-1) as number;
  ensure(depth === y.shape.at(-2), `matrices of shapes [${x.shape}] and [${y.shape}] do not multiply`);
  const batch = broadcastShapes([x.shape.slice(0, -2), y.shape.slice(0, -2)]);
  const elementOf = (tensor: Tensor, outer: readonly Index[], own: readonly Index[]) => {
    const shape = tensor.shape.slice(0, -2);
    const lead = broadcastAt({ ...tensor, shape }, outer).coordinates as Index[];
    return at(tensor, [...lead, ...own]);
  };
  return context.define({
    type,
    shape: [...batch, x.shape.at(-2) as number, y.shape.at(-1) as number],
    body: (indices) => {
      const outer = indices.slice(0, -2);
      const [row, column] = indices.slice(-2) as [Index, Index];
      const sum = fold([depth], 0, ([k], accumulator) => {
        const left = less(elementOf(a, outer, [row, k!]), aZero);
        return i32.add(accumulator, i32.mul(left, elementOf(b, outer, [k!, column])));
      });
      return finish(sum, indices);
    },
  });
}

const MatMulInteger: Lowering = (context) =>
  integerMatrixProduct(
    context,
    [context.input(0), context.input(1), context.optional(2), context.optional(3)],
    TYPES.int32,
    (sum) => sum,
  );

/** The factor that takes a sum of products to the output's scale: x_scale * w_scale / y_scale. */
const requantisation = (context: Context, x: Tensor, w: Tensor, y: Tensor): Tensor =>
  elementwise(context, [x, w, y], x.type, (a, b, c) => f32.div(f32.mul(a!, b!), c!));

/** Convolution of the input given (that of the node, or one with its dimensions permuted). */
export function quantisedConvolution(context: Context, x: Tensor): Tensor {
  const [xScale, xZero, w, wScale, wZero, yScale, yZero] = Array.from({ length: 7 }, (_, i) =>
    context.input(i + 1),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const bias = context.optional(8);
  const factor = requantisation(context, xScale, wScale, yScale);
  const type = yZero.type;
  return integerConvolution(context, [x, w, xZero, wZero], type, (sum, co) => {
    const total = bias ? i32.add(sum, at(bias, [co])) : sum;
    const scaled = f32.mul(f32.fromI32(total), broadcastAt(factor, [co]));
    return saturated(type, scaled, broadcastAt(yZero, [co]));
  });
}

const QLinearConv: Lowering = (context) => quantisedConvolution(context, context.input(0));

const QLinearMatMul: Lowering = (context) => {
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) =>
    context.input(i),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const factor = requantisation(context, aScale, bScale, yScale);
  const type = yZero.type;
  return integerMatrixProduct(context, [a, b, aZero, bZero], type, (sum, indices) =>
    saturated(type, f32.mul(f32.fromI32(sum), broadcastAt(factor, indices)), broadcastAt(yZero, indices)),
  );
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
 * @see https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 * @see https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
 * @see https://onnx.ai/onnx/operators/onnx__ConvInteger.html
 * @see https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
 * @see https://onnx.ai/onnx/operators/onnx__QLinearConv.html
 * @see https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
 */
export const operators: Operators = {
  QuantizeLinear,
  DequantizeLinear,
  DynamicQuantizeLinear,
  ConvInteger,
  MatMulInteger,
  QLinearConv,
  QLinearMatMul,
};
