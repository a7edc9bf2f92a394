import { sizeOf } from '../../../program/node.ts';
import { NEGATIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { add, flatten, multiply } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { rangeOfType, TYPES } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { differsFrom, ensureFloat, maximum } from '../elementwise.ts';
import { type Extremum, exactExtremum } from '../extremes.ts';
import { listOf } from '../list.ts';
import { floatPower } from '../math/Power.ts';
import { tapAt, type Window, windowOf } from './window.ts';

function pooled(
  context: Context,
  x: Tensor,
  window: Window,
  init: number,
  fill: number,
  step: (accumulator: Expression, element: Expression) => Expression,
  finish: (accumulator: Expression, divisors: readonly Expression[]) => Expression,
  counts?: Tensor,
): Tensor {
  return context.define({
    type: x.type,
    shape: [...x.shape.slice(0, 2), ...window.output],
    ...(x.range ? { range: x.range } : {}),
    channelsLast: true,
    body: ([n, c, ...spatial]) =>
      finish(
        fold(window.kernel, init, (tap, accumulator) =>
          step(accumulator, atOr(x, [n!, c!, ...spatial.map((p, i) => tapAt(window, i, p, tap[i]!))], fill)),
        ),
        counts ? [at(counts, spatial)] : [],
      ),
  });
}

function poolInput(context: Context): { x: Tensor; window: Window } {
  const x = context.input(0);
  ensure(x.shape.length >= 3, `the input's rank is ${x.shape.length}; at least 3 is needed`);
  const kernel = context.ints('kernel_shape');
  ensure(kernel, 'kernel_shape is missing');
  const window = windowOf(context, x.shape.slice(2), kernel);
  return { x, window };
}

const MaxPool: Lowering = (context) => {
  const { x, window } = poolInput(context);
  const least = x.type.family === 'float' ? NEGATIVE_INFINITY_BITS : rangeOfType(x.type).low;
  const larger = maximum(x.type);
  if (context.wants(1)) context.doubles.exactHalves(x);
  const exact = exactExtremum(context, x, true, {
    shape: [...x.shape.slice(0, 2), ...window.output],
    extents: window.kernel,
    indicesAt: ([n, c, ...spatial], tap) => [n!, c!, ...spatial.map((p, i) => tapAt(window, i, p, tap[i]!))],
  });
  const y = exact?.values ?? pooled(context, x, window, least, least, larger, (accumulator) => accumulator);
  // The order in which positions are numbered.
  context.disregard('storage_order');
  return context.wants(1) ? [y, maxPositions(context, x, y, window, exact)] : y;
};

/** Position in the whole of x of the first element of each window that is the greatest: MaxPool's second output. */
function maxPositions(context: Context, x: Tensor, y: Tensor, window: Window, exact?: Extremum): Tensor {
  const [, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const plane = sizeOf(spatial);
  ensure(sizeOf(x.shape) < 2 ** 31, `positions in [${x.shape}] do not fit int32`);
  const isColumnMajor = context.int('storage_order', 0) !== 0;
  const first = context.define({
    type: TYPES.int32,
    shape: y.shape,
    range: { low: 0, high: plane - 1 },
    channelsLast: true,
    body: (indices) =>
      fold(window.kernel, plane - 1, (tap, accumulator) => {
        const own = indices.slice(2).map((position, i) => tapAt(window, i, position, tap[i]!));
        const element = atOr(x, [indices[0]!, indices[1]!, ...own], 0);
        const greatest = at(y, indices);
        const isGreatest = i32.not(exact?.differs(indices, tap) ?? differsFrom(x.type, element, greatest));
        // A position before the input is a large number without its sign.
        const isHere = own
          .map((position, i) => i32.ltU(indexValue(position), i32.of(spatial[i]!)))
          .reduce(i32.and, isGreatest);
        return select(isHere, i32.min(accumulator, indexValue(flatten(own, spatial))), accumulator);
      }),
  });
  return context.define({
    type: TYPES.int64,
    shape: y.shape,
    range: { low: 0, high: sizeOf(x.shape) - 1 },
    body: (indices) => {
      const before = indexValue(multiply(add(multiply(indices[0]!, channels), indices[1]!), plane));
      const position = at(first, indices);
      return i32.add(before, isColumnMajor ? transposed(position, spatial) : position);
    },
  });
}

/** A position in row-major order as one with the first dimension fastest. */
function transposed(position: Expression, extents: readonly number[]): Expression {
  let rest = position;
  let stride = sizeOf(extents);
  let sum: Expression = i32.of(0);
  for (const extent of [...extents].reverse()) {
    stride /= extent;
    sum = i32.add(sum, i32.mul(i32.rem(rest, i32.of(extent)), i32.of(stride)));
    rest = i32.div(rest, i32.of(extent));
  }
  return sum;
}

/** Number of elements that each window averages over, as a constant by the window's position. */
function countsOf(
  context: Context,
  spatial: readonly number[],
  window: Window,
  includePadding: boolean,
): Tensor {
  const perDimension = window.output.map((positions, i) =>
    listOf(positions, (p) => {
      const start = p * (window.strides[i] as number) - (window.padsBefore[i] as number);
      const extent = spatial[i] as number;
      const low = includePadding ? -(window.padsBefore[i] as number) : 0;
      const high = includePadding ? extent + (window.padsAfter[i] as number) : extent;
      const taps = Array.from(
        { length: window.kernel[i] as number },
        (_, k) => start + k * (window.dilations[i] as number),
      );
      return taps.filter((position) => position >= low && position < high).length;
    }),
  );
  const counts = perDimension.reduce<number[]>((all, own) => all.flatMap((a) => own.map((b) => a * b)), [1]);
  return context.constant(context.input(0).type, window.output, counts);
}

const AveragePool: Lowering = (context) => {
  const { x, window } = poolInput(context);
  ensureFloat(x);
  const counts = countsOf(context, x.shape.slice(2), window, context.int('count_include_pad', 0) === 1);
  return pooled(context, x, window, 0, 0, f32.add, (sum, [count]) => f32.div(sum, count!), counts);
};

/** The whole of each channel as one window. */
const whole = (x: Tensor): Window => {
  const spatial = x.shape.slice(2);
  ensure(x.shape.length >= 3, `the input's rank is ${x.shape.length}; at least 3 is needed`);
  const zeros = spatial.map(() => 0);
  const ones = spatial.map(() => 1);
  return {
    kernel: spatial,
    strides: ones,
    dilations: ones,
    padsBefore: zeros,
    padsAfter: zeros,
    output: ones,
  };
};

/** (sum of |x|^p)^(1/p) over each window. */
function lpPooled(context: Context, x: Tensor, window: Window): Tensor {
  ensureFloat(x);
  // A float in the first version.
  const p = context.version < 2 ? context.float('p', 2) : context.int('p', 2);
  ensure(Number.isInteger(p) && p >= 1 && p <= 32, `p ${p} is not one of 1 to 32`);
  const power = (element: Expression): Expression =>
    Array.from({ length: p }, () => f32.abs(element)).reduce(f32.mul);
  const sum = pooled(
    context,
    x,
    window,
    0,
    0,
    (accumulator, element) => f32.add(accumulator, power(element)),
    (accumulator) => (p === 2 ? f32.sqrt(accumulator) : accumulator),
  );
  return p <= 2 ? sum : floatPower(context, sum, context.constant(x.type, [], [1 / p]));
}

const LpPool: Lowering = (context) => {
  const { x, window } = poolInput(context);
  return lpPooled(context, x, window);
};

const GlobalLpPool: Lowering = (context) => {
  const x = context.input(0);
  return lpPooled(context, x, whole(x));
};

const GlobalAveragePool: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const window = whole(x);
  const count = f32.of(sizeOf(window.kernel));
  return pooled(context, x, window, 0, 0, f32.add, (sum) => f32.div(sum, count));
};

const GlobalMaxPool: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const window = whole(x);
  const exact = exactExtremum(context, x, true, {
    shape: [...x.shape.slice(0, 2), ...window.output],
    extents: window.kernel,
    indicesAt: ([n, c], spatial) => [n!, c!, ...spatial],
  });
  return (
    exact?.values ??
    pooled(context, x, window, NEGATIVE_INFINITY_BITS, 0, f32.max, (accumulator) => accumulator)
  );
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__MaxPool.html
 * @see https://onnx.ai/onnx/operators/onnx__AveragePool.html
 * @see https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
 * @see https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html
 * @see https://onnx.ai/onnx/operators/onnx__LpPool.html
 * @see https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html
 */
export const operators: Operators = {
  MaxPool,
  AveragePool,
  GlobalAveragePool,
  GlobalMaxPool,
  LpPool,
  GlobalLpPool,
};
