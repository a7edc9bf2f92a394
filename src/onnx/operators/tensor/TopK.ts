import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { reading } from '../../ir/tensor.ts';
import { keys } from '../../tensors/doubleBits.ts';
import { TYPES } from '../../types.ts';
import { at, type Lowering, type Operators } from '../context.ts';

/** Less-than with NaN above every number and equal to itself, as NumPy sorts; so every line has an order. */
const lessWithNaN = (a: Expression, b: Expression): Expression =>
  i32.and(i32.not(f32.le(b, a)), f32.eq(a, a));

/**
 * The k greatest (or least) elements along an axis and their indices, sorted, equal ones by their indices. There is
 * no sorting in a loop nest, so every element counts those in front of it; that is its rank.
 */
const TopK: Lowering = (context) => {
  const x = context.input(0);
  const [k = 0] = context.version < 10 ? [context.int('k', 0)] : context.known(1, 'k');
  ensure(x.shape.length >= 1, 'the input is a scalar');
  ensure(x.type.family !== 'bool', 'bool cannot be ordered');
  const axis = context.axis(context.int('axis', -1), x.shape.length);
  const extent = x.shape[axis] as number;
  ensure(
    Number.isInteger(k) && k >= 0 && k <= extent,
    `k is ${k}, and dimension ${axis} has ${extent} elements`,
  );
  // Unsorted results may be in any order, this one included.
  context.disregard('sorted');
  const isLargest = context.int('largest', 1) !== 0;
  const keysAt = context.doubles.exactKeys(x);
  const lessThan = x.type.family === 'float' ? lessWithNaN : i32.lt;
  const isLess = (a: readonly Index[], b: readonly Index[]): Expression =>
    keysAt ? keys.isBelow(keysAt(a), keysAt(b)) : lessThan(at(x, a), at(x, b));
  const along = (indices: readonly Index[], index: Index) =>
    indices.map((own, i) => (i === axis ? index : own));
  const shape = x.shape.map((own, i) => (i === axis ? k : own));
  const positions = { low: 0, high: Math.max(0, extent - 1) };
  const rank = context.define({
    type: TYPES.int32,
    shape: x.shape,
    range: positions,
    body: (indices) =>
      fold([extent], 0, ([m], accumulator) => {
        const other = along(indices, m!);
        const [first, second] = isLargest ? [indices, other] : [other, indices];
        // An earlier element is in front unless it is worse, a later one only if it is better.
        const isEarlier = i32.lt(indexValue(m!), indexValue(indices[axis]!));
        const isInFront = select(isEarlier, i32.not(isLess(second, first)), isLess(first, second));
        return i32.add(accumulator, isInFront);
      }),
  });
  const indices = context.define({
    type: TYPES.int64,
    shape,
    range: positions,
    body: (indices) =>
      fold([extent], 0, ([m], accumulator) => {
        const isIt = i32.eq(at(rank, along(indices, m!)), indexValue(indices[axis]!));
        return select(isIt, indexValue(m!), accumulator);
      }),
  });
  const values = context.define({
    type: x.type,
    shape,
    ...(x.range ? { range: x.range } : {}),
    body: (element) =>
      reading(
        x,
        element.map((own, i) => (i === axis ? { gathered: at(indices, element) } : own)),
        0,
      ),
  });
  return [values, indices];
};

/** @see https://onnx.ai/onnx/operators/onnx__TopK.html */
export const operators: Operators = { TopK };
