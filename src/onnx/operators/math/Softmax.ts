import { sizeOf } from '../../../program/node.ts';
import { NEGATIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { exp, log } from '../../functions/index.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { differsFrom, elementwise, ensureFloat } from '../elementwise.ts';
import { type Extremum, exactExtremum } from '../extremes.ts';
import { reshaped } from '../tensor/Shapes.ts';

const along = (indices: readonly Index[], axis: number, index: Index): Index[] =>
  indices.map((own, i) => (i === axis ? index : own));

/** One value for each line along an axis, kept with extent 1. */
function reducedAlong(context: Context, x: Tensor, axis: number, init: number, step: typeof f32.add): Tensor {
  const rounded = step === f32.add ? context.rounding(x.type) : same;
  return context.define({
    type: x.type,
    shape: x.shape.map((extent, i) => (i === axis ? 1 : extent)),
    body: (indices) =>
      rounded(
        fold([x.shape[axis] as number], init, ([k], accumulator) =>
          step(accumulator, at(x, along(indices, axis, k!))),
        ),
      ),
  });
}

const same = (x: Expression): Expression => x;

/** An element-by-element step; in a narrow type it is rounded as in ONNX's definition by single operators. */
const stepOf = (
  context: Context,
  inputs: readonly [Tensor, ...Tensor[]],
  compute: (...elements: Expression[]) => Expression,
): Tensor => {
  const { type } = inputs[0];
  const rounded = context.rounding(type);
  return elementwise(context, inputs, type, (...elements) => rounded(compute(...elements)));
};

/** x minus its greatest element along the axis: then exp neither overflows nor loses everything. */
function centred(context: Context, x: Tensor, axis: number): Tensor {
  const most = reducedAlong(context, x, axis, NEGATIVE_INFINITY_BITS, f32.max);
  return stepOf(context, [x, most], f32.sub);
}

/** e^x over the sum of e^x along an axis. */
export const softmaxAlong = (context: Context, x: Tensor, axis: number): Tensor => {
  const exponentials = stepOf(context, [centred(context, x, axis)], exp);
  const sum = reducedAlong(context, exponentials, axis, 0, f32.add);
  return context.exact(stepOf(context, [exponentials, sum], f32.div));
};

/** x - max - ln(sum of e^(x - max)) */
export const logSoftmaxAlong = (context: Context, x: Tensor, axis: number): Tensor => {
  const moved = centred(context, x, axis);
  const exponentials = stepOf(context, [moved], exp);
  const sum = reducedAlong(context, exponentials, axis, 0, f32.add);
  const rounded = context.rounding(x.type);
  return context.exact(stepOf(context, [moved, sum], (value, s) => f32.sub(value!, rounded(log(s!)))));
};

function differsFromGreatest(context: Context, x: Tensor, axis: number): Extremum['differs'] {
  const most = reducedAlong(context, x, axis, NEGATIVE_INFINITY_BITS, f32.max);
  return (indices, [k]) => differsFrom(x.type, at(x, along(indices, axis, k!)), at(most, indices));
}

/** 1 at the first greatest element of each line, 0 elsewhere. */
const hardmaxAlong = (context: Context, x: Tensor, axis: number): Tensor => {
  context.doubles.exactHalves(x);
  const extent = x.shape[axis] as number;
  const shape = x.shape.map((own, i) => (i === axis ? 1 : own));
  const indicesAt = (indices: readonly Index[], [k]: readonly Index[]) => along(indices, axis, k!);
  const differs =
    exactExtremum(context, x, true, { shape, extents: [extent], indicesAt })?.differs ??
    differsFromGreatest(context, x, axis);
  const position = context.define({
    type: TYPES.int32,
    shape,
    body: (indices) =>
      fold([extent], extent, ([k], accumulator) =>
        select(differs(indices, [k!]), accumulator, i32.min(accumulator, indexValue(k!))),
      ),
  });
  return context.define({
    type: x.type,
    shape: x.shape,
    body: (indices) =>
      select(
        i32.eq(indexValue(indices[axis]!), at(position, along(indices, axis, constantIndex(0)))),
        f32.of(1),
        f32.of(0),
      ),
  });
};

/** Up to version 12 the input is taken as a matrix whose columns start at `axis`. */
const normalising =
  (compute: (context: Context, x: Tensor, axis: number) => Tensor): Lowering =>
  (context) => {
    const x = context.input(0);
    ensureFloat(x);
    const rank = x.shape.length;
    if (context.version >= 13) return compute(context, x, context.axis(context.int('axis', -1), rank));
    const axis = context.axis(context.int('axis', 1), rank);
    const matrix = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
    return reshaped(context, compute(context, reshaped(context, x, matrix), 1), x.shape);
  };

/**
 * @see https://onnx.ai/onnx/operators/onnx__Softmax.html
 * @see https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
 * @see https://onnx.ai/onnx/operators/onnx__Hardmax.html
 */
export const operators: Operators = {
  Softmax: normalising(softmaxAlong),
  LogSoftmax: normalising(logSoftmaxAlong),
  Hardmax: normalising(hardmaxAlong),
};
