import { type Expression, f32, word } from '../ir/expression.ts';
import type { Index } from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';
import { type Halves, keyOfNumber, keys } from '../tensors/doubleBits.ts';
import { at, type Context } from './context.ts';

const COMPARISONS = {
  above: [f32.gt, (a: Halves, b: Halves) => keys.lt(b, a)],
  below: [f32.lt, keys.lt],
  equal: [f32.eq, keys.eq],
} as const;

/** The comparison of each element of a float tensor with a number, by exact elements if it is of type double. */
export function comparable(
  context: Context,
  x: Tensor,
  comparison: keyof typeof COMPARISONS,
  number: number,
): (indices: readonly Index[]) => Expression {
  const [ofFloats, ofKeys] = COMPARISONS[comparison];
  const keysAt = context.doubles.exactKeys(x);
  const { low, high } = keyOfNumber(number);
  const key = { low: word(low), high: word(high) };
  return (indices) => (keysAt ? ofKeys(keysAt(indices), key) : ofFloats(at(x, indices), f32.of(number)));
}
