import { sizeOf } from '../../program/node.ts';
import { type Expression, fold, i32, select, word } from '../ir/expression.ts';
import type { Index } from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';
import { type Halves, halvesOfKey, keys } from '../tensors/doubleBits.ts';
import { TYPES } from '../types.ts';
import { at, type Context } from './context.ts';

/** Lines of a tensor's elements, such as those along an axis or in a window, with one result each. */
export interface Lines {
  /** Shape of the results. */
  readonly shape: readonly number[];
  /** Extents of a line. */
  readonly extents: readonly number[];
  /** Indices of a line's element, which may be outside the tensor. */
  readonly indicesAt: (indices: readonly Index[], element: readonly Index[]) => readonly Index[];
}

export interface Extremum {
  /** The greatest (or least) element of each line; NaN if there is one. */
  readonly values: Tensor;
  /** Whether an element is other than its line's extremum. */
  readonly differs: (indices: readonly Index[], element: readonly Index[]) => Expression;
}

const LEAST = word(0x80000000);
/** Below the keys of all numbers. */
const OUTSIDE: Halves<number> = { low: 0, high: 0x80000000 };

/**
 * The extremum of each line of a double tensor by its exact elements: the greatest upper half of their keys, then the
 * greatest lower half beside it. `undefined` of other tensors and of empty lines.
 */
export function exactExtremum(
  context: Context,
  x: Tensor,
  isGreatest: boolean,
  { shape, extents, indicesAt }: Lines,
): Extremum | undefined {
  const keysAt = context.doubles.keysOf(x);
  if (!keysAt || sizeOf(extents) === 0) return undefined;
  const oriented = (key: Halves): Halves => (isGreatest ? key : keys.reversed(key));
  const elementAt = (indices: readonly Index[], element: readonly Index[]): Halves =>
    oriented(keysAt(indicesAt(indices, element), OUTSIDE));
  const upper = context.define({
    type: TYPES.int32,
    shape,
    body: (indices) =>
      fold(extents, LEAST.word, (element, most) => i32.max(most, elementAt(indices, element).high)),
  });
  // Lower halves compare without sign: with their first bit flipped they compare with it.
  const lower = context.define({
    type: TYPES.int32,
    shape,
    body: (indices) =>
      fold(extents, LEAST.word, (element, most) => {
        const { low, high } = elementAt(indices, element);
        return select(i32.eq(high, at(upper, indices)), i32.max(most, i32.xor(low, LEAST)), most);
      }),
  });
  const best = (indices: readonly Index[]): Halves => ({
    low: i32.xor(at(lower, indices), LEAST),
    high: at(upper, indices),
  });
  return {
    values: context.doubles.define(shape, (indices) =>
      halvesOfKey(oriented(best(indices as readonly Index[]))),
    ),
    differs: (indices, element) => {
      const [own, most] = [elementAt(indices, element), best(indices)];
      return i32.not(i32.and(i32.eq(own.high, most.high), i32.eq(own.low, most.low)));
    },
  };
}
