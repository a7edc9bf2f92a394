import { NEGATIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { type Expression, f32, fold, select } from '../../ir/expression.ts';
import { NEGATIVE_INFINITY } from '../../ir/floatWords.ts';
import { flatten, type Index, quotient, shift } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import type { ElementType } from '../../types.ts';
import { at, type Context } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { softmaxAlong } from '../math/Softmax.ts';
import { reshaped } from '../tensor/Shapes.ts';

/** Scaled dot-product attention over heads, wherever these lie in memory. */

/** Vectors by batch, head and position. */
export interface Heads {
  readonly count: number;
  readonly positions: number;
  /** Components of a vector. */
  readonly size: number;
  readonly at: (batch: Index, head: Index, position: Index, component: Index) => Expression;
}

/** Heads of a tensor [batch, heads, positions, size]. */
export const separateHeads = (x: Tensor): Heads => {
  const [, count, positions, size] = x.shape as [number, number, number, number];
  return { count, positions, size, at: (b, h, p, d) => at(x, [b, h, p, d]) };
};

/** Heads side by side in the last dimension of a tensor [batch, positions, …], from component `from` on. */
export const joinedHeads = (x: Tensor, count: number, size: number, from = 0): Heads => ({
  count,
  size,
  positions: x.shape[1] as number,
  at: (b, h, p, d) => at(x, [b, p, shift(flatten([h, d], [count, size]), from)]),
});

/** The tensor [batch, heads, positions, size] of heads that lie otherwise. */
export const tensorOfHeads = (context: Context, type: ElementType, batch: number, heads: Heads): Tensor =>
  context.define({
    type,
    shape: [batch, heads.count, heads.positions, heads.size],
    body: ([b, h, p, d]) => heads.at(b!, h!, p!, d!),
  });

/** Changes a score, given its batch, head, position of the query and position of the key. */
export type ScoreChange = (score: Expression, indices: readonly [Index, Index, Index, Index]) => Expression;

export interface Attended {
  readonly batch: number;
  readonly query: Heads;
  /** May have fewer heads than the query, each for as many of its heads in a row. */
  readonly key: Heads;
  readonly value: Heads;
  readonly scale: number;
  readonly changes: readonly ScoreChange[];
  /** The type that the softmax is computed in; that of the scores if left out. */
  readonly precision?: ElementType;
}

/** Rounds a changed score to a narrow type, unless the change only chooses. */
function changed(
  score: Expression,
  { changes }: Attended,
  rounded: (x: Expression) => Expression,
  indices: Parameters<ScoreChange>[1],
): Expression {
  return changes.reduce((before, change) => {
    const after = change(before, indices);
    const isChoice =
      after.kind === 'operation' &&
      after.name === 'select' &&
      after.args.slice(1).every((arg) => arg === before || arg.kind === 'literal');
    return isChoice ? after : rounded(after);
  }, score);
}

/** Vectors times a factor, in a narrow type, rounded, so that they are multiplied once. */
function scaledHeads(
  context: Context,
  type: ElementType,
  batch: number,
  heads: Heads,
  factor: number,
): Heads {
  const rounded = context.rounding(type);
  const by = rounded(f32.of(factor));
  const scaled = { ...heads, at: (...indices) => rounded(f32.mul(heads.at(...indices), by)) } satisfies Heads;
  return separateHeads(context.exact(tensorOfHeads(context, type, batch, scaled)));
}

/** Products of queries and keys, scaled, [batch, heads, queries, keys]. */
export function scoresOf(context: Context, type: ElementType, attended: Attended): Tensor {
  const { batch, scale } = attended;
  // ONNX scales both factors by the root, which in binary32 is left to the product.
  const isNarrow = context.isRounded(type);
  const half = (heads: Heads): Heads =>
    isNarrow ? scaledHeads(context, type, batch, heads, Math.sqrt(scale)) : heads;
  const [query, key] = [half(attended.query), half(attended.key)];
  const rounded = context.rounding(type);
  const repeated = query.count / key.count;
  return context.define({
    type,
    shape: [batch, query.count, query.positions, key.positions],
    body: (indices) => {
      const [b, h, s, t] = indices as [Index, Index, Index, Index];
      const sum = fold([query.size], 0, ([d], accumulator) =>
        f32.add(accumulator, f32.mul(query.at(b, h, s, d!), key.at(b, quotient(h, repeated), t, d!))),
      );
      const score = isNarrow ? rounded(sum) : f32.mul(sum, f32.of(scale));
      return changed(score, attended, rounded, [b, h, s, t]);
    },
  });
}

/** The softmax of scores; a query that no key is open to weighs nothing, as ONNX has it. */
function attentionWeights(context: Context, given: Tensor, precision: ElementType): Tensor {
  const isSame = precision === given.type;
  const to = context.rounding(precision);
  const scores = isSame ? given : elementwise(context, [given], precision, (score) => to(score!));
  const softmax = softmaxAlong(context, scores, 3);
  const most = context.define({
    type: scores.type,
    shape: [...scores.shape.slice(0, 3), 1],
    body: (indices) =>
      fold([scores.shape[3] as number], NEGATIVE_INFINITY_BITS, ([t], accumulator) =>
        f32.max(accumulator, at(scores, [...indices.slice(0, 3), t!])),
      ),
  });
  const rounded = isSame ? (weight: Expression) => weight : context.rounding(given.type);
  return elementwise(context, [softmax, most], given.type, (weight, greatest) =>
    select(f32.eq(greatest!, NEGATIVE_INFINITY), f32.of(0), rounded(weight!)),
  );
}

/** Values weighed by the softmax of scores, [batch, queries, heads, size of a value]. */
export function weighedBy(context: Context, scores: Tensor, attended: Attended) {
  const { batch, query, value } = attended;
  const weights = attentionWeights(context, scores, attended.precision ?? scores.type);
  const repeated = query.count / value.count;
  const result = context.define({
    type: scores.type,
    shape: [batch, query.positions, query.count, value.size],
    body: (indices) => {
      const [b, s, h, d] = indices as [Index, Index, Index, Index];
      return fold([value.positions], 0, ([t], accumulator) =>
        f32.add(accumulator, f32.mul(at(weights, [b, h, s, t!]), value.at(b, quotient(h, repeated), t!, d))),
      );
    },
  });
  return { weights, result };
}

/** Attention with the heads side by side in the last dimension, [batch, queries, heads * size of a value]. */
export function attention(context: Context, type: ElementType, attended: Attended): Tensor {
  const { result } = weighedBy(context, scoresOf(context, type, attended), attended);
  const { batch, query, value } = attended;
  return reshaped(context, result, [batch, query.positions, query.count * value.size]);
}
