import { ensure } from '../../errors.ts';
import { type Expression, f32, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context } from '../context.ts';
import type { Output } from '../value.ts';
import { firstGreatest, type Labels, labelled, ZERO_OR_ONE } from './classes.ts';
import type { Forest } from './forest.ts';
import { type Transform, transformed, twoFromOne } from './transform.ts';
import { plus, type Scored } from './votes.ts';

/** Labels and probabilities from the scores of trees, as onnxruntime makes them. */

/** Three classes or more: the greatest score wins, of the classes that have one. */
export function ofMany(
  context: Context,
  { scores, presence }: Scored,
  labels: Labels,
  base: readonly number[],
  transform: Transform,
): Output[] {
  const { always, isScored } = presence();
  const moved = base.length > 0 ? plus(context, scores, base) : scores;
  const among =
    base.length > 0 || always.every(Boolean)
      ? moved
      : context.define({
          type: TYPES.float,
          shape: scores.shape,
          body: ([row, k]) =>
            select(
              isScored(row as Index, k as Index),
              at(scores, [row as Index, k as Index]),
              f32.of(Number.NEGATIVE_INFINITY),
            ),
        });
  const rows = scores.shape[0] as number;
  return [
    labelled(context, labels, rows, firstGreatest(context, among, false)),
    transformed(context, moved, transform),
  ];
}

/** One class: its score as it is, and whether it is positive. */
export function ofOne(
  context: Context,
  { scores }: Scored,
  labels: Labels,
  base: readonly number[],
  transform: Transform,
): Output[] {
  const moved = base.length > 0 ? plus(context, scores, base) : scores;
  const first = constantIndex(0);
  const integers = labels.integers && ZERO_OR_ONE;
  const label = labelled(context, { count: 2, integers }, scores.shape[0] as number, (row) =>
    f32.gt(at(moved, [row, first]), f32.of(0)),
  );
  return [label, transformed(context, moved, transform)];
}

/**
 * Two classes. The usual files score one of them, from which both follow; with scores for both, onnxruntime's
 * label is 1 or 0 by the sign of the second.
 */
export function ofTwo(
  context: Context,
  { scores, presence }: Scored,
  labels: Labels,
  base: readonly number[],
  transform: Transform,
  forest: Forest,
): Output[] {
  const { always, ever, isScored } = presence();
  const weights = forest.leaves.flat();
  const isBinary = ever[0] !== ever[1];
  const isProbability = isBinary && weights.every(({ value }) => value >= 0);
  const isPair = always[1] || base.length === 2;
  const isSingle = !isPair && !ever[1];
  ensure(
    isPair || (transform !== 'PROBIT' && (isSingle || base.length === 0)),
    'it leaves scores of one of the classes undefined',
  );
  const [zero, one] = [constantIndex(0), constantIndex(1)];
  const has = (row: Index, k: 0 | 1): Expression =>
    always[k] ? i32.of(1) : ever[k] ? isScored(row, k === 0 ? zero : one) : i32.of(0);
  const parts = (row: Index): readonly [Expression, Expression] => {
    const [first, second] = [at(scores, [row, zero]), at(scores, [row, one])];
    const plusBase = (score: Expression, i: number): Expression =>
      base[i] === undefined ? score : f32.add(score, f32.of(base[i]));
    if (base.length < 2) return [plusBase(first, 0), second];
    // With two base values the second class is scored by the first one's weights.
    const turned = plusBase(first, 1);
    return [
      select(has(row, 1), f32.neg(turned), plusBase(first, 0)),
      select(has(row, 1), turned, plusBase(second, 1)),
    ];
  };
  const columns = (make: (row: Index) => readonly [Expression, Expression]): Tensor =>
    context.define({
      type: TYPES.float,
      shape: scores.shape,
      body: ([row, k]) => {
        const [first, second] = make(row as Index);
        return select(indexValue(k as Index), second, first);
      },
    });
  const pair = (): Tensor => {
    const masked = columns((row) => {
      const [first, second] = parts(row);
      return [select(has(row, 0), first, f32.of(0)), select(has(row, 1), second, f32.of(0))];
    });
    return transformed(context, masked, transform);
  };
  const single = (): Tensor => {
    const score = context.define({
      type: TYPES.float,
      shape: [scores.shape[0] as number, 1],
      body: ([row]) => parts(row as Index)[0],
    });
    return twoFromOne(context, score, transform, isProbability);
  };
  const either = (): Tensor => {
    const [both, alone] = [pair(), single()];
    return context.define({
      type: TYPES.float,
      shape: scores.shape,
      body: ([row, k]) =>
        select(
          has(row as Index, 1),
          at(both, [row as Index, k as Index]),
          at(alone, [row as Index, k as Index]),
        ),
    });
  };
  const integers = labels.integers && (isBinary ? labels.integers : ZERO_OR_ONE);
  const threshold = f32.of(isProbability ? 0.5 : 0);
  const label = labelled(context, { count: 2, integers }, scores.shape[0] as number, (row) => {
    const [first, second] = parts(row);
    const decisive = select(has(row, 1), second, select(has(row, 0), first, f32.of(0)));
    return f32.gt(decisive, threshold);
  });
  return [label, isPair ? pair() : isSingle ? single() : either()];
}
