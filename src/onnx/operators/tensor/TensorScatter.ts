import { ensure } from '../../errors.ts';
import { i32, indexValue, select } from '../../ir/expression.ts';
import { reading } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { ensureSameType, hull } from '../elementwise.ts';

/** TensorScatter(past, update, write_indices): a cache with new entries written from an index on, for each batch. */
const TensorScatter: Lowering = (context) => {
  const [past, update, given] = [context.input(0), context.input(1), context.optional(2)];
  const type = ensureSameType([past, update]);
  const rank = past.shape.length;
  const axis = context.axis(context.int('axis', -2), rank);
  ensure(axis > 0, 'the axis is that of the batch');
  const mode = context.string('mode', 'linear');
  ensure(mode === 'linear' || mode === 'circular', `mode ${mode} is not known`);
  ensure(
    update.shape.length === rank && past.shape.every((extent, i) => i === axis || extent === update.shape[i]),
    `an update of shape [${update.shape}] does not fit [${past.shape}]`,
  );
  const [batch, extent, count] = [past.shape[0]!, past.shape[axis]!, update.shape[axis]!];
  ensure(count <= extent, `${count} entries do not fit a cache of ${extent}`);
  ensure(
    !given || `${given.shape}` === `${batch}`,
    `write_indices is of shape [${given?.shape}], not [${batch}]`,
  );
  /** The entry of the update that each position takes; below 0, or from the count on, none. */
  const sources = context.define({
    type: TYPES.int32,
    shape: [batch, extent],
    body: ([n, position]) => {
      const own = indexValue(position!);
      if (!given) return own;
      const distance = i32.sub(own, at(given, [n!]));
      if (mode === 'linear') return distance;
      return select(i32.lt(distance, i32.of(0)), i32.add(distance, i32.of(extent)), distance);
    },
  });
  const range = past.range && update.range;
  return context.define({
    type,
    shape: past.shape,
    ...(range && past.range
      ? { range: hull([0, past.range.low, past.range.high, range.low, range.high]) }
      : {}),
    body: (indices) => {
      const source = at(sources, [indices[0]!, indices[axis]!]);
      const entry = reading(
        update,
        indices.map((own, i) => (i === axis ? { gathered: source } : own)),
        0,
      );
      return select(i32.ltU(source, i32.of(count)), entry, at(past, indices));
    },
  });
};

/** @see https://onnx.ai/onnx/operators/onnx__TensorScatter.html */
export const operators: Operators = { TensorScatter };
