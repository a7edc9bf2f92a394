import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue } from '../../ir/expression.ts';
import { add, flatten, type Index, multiply, quotient, remainder, shift } from '../../ir/indices.ts';
import { reading } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { linear } from '../image/Sampling.ts';
import { convolutionOf } from './Conv.ts';
import { tapAt } from './window.ts';

/**
 * DeformConv(x, w, offset, bias, mask): a convolution whose taps are moved by offsets, and read between elements. What
 * the taps read is stored once; a sum over it follows, as in any convolution.
 */
const DeformConv: Lowering = (context) => {
  const [x, w, offset] = [context.input(0), context.input(1), context.input(2)];
  const [bias, mask] = [context.optional(3), context.optional(4)];
  ensureFloat(x, w, offset, ...(bias ? [bias] : []), ...(mask ? [mask] : []));
  ensure(x.shape.length === 4, `the input's rank is ${x.shape.length}, not 4`);
  const { batch, filters, channelsOfGroup, filtersOfGroup, window } = convolutionOf(context, x, w);
  const channels = x.shape[1] as number;
  const groups = context.int('offset_group', 1);
  ensure(
    groups >= 1 && channels % groups === 0,
    `${channels} channels do not divide into ${groups} offset groups`,
  );
  const [rows, columns] = window.kernel as [number, number];
  const taps = rows * columns;
  const output = window.output;
  ensure(
    `${offset.shape}` === `${[batch, groups * taps * 2, ...output]}`,
    `offset is of shape [${offset.shape}], not [${[batch, groups * taps * 2, ...output]}]`,
  );
  ensure(
    !mask || `${mask.shape}` === `${[batch, groups * taps, ...output]}`,
    `mask is of shape [${mask?.shape}], not [${[batch, groups * taps, ...output]}]`,
  );
  const moved = [0, 1].map((d) => {
    // By batch, offset group, tap and position in the output.
    const shape = [batch, groups, taps, ...output];
    const coordinate = context.define({
      type: x.type,
      shape,
      body: ([n, group, tap, row, column]) => {
        const own = [quotient(tap!, columns), remainder(tap!, columns)];
        const regular = tapAt(window, d, [row!, column!][d]!, own[d]!);
        const channel = shift(multiply(flatten([group!, tap!], [groups, taps]), 2), d);
        return f32.add(f32.fromI32(indexValue(regular)), at(offset, [n!, channel, row!, column!]));
      },
    });
    const floor = (indices: readonly Index[]): Expression => f32.floor(at(coordinate, indices.slice(0, -1)));
    const positions = context.define({
      type: TYPES.int32,
      shape: [...shape, 2],
      body: (indices) => i32.add(i32.fromF32(floor(indices)), indexValue(indices.at(-1)!)),
    });
    const weights = context.define({
      type: x.type,
      shape: [...shape, 2],
      body: (indices) =>
        linear.weigh(f32.sub(at(coordinate, indices.slice(0, -1)), floor(indices)), indices.at(-1)!),
    });
    return { positions, weights };
  });
  const [vertical, horizontal] = moved as [(typeof moved)[0], (typeof moved)[0]];
  const sampled = context.define({
    type: x.type,
    shape: [batch, ...output, taps, channels],
    body: ([n, row, column, tap, channel]) => {
      const group = quotient(channel!, channels / groups);
      const sum = fold([2, 2], 0, ([u, v], accumulator) => {
        const from = [n!, group, tap!, row!, column!];
        const element = reading(
          x,
          [
            n!,
            channel!,
            { gathered: at(vertical.positions, [...from, u!]) },
            { gathered: at(horizontal.positions, [...from, v!]) },
          ],
          0,
        );
        const weight = f32.mul(at(vertical.weights, [...from, u!]), at(horizontal.weights, [...from, v!]));
        return f32.add(accumulator, f32.mul(weight, element));
      });
      if (!mask) return sum;
      return f32.mul(sum, at(mask, [n!, flatten([group, tap!], [groups, taps]), row!, column!]));
    },
  });
  return context.define({
    type: x.type,
    shape: [batch, filters, ...output],
    channelsLast: true,
    body: ([n, filter, row, column]) => {
      const sum = fold([rows, columns, channelsOfGroup], 0, ([r, c, channel], accumulator) => {
        const own = add(multiply(quotient(filter!, filtersOfGroup), channelsOfGroup), channel!);
        const tap = flatten([r!, c!], [rows, columns]);
        return f32.add(
          accumulator,
          f32.mul(at(sampled, [n!, row!, column!, tap, own]), at(w, [filter!, channel!, r!, c!])),
        );
      });
      return bias ? f32.add(sum, at(bias, [filter!])) : sum;
    },
  });
};

/** @see https://onnx.ai/onnx/operators/onnx__DeformConv.html */
export const operators: Operators = { DeformConv };
