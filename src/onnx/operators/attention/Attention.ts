import { NEGATIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { tanh } from '../../functions/index.ts';
import { type Expression, f32, i32, indexValue, select } from '../../ir/expression.ts';
import { NEGATIVE_INFINITY } from '../../ir/floatWords.ts';
import { add, constantIndex, type Index, multiply, shift } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { elementType } from '../../read/tensor.ts';
import type { ElementType } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { joined } from '../tensor/Parts.ts';
import { reshaped } from '../tensor/Shapes.ts';
import {
  type Attended,
  type Heads,
  joinedHeads,
  type ScoreChange,
  scoresOf,
  separateHeads,
  tensorOfHeads,
  weighedBy,
} from './attend.ts';

/** Keys that come `distance` positions and more after the query do not count. */
export const causal =
  (before: number, hidden: Expression = NEGATIVE_INFINITY): ScoreChange =>
  (score, [, , s, t]) => {
    const ahead = indexValue(add(t, multiply(s, -1), constantIndex(-before)));
    return select(i32.lt(i32.of(0), ahead), hidden, score);
  };

/** softcap * tanh(score / softcap) */
export const capped =
  (softcap: number): ScoreChange =>
  (score) =>
    f32.mul(f32.of(softcap), tanh(f32.div(score, f32.of(softcap))));

/** A mask [.., queries, keys] that broadcasts; false hides, numbers are added; keys beyond its end are hidden. */
function masked(mask: Tensor, scores: readonly number[]): ScoreChange {
  const keys = scores.at(-1) as number;
  const isBool = mask.type.family === 'bool';
  if (!isBool) ensureFloat(mask);
  ensure(
    mask.shape.length >= 1 && mask.shape.length <= 4,
    `the mask's rank is ${mask.shape.length}, not 1 to 4`,
  );
  const outer = scores.slice(0, -1);
  const fits = `${broadcastShapes([mask.shape.slice(0, -1), outer])}` === `${outer}`;
  ensure(
    fits && (mask.shape.at(-1) as number) <= keys,
    `the mask of shape [${mask.shape}] does not fit scores of shape [${scores}]`,
  );
  return (score, indices) => {
    const { coordinates } = broadcastAt(mask, indices);
    const own = [...(coordinates.slice(0, -1) as Index[]), indices[3]];
    const element = atOr(mask, own, isBool ? 0 : NEGATIVE_INFINITY_BITS);
    return isBool ? select(element, score, NEGATIVE_INFINITY) : f32.add(score, element);
  };
}

/** Keys from a length by batch on are hidden; with `queries`, the last query is the last key's. */
function bounded(lengths: Tensor, queries: number | undefined): ScoreChange {
  return (score, [b, , s, t]) => {
    const length = at(lengths, [b]);
    const isKey = i32.lt(indexValue(t), length);
    if (queries === undefined) return select(isKey, score, NEGATIVE_INFINITY);
    // t - s + queries <= length
    const reach = indexValue(shift(add(t, multiply(s, -1)), queries));
    return select(i32.and(isKey, i32.not(i32.lt(length, reach))), score, NEGATIVE_INFINITY);
  };
}

/**
 * Keys more than `left` positions before the query, or more than `right` after it, are hidden; -1 is no bound. The
 * query `s` is at position `before + s`; with lengths by batch, the last query is at the last key.
 */
function windowed(
  context: Context,
  queries: number,
  before: number,
  lengths: Tensor | undefined,
): ScoreChange[] {
  const [left, right] = [context.int('left_window_size', -1), context.int('right_window_size', -1)];
  ensure(left >= -1 && right >= -1, `windows of ${left} and ${right} positions; -1 is for no bound`);
  if (left < 0 && right < 0) return [];
  return [
    (score, [b, , s, t]) => {
      // Positions by which the key is after the query, plus the length where there is one.
      const ahead = indexValue(shift(add(t, multiply(s, -1)), lengths ? queries : -before));
      const length: Expression = lengths ? at(lengths, [b]) : i32.of(0);
      const isHidden = [
        ...(left < 0 ? [] : [i32.lt(ahead, i32.sub(length, i32.of(left)))]),
        ...(right < 0 ? [] : [i32.lt(i32.add(length, i32.of(right)), ahead)]),
      ].reduce(i32.or);
      return select(isHidden, NEGATIVE_INFINITY, score);
    },
  ];
}

function headsOf(context: Context, i: number, attribute: string): Heads {
  const x = context.input(i);
  ensureFloat(x);
  const batch = context.input(0).shape[0];
  ensure(x.shape[0] === batch, `"${x.name}" of shape [${x.shape}] is not of ${batch} batches`);
  const count = context.int(attribute, x.shape.length === 4 ? (x.shape[1] as number) : 0);
  if (x.shape.length === 4) {
    ensure(count === x.shape[1], `${attribute} is ${count}, and "${x.name}" has ${x.shape[1]} heads`);
    return separateHeads(x);
  }
  ensure(x.shape.length === 3, `"${x.name}" is of rank ${x.shape.length}, not 3 or 4`);
  const size = (x.shape[2] as number) / count;
  ensure(
    count >= 1 && Number.isInteger(size),
    `${attribute} is ${count}, which does not divide ${x.shape[2]}`,
  );
  return joinedHeads(x, count, size);
}

/** Keys or values with those of earlier calls in front, and the tensor of all of them. */
export function withPast(
  context: Context,
  batch: number,
  heads: Heads,
  past: Tensor | undefined,
  type: Tensor['type'],
) {
  const present = tensorOfHeads(context, type, batch, heads);
  if (!past) return { heads, present };
  const fits = `${past.shape}` === `${[batch, heads.count, past.shape[2], heads.size]}`;
  ensure(fits, `"${past.name}" of shape [${past.shape}] is not one of ${heads.count} heads of ${heads.size}`);
  const all = joined(context, [past, present], 2, type);
  return { heads: separateHeads(all), present: all };
}

/** The type of the softmax: that of the attribute softmax_precision, or of the query. */
export function precisionOf(context: Context, type: ElementType): ElementType {
  const code = context.int('softmax_precision', 0);
  const precision = code === 0 ? type : elementType(code);
  ensure(precision.family === 'float', `a softmax in ${precision.name} is not supported`);
  return precision;
}

/** Attention(Q, K, V, mask, past key, past value, lengths) of ONNX. */
const Attention: Lowering = (context) => {
  const q = context.input(0);
  const { type } = q;
  const batch = q.shape[0] as number;
  const query = headsOf(context, 0, 'q_num_heads');
  const [pastKey, mask, lengths] = [context.optional(4), context.optional(3), context.optional(6)];
  const pastValue = context.optional(5);
  ensure(Boolean(pastKey) === Boolean(pastValue), 'one of past key and past value is missing');
  ensure(!pastKey || !lengths, 'lengths of keys with those of earlier calls are not supported');
  ensure(
    !lengths || (lengths.type.family === 'integer' && `${lengths.shape}` === `${batch}`),
    `lengths of type ${lengths?.type.name} and shape [${lengths?.shape}] are not integers of shape [${batch}]`,
  );
  const key = withPast(context, batch, headsOf(context, 1, 'kv_num_heads'), pastKey, type);
  const value = withPast(context, batch, headsOf(context, 2, 'kv_num_heads'), pastValue, type);
  const isCausal = context.int('is_causal', 0) !== 0;
  const softcap = context.float('softcap', 0);
  ensure(
    query.count % key.heads.count === 0 && key.heads.count === value.heads.count,
    `${query.count} heads of the query for ${key.heads.count} and ${value.heads.count}`,
  );
  ensure(
    query.size === key.heads.size && key.heads.positions === value.heads.positions,
    'query, key and value do not fit each other',
  );
  const before = pastKey?.shape[2] ?? 0;
  const cap = softcap > 0 ? [capped(softcap)] : [];
  const hidden = [
    ...(mask ? [masked(mask, [batch, query.count, query.positions, key.heads.positions])] : []),
    ...(isCausal && !lengths ? [causal(before)] : []),
    ...windowed(context, query.positions, before, lengths),
    ...(lengths ? [bounded(lengths, isCausal ? query.positions : undefined)] : []),
  ];
  const attended: Attended = {
    batch,
    query,
    key: key.heads,
    value: value.heads,
    scale: context.float('scale', 1 / Math.sqrt(query.size)),
    changes: [...cap, ...hidden],
    precision: precisionOf(context, type),
  };
  const scores = scoresOf(context, type, attended);
  const { weights, result } = weighedBy(context, scores, attended);
  const y =
    q.shape.length === 3
      ? reshaped(context, result, [batch, query.positions, query.count * value.heads.size])
      : context.define({
          type,
          shape: [batch, query.count, query.positions, value.heads.size],
          body: ([b, h, s, d]) => at(result, [b!, s!, h!, d!]),
        });
  // Up to which step of the way the scores are wanted.
  const shown = [
    () => scoresOf(context, type, { ...attended, changes: [] }),
    () => scoresOf(context, type, { ...attended, changes: cap }),
    () => scores,
    () => weights,
  ][context.int('qk_matmul_output_mode', 0)];
  ensure(shown, 'qk_matmul_output_mode is not known');
  return [y, key.present, value.present, ...(context.wants(3) ? [shown()] : [])];
};

/** @see https://onnx.ai/onnx/operators/onnx__Attention.html */
export const operators: Operators = { Attention };
