import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context } from '../context.ts';
import { differsFrom, hull } from '../elementwise.ts';
import type { Output } from '../value.ts';

/** Labels of classes: integers, or strings, which no program holds. */
export interface Labels {
  readonly count: number;
  readonly integers: readonly number[] | undefined;
}

/** Labels of onnxruntime where it does not look at the given ones. */
export const ZERO_OR_ONE: readonly number[] = [0, 1];

export function labelsOf(context: Context, strings: string, integers: string): Labels {
  const texts = context.strings(strings) ?? [];
  const numbers = context.ints(integers, []);
  ensure(texts.length > 0 !== numbers.length > 0, `it needs one of ${strings} and ${integers}`);
  return texts.length > 0
    ? { count: texts.length, integers: undefined }
    : { count: numbers.length, integers: numbers };
}

/** The label with an index that a row's index expression yields. */
export function labelled(
  context: Context,
  labels: Labels,
  rows: number,
  indexAt: (row: Index) => Expression,
): Output {
  const { integers } = labels;
  if (!integers) return { omitted: 'has strings as labels; export with integer labels' };
  const index = context.define({
    type: TYPES.int32,
    shape: [rows],
    range: { low: 0, high: integers.length - 1 },
    body: ([row]) => indexAt(row as Index),
  });
  const table = context.constant(TYPES.int64, [integers.length], integers);
  return context.define({
    type: TYPES.int64,
    shape: [rows],
    range: hull(integers),
    body: ([row]) => reading(table, [{ gathered: at(index, [row as Index]) }], 0),
  });
}

/**
 * The index of the first greatest score of each row, or of its first NaN.
 *
 * @param canBeNaN whether a score can be NaN; sums of a forest's weights cannot
 */
export function firstGreatest(context: Context, scores: Tensor, canBeNaN = true): (row: Index) => Expression {
  const [rows = 0, classes = 0] = scores.shape;
  const most = context.define({
    type: scores.type,
    shape: [rows],
    body: ([row]) =>
      fold([classes], f32.of(Number.NEGATIVE_INFINITY).word, ([k], best) =>
        f32.max(best, at(scores, [row as Index, k as Index])),
      ),
  });
  return (row) =>
    fold([classes], classes - 1, ([k], first) => {
      const [score, best] = [at(scores, [row, k as Index]), at(most, [row])];
      const earlier = i32.min(first, indexValue(k as Index));
      return canBeNaN
        ? select(differsFrom(scores.type, score, best), first, earlier)
        : select(f32.eq(score, best), earlier, first);
    });
}
