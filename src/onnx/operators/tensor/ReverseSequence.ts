import { ensure } from '../../errors.ts';
import { i32, indexValue, select } from '../../ir/expression.ts';
import { reading } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Lowering, type Operators } from '../context.ts';

/** Turns the first `sequence_lens` elements along the time axis around, for each sequence of the batch. */
const ReverseSequence: Lowering = (context) => {
  const [x, lengths] = [context.input(0), context.input(1)];
  const rank = x.shape.length;
  const batch = context.axis(context.int('batch_axis', 1), rank);
  const time = context.axis(context.int('time_axis', 0), rank);
  ensure(batch !== time, 'batch_axis and time_axis are the same');
  const [steps, count] = [x.shape[time] as number, x.shape[batch] as number];
  ensure(`${lengths.shape}` === `${count}`, `sequence_lens is of shape [${lengths.shape}], not [${count}]`);
  const sources = context.define({
    type: TYPES.int32,
    shape: [steps, count],
    range: { low: 0, high: Math.max(0, steps - 1) },
    body: ([step, sequence]) => {
      const [own, length] = [indexValue(step!), at(lengths, [sequence!])];
      return select(i32.lt(own, length), i32.sub(i32.sub(length, i32.of(1)), own), own);
    },
  });
  return context.define({
    type: x.type,
    shape: x.shape,
    ...(x.range ? { range: { low: Math.min(0, x.range.low), high: Math.max(0, x.range.high) } } : {}),
    body: (indices) => {
      const source = { gathered: at(sources, [indices[time]!, indices[batch]!]) };
      return reading(
        x,
        indices.map((own, i) => (i === time ? source : own)),
        0,
      );
    },
  });
};

/** @see https://onnx.ai/onnx/operators/onnx__ReverseSequence.html */
export const operators: Operators = { ReverseSequence };
