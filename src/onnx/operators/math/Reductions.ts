import { sizeOf } from '../../../program/node.ts';
import { NEGATIVE_INFINITY_BITS, POSITIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { exp, log } from '../../functions/index.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { isNarrowed, type Range, rangeOfType, TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { differsFrom, elementwise, ensureFloat, maximum, minimum } from '../elementwise.ts';
import { type Extremum, exactExtremum, type Lines } from '../extremes.ts';
import { reshaped } from '../tensor/Shapes.ts';

/** Folds over axes; the axes are an attribute or, since version 13 (ReduceSum) or 18, an input. */

interface Reduction {
  readonly init: (x: Tensor) => number;
  readonly step: (x: Tensor) => (accumulator: Expression, element: Expression) => Expression;
  /** @param count elements that each result is made of */
  readonly finish?: (accumulator: Expression, count: number, x: Tensor) => Expression;
  readonly floatsOnly?: boolean;
  readonly takesBool?: boolean;
  /** Whether the reduction of one element is that element. */
  readonly isPlain?: boolean;
  /** The element that each result is, which then has all the digits of its type. */
  readonly exactly?: 'greatest' | 'least';
}

/** Axes of a reduction; none with noop_with_empty_axes, where each element is reduced alone. */
function axesOfNode(context: Context, rank: number): number[] {
  const given = context.inputCount > 1 ? context.knownOr(1, 'axes', undefined) : context.ints('axes');
  const isNone = context.int('noop_with_empty_axes', 0) !== 0;
  if (given === undefined || given.length === 0) {
    return isNone ? [] : Array.from({ length: rank }, (_, i) => i);
  }
  return context.axes(given, rank).sort((a, b) => a - b);
}

/** Shape after reducing, and the full indices for given indices of the result and of the reduced axes. */
export function reducedShape(shape: readonly number[], axes: readonly number[], keep: boolean) {
  const isReduced = (i: number): boolean => axes.includes(i);
  return {
    shape: shape.flatMap((extent, i) => (!isReduced(i) ? [extent] : keep ? [1] : [])),
    full: (indices: readonly Index[], reduced: readonly Index[]): Index[] => {
      const rest = keep ? indices.filter((_, i) => !isReduced(i)) : [...indices];
      let next = 0;
      return shape.map((_, i) => (isReduced(i) ? reduced[axes.indexOf(i)] : rest[next++]) as Index);
    },
  };
}

const reduction =
  ({ init, step, finish, floatsOnly, takesBool, isPlain, exactly }: Reduction): Lowering =>
  (context) => {
    const x = context.input(0);
    if (floatsOnly) ensureFloat(x);
    ensure(takesBool || x.type.family !== 'bool', 'bool cannot be reduced so');
    const axes = axesOfNode(context, x.shape.length);
    const { shape, full } = reducedShape(x.shape, axes, context.int('keepdims', 1) !== 0);
    if (axes.length === 0 && isPlain) return x;
    const extents = axes.map((axis) => x.shape[axis] as number);
    const count = sizeOf(extents);
    const combine = step(x);
    const exact =
      exactly && exactExtremum(context, x, exactly === 'greatest', { shape, extents, indicesAt: full });
    if (exact) return exact.values;
    return context.define({
      type: x.type,
      shape,
      body: (indices) => {
        const folded = fold(extents, init(x), (reduced, accumulator) =>
          combine(accumulator, at(x, full(indices, reduced))),
        );
        return finish ? finish(folded, count, x) : folded;
      },
    });
  };

const magnitude = (x: Expression): Expression => select(i32.lt(x, i32.of(0)), i32.sub(i32.of(0), x), x);
const sumStep = (x: Tensor) => (x.type.family === 'float' ? f32.add : i32.add);
const productStep = (x: Tensor) => (x.type.family === 'float' ? f32.mul : i32.mul);

const least = (x: Tensor): number =>
  x.type.family === 'float' ? NEGATIVE_INFINITY_BITS : rangeOfNarrow(x).low;
const greatest = (x: Tensor): number =>
  x.type.family === 'float' ? POSITIVE_INFINITY_BITS : rangeOfNarrow(x).high;
const rangeOfNarrow = (x: Tensor): Range => (isNarrowed(x.type) ? boundsOf(x) : rangeOfType(x.type));

function extremum(
  context: Context,
  x: Tensor,
  which: typeof maximum,
  init: number,
  { shape, extents, indicesAt }: Lines,
): Extremum {
  const values = context.define({
    type: x.type,
    shape,
    ...(x.range ? { range: x.range } : {}),
    body: (indices) =>
      fold(extents, init, (k, accumulator) => which(x.type)(accumulator, at(x, indicesAt(indices, k)))),
  });
  const differs: Extremum['differs'] = (indices, k) =>
    differsFrom(x.type, at(x, indicesAt(indices, k)), at(values, indices));
  return { values, differs };
}

/**
 * Index of the greatest (or least) element along an axis: the extremum first, then the first (or last) position
 * that holds it. A line with a NaN yields the position of a NaN.
 */
const extremePosition =
  (which: typeof maximum, init: (x: Tensor) => number): Lowering =>
  (context) => {
    const x = context.input(0);
    const axis = context.axis(context.int('axis', 0), x.shape.length);
    const extent = x.shape[axis] as number;
    const keep = context.int('keepdims', 1) !== 0;
    const last = context.int('select_last_index', 0) !== 0;
    const { shape, full } = reducedShape(x.shape, [axis], keep);
    context.doubles.exactHalves(x);
    const lines = { shape, extents: [extent], indicesAt: full };
    const { differs } =
      exactExtremum(context, x, which === maximum, lines) ?? extremum(context, x, which, init(x), lines);
    return context.define({
      type: TYPES.int64,
      shape,
      range: { low: 0, high: Math.max(0, extent - 1) },
      body: (indices) =>
        fold([extent], last ? -1 : extent - 1, ([k], accumulator) => {
          const position = indexValue(k!);
          return select(
            differs(indices, [k!]),
            accumulator,
            last ? i32.max(accumulator, position) : i32.min(accumulator, position),
          );
        }),
    });
  };

/** max + ln(sum of e^(x - max)), so that nothing overflows on the way; a maximum that is infinite is left out. */
const logSumExp: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const axes = axesOfNode(context, x.shape.length);
  const extents = axes.map((axis) => x.shape[axis] as number);
  const kept = reducedShape(x.shape, axes, true);
  const most = context.define({
    type: x.type,
    shape: kept.shape,
    body: (indices) =>
      fold(extents, least(x), (k, accumulator) => f32.max(accumulator, at(x, kept.full(indices, k)))),
  });
  const shift = (m: Expression) => select(f32.lt(f32.abs(m), f32.of(Number.POSITIVE_INFINITY)), m, f32.of(0));
  const exponentials = elementwise(context, [x, most], x.type, (value, m) => exp(f32.sub(value!, shift(m!))));
  const sum = context.define({
    type: x.type,
    shape: kept.shape,
    body: (indices) =>
      fold(extents, 0, (k, accumulator) => f32.add(accumulator, at(exponentials, kept.full(indices, k)))),
  });
  const y = elementwise(context, [sum, most], x.type, (s, m) => f32.add(log(s!), shift(m!)));
  if (context.int('keepdims', 1) !== 0) return y;
  return reshaped(context, y, reducedShape(x.shape, axes, false).shape);
};

