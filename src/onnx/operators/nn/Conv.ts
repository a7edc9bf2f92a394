import { ensure } from '../../errors.ts';
import { type Expression, f32, fold } from '../../ir/expression.ts';
import { add, type Index, multiply, quotient } from '../../ir/indices.ts';
import { isConstant, type Tensor } from '../../ir/tensor.ts';
import type { ElementType, Range } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat, ensureSameType } from '../elementwise.ts';
import { tapAt, type Window, windowOf } from './window.ts';

/** Shape of a convolution, checked. */
export interface Convolution {
  readonly batch: number;
  readonly filters: number;
  readonly channelsOfGroup: number;
  readonly filtersOfGroup: number;
  readonly window: Window;
}

export function convolutionOf(context: Context, x: Tensor, w: Tensor): Convolution {
  ensure(x.shape.length >= 3, `the input's rank is ${x.shape.length}; at least 3 is needed`);
  ensure(
    w.shape.length === x.shape.length,
    `the filter's rank is ${w.shape.length}, the input's ${x.shape.length}`,
  );
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const [filters, channelsOfGroup, ...taps] = w.shape as [number, number, ...number[]];
  const group = context.int('group', 1);
  ensure(group >= 1 && filters % group === 0, `${filters} filters do not divide into ${group} groups`);
  ensure(
    channels === group * channelsOfGroup,
    `${channels} input channels are not ${group} groups of ${channelsOfGroup}`,
  );
  const given = context.ints('kernel_shape') ?? [];
  const kernel = given.length > 0 ? given : taps;
  ensure(`${kernel}` === `${taps}`, `kernel_shape [${kernel}] is not the filter's [${taps}]`);
  const window = windowOf(context, spatial, kernel);
  return { batch, filters, channelsOfGroup, filtersOfGroup: filters / group, window };
}

/** The arithmetic of a convolution; elements outside the input read as `fill`. */
export interface ConvolutionBody {
  readonly type: ElementType;
  readonly range?: Range;
  readonly fill: number;
  readonly step: (accumulator: Expression, element: Expression, weight: Expression, co: Index) => Expression;
  readonly finish: (sum: Expression, co: Index) => Expression;
}

/** A sum over taps and channels for each filter and position. */
export function convolved(
  context: Context,
  { batch, filters, channelsOfGroup, filtersOfGroup, window }: Convolution,
  x: Tensor,
  w: Tensor,
  { type, range, fill, step, finish }: ConvolutionBody,
): Tensor {
  return context.define({
    type,
    shape: [batch, filters, ...window.output],
    ...(range ? { range } : {}),
    channelsLast: true,
    body: (out) => {
      const [n, co, ...spatial] = out as [Index, Index, ...Index[]];
      const sum = fold([...window.kernel, channelsOfGroup], 0, (indices, accumulator) => {
        const tap = indices.slice(0, -1);
        const ci = indices.at(-1)!;
        const channel = add(multiply(quotient(co, filtersOfGroup), channelsOfGroup), ci);
        const position = spatial.map((p, i) => tapAt(window, i, p, tap[i]!));
        return step(accumulator, atOr(x, [n, channel, ...position], fill), at(w, [co, ci, ...tap]), co);
      });
      return finish(sum, co);
    },
  });
}

/**
 * Y[n, co, p] = B[co] + sum over (tap, ci) of X[n, g * C/G + ci, p * stride + tap * dilation - pad] * W[co, ci, tap]
 * with g = floor(co / (Co / G)); ONNX operator Conv.
 */
const Conv: Lowering = (context) => {
  const [x, w, bias] = [context.input(0), context.input(1), context.optional(2)];
  ensureFloat(x, w);
  ensureSameType([x, w]);
  const convolution = convolutionOf(context, x, w);
  const { filters } = convolution;
  ensure(
    !bias || (bias.shape.length === 1 && bias.shape[0] === filters),
    `the bias is not of shape [${filters}]`,
  );
  const made = (weights: Tensor, added: Tensor | undefined): Tensor =>
    convolved(context, convolution, x, weights, {
      type: x.type,
      fill: 0,
      step: (accumulator, element, weight) => f32.add(accumulator, f32.mul(element, weight)),
      finish: (sum, co) => (added ? f32.add(sum, at(added, [co])) : sum),
    });
  if (!isConstant(w) || (bias && !isConstant(bias))) return made(w, bias);
  return {
    ...made(w, bias),
    rescale: (factor, shift) => {
      const weights = context.define({
        type: w.type,
        shape: w.shape,
        body: (indices) => f32.mul(at(w, indices), at(factor, [indices[0]!])),
      });
      const moved = bias
        ? elementwise(context, [bias, factor, shift], w.type, (b, f, s) => f32.add(f32.mul(b!, f!), s!))
        : shift;
      return isConstant(weights) ? made(weights, moved) : undefined;
    },
  };
};

/** @see https://onnx.ai/onnx/operators/onnx__Conv.html */
export const operators: Operators = { Conv };
