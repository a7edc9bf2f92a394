import { require } from '../errors.ts';
import { f32, fold } from '../ir/expression.ts';
import { add, multiply, quotient } from '../ir/indices.ts';
import { isConstant, type Tensor } from '../ir/tensor.ts';
import { at, atOr, type Lowering } from './context.ts';
import { elementwise, requireFloat, requireSameType } from './elementwise.ts';
import { tapAt, windowOf } from './window.ts';

/**
 * Y[n, co, p] = B[co] + sum over (tap, ci) of X[n, g * C/G + ci, p * stride + tap * dilation - pad] * W[co, ci, tap]
 * with g = floor(co / (Co / G)); ONNX operator Conv.
 */
export const Conv: Lowering = (context) => {
  const x = context.input(0);
  const w = context.input(1);
  const bias = context.optional(2);
  requireFloat(x, w);
  requireSameType([x, w]);
  require(x.shape.length >= 3, `the input's rank is ${x.shape.length}; at least 3 is needed`);
  require(w.shape.length ===
    x.shape.length, `the filter's rank is ${w.shape.length}, the input's ${x.shape.length}`);
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const [filters, channelsOfGroup, ...taps] = w.shape as [number, number, ...number[]];
  const group = context.int('group', 1);
  require(group >= 1 && filters % group === 0, `${filters} filters do not divide into ${group} groups`);
  require(channels ===
    group * channelsOfGroup, `${channels} input channels are not ${group} groups of ${channelsOfGroup}`);
  require(!bias ||
    (bias.shape.length === 1 && bias.shape[0] === filters), `the bias is not of shape [${filters}]`);
  const kernel = context.ints('kernel_shape', taps);
  require(`${kernel}` === `${taps}`, `kernel_shape [${kernel}] is not the filter's [${taps}]`);
  const window = windowOf(context, spatial, kernel);
  const convolved = (weights: Tensor, added: Tensor | undefined): Tensor =>
    context.define({
      type: x.type,
      shape: [batch, filters, ...window.output],
      channelsLast: true,
      body: ([n, co, ...place]) => {
        const sum = fold([...kernel, channelsOfGroup], 0, (indices, accumulator) => {
          const tap = indices.slice(0, -1);
          const ci = indices.at(-1)!;
          const channel = add(multiply(quotient(co!, filters / group), channelsOfGroup), ci);
          const position = place.map((p, i) => tapAt(window, i, p, tap[i]!));
          const element = atOr(x, [n!, channel, ...position], 0);
          return f32.add(accumulator, f32.mul(element, at(weights, [co!, ci, ...tap])));
        });
        return added ? f32.add(sum, at(added, [co!])) : sum;
      },
    });
  if (!isConstant(w) || (bias && !isConstant(bias))) return convolved(w, bias);
  return {
    ...convolved(w, bias),
    rescale: (factor, shift) => {
      const weights = context.define({
        type: w.type,
        shape: w.shape,
        body: (indices) => f32.mul(at(w, indices), at(factor, [indices[0]!])),
      });
      const moved = bias
        ? elementwise(context, [bias, factor, shift], w.type, (b, f, s) => f32.add(f32.mul(b, f), s))
        : shift;
      return isConstant(weights) ? convolved(weights, moved) : undefined;
    },
  };
};