const sumOfSquares = reduction({
  init: () => 0,
  step: (x) => (accumulator, element) => sumStep(x)(accumulator, productStep(x)(element, element)),
});

const rootOfSquares = reduction({
  init: () => 0,
  step: () => (accumulator, element) => f32.add(accumulator, f32.mul(element, element)),
  finish: (sum) => f32.sqrt(sum),
  floatsOnly: true,
});

/** The root of the sum of squares; of integers it is cut off to one, as in NumPy. */
const ReduceL2: Lowering = (context) => {
  const { type } = context.input(0);
  if (type.family === 'float') return rootOfSquares(context);
  ensure(type.family === 'integer' && type.bits >= 32, `${type.name} is not supported in ReduceL2`);
  const sum = sumOfSquares(context) as Tensor;
  return elementwise(context, [sum], type, integerRoot, { low: 0, high: GREATEST_ROOT });
};

/** Of 2^31 - 1. */
const GREATEST_ROOT = 46340;

/** The greatest integer whose square is not above an int32; float32 may be one off either way. */
function integerRoot(x: Expression): Expression {
  const near = i32.min(i32.fromF32(f32.sqrt(f32.fromI32(x))), i32.of(GREATEST_ROOT));
  const next = i32.add(near, i32.of(1));
  const isBelow = i32.not(i32.ltU(x, i32.mul(next, next)));
  const isAbove = i32.ltU(x, i32.mul(near, near));
  return i32.min(i32.sub(i32.add(near, isBelow), isAbove), i32.of(GREATEST_ROOT));
}

/**
 * @see https://onnx.ai/onnx/operators/onnx__ReduceSum.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceMean.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceMax.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceMin.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceProd.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceSumSquare.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceL1.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceL2.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html
 * @see https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html
 * @see https://onnx.ai/onnx/operators/onnx__ArgMax.html
 * @see https://onnx.ai/onnx/operators/onnx__ArgMin.html
 */
export const operators: Operators = {
  ReduceSum: reduction({ init: () => 0, step: sumStep, isPlain: true }),
  // A mean of integers is cut off to one.
  ReduceMean: reduction({
    init: () => 0,
    step: sumStep,
    finish: (sum, count, x) =>
      x.type.family === 'float' ? f32.div(sum, f32.of(count)) : i32.div(sum, i32.of(count)),
    isPlain: true,
  }),
  ReduceMax: reduction({
    init: least,
    step: (x) => maximum(x.type),
    takesBool: true,
    isPlain: true,
    exactly: 'greatest',
  }),
  ReduceMin: reduction({
    init: greatest,
    step: (x) => minimum(x.type),
    takesBool: true,
    isPlain: true,
    exactly: 'least',
  }),
  ReduceProd: reduction({
    init: (x) => (x.type.family === 'float' ? f32.of(1).word : 1),
    step: productStep,
    isPlain: true,
  }),
  ReduceSumSquare: sumOfSquares,
  ReduceL1: reduction({
    init: () => 0,
    step: (x) => (accumulator, element) =>
      sumStep(x)(accumulator, x.type.family === 'float' ? f32.abs(element) : magnitude(element)),
  }),
  ReduceL2,
  ReduceLogSum: reduction({ init: () => 0, step: sumStep, finish: (sum) => log(sum), floatsOnly: true }),
  ReduceLogSumExp: logSumExp,
  ArgMax: extremePosition(maximum, least),
  ArgMin: extremePosition(minimum, greatest),
};
