import { sizeOf } from '../../program/node.ts';
import { ensure } from '../errors.ts';
import { type Expression, f32, fold } from '../ir/expression.ts';
import type { Tensor } from '../ir/tensor.ts';
import { rangeOfType } from '../types.ts';
import { at, atOr, type Context, type Lowering } from './context.ts';
import { ensureFloat, maximum } from './elementwise.ts';
import { tapAt, type Window, windowOf } from './window.ts';

const NEGATIVE_INFINITY = 0xff800000;

function pooled(
  context: Context,
  x: Tensor,
  window: Window,
  init: number,
  fill: number,
  step: (accumulator: Expression, element: Expression) => Expression,
  finish: (accumulator: Expression, place: readonly Expression[]) => Expression,
  counts?: Tensor,
): Tensor {
  return context.define({
    type: x.type,
    shape: [...x.shape.slice(0, 2), ...window.output],
    ...(x.range ? { range: x.range } : {}),
    channelsLast: true,
    body: ([n, c, ...place]) =>
      finish(
        fold(window.kernel, init, (tap, accumulator) =>
          step(accumulator, atOr(x, [n!, c!, ...place.map((p, i) => tapAt(window, i, p, tap[i]!))], fill)),
        ),
        counts ? [at(counts, place)] : [],
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
  const least = x.type.family === 'float' ? NEGATIVE_INFINITY : rangeOfType(x.type).low;
  const larger = maximum(x.type);
  return pooled(context, x, window, least, least, larger, (accumulator) => accumulator);
};

/** How many elements each place of the window averages over, as a constant of the window's places. */
function countsOf(
  context: Context,
  spatial: readonly number[],
  window: Window,
  includePadding: boolean,
): Tensor {
  const perDimension = window.output.map((places, i) =>
    Array.from({ length: places }, (_, p) => {
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
  return pooled(context, x, whole(x), NEGATIVE_INFINITY, 0, f32.max, (accumulator) => accumulator);
};

export const Pool: Readonly<Record<string, Lowering>> = {
  MaxPool,
  AveragePool,
  GlobalAveragePool,
  GlobalMaxPool,
};
