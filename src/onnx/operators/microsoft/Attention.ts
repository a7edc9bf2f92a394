import { ensure } from '../../errors.ts';
import { f32, i32, indexValue, select } from '../../ir/expression.ts';
import { add, constantIndex, flatten, multiply, shift } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { capped, causal, withPast } from '../attention/Attention.ts';
import { attention, type Heads, joinedHeads, type ScoreChange, separateHeads } from '../attention/attend.ts';
import { rotated } from '../attention/RotaryEmbedding.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { ensureRows } from '../inside.ts';
import { matrixProduct } from '../math/Matrix.ts';

/** The forms of attention that onnxruntime has besides ONNX's. */

const LEAST = -3.4028234663852886e38;

/** Keys that a mask of 0 and 1 hides get `filter` added: [batch, keys], [batch, queries, keys], or lengths [batch]. */
function masked(mask: Tensor, filter: number): ScoreChange {
  ensure(mask.type.family === 'integer', `the mask is of type ${mask.type.name}, not integers`);
  ensure(mask.shape.length <= 3, `a mask of rank ${mask.shape.length} is not supported; 1 to 3 are`);
  return (score, [b, , s, t]) => {
    const own = [b, ...(mask.shape.length === 3 ? [s] : []), t];
    const isKept =
      mask.shape.length === 1 ? i32.lt(indexValue(t), at(mask, [b])) : i32.lt(i32.of(0), at(mask, own));
    return f32.add(score, select(isKept, f32.of(0), f32.of(filter)));
  };
}

/** A bias [batch or 1, heads or 1, queries, keys] added to the scores. */
const added =
  (bias: Tensor): ScoreChange =>
  (score, indices) =>
    f32.add(score, broadcastAt(bias, indices));

interface Masks {
  /** Shape of the scores: [batch, heads, queries, keys]. */
  readonly shape: readonly [number, number, number, number];
  readonly mask: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly before: number;
}

function changesOf(context: Context, { shape, mask, bias, before }: Masks, filter: number): ScoreChange[] {
  const [batch, , queries, keys] = shape;
  const expected = [[batch], [batch, keys], [batch, queries, keys]][(mask?.shape.length ?? 1) - 1];
  ensure(
    !mask || `${mask.shape}` === `${expected}`,
    `a mask of shape [${mask?.shape}] for scores of shape [${shape}] is not supported`,
  );
  ensure(
    !bias || `${broadcastShapes([bias.shape, shape])}` === `${shape}`,
    `a bias of shape [${bias?.shape}] does not fit scores of shape [${shape}]`,
  );
  if (mask?.shape.length === 1)
    ensure(before === 0, 'lengths of keys with those of earlier calls are not supported');
  return [
    ...(bias ? [added(bias)] : []),
    ...(mask ? [masked(mask, filter)] : []),
    ...(context.int('unidirectional', 0) !== 0 ? [causal(before)] : []),
  ];
}

const scaleOf = (context: Context, size: number): number => context.float('scale', 0) || 1 / Math.sqrt(size);

/** Half `which` of a tensor [2, batch, heads, positions, size] of earlier keys and values. */
const halfOf = (context: Context, past: Tensor, which: number): Tensor =>
  context.define({
    type: past.type,
    shape: past.shape.slice(1),
    body: (indices) => at(past, [constantIndex(which), ...indices]),
  });

const stacked = (context: Context, key: Tensor, value: Tensor): Tensor =>
  context.define({
    type: key.type,
    shape: [2, ...key.shape],
    body: ([which, ...indices]) => select(indexValue(which!), at(value, indices), at(key, indices)),
  });

/** Attention of a tensor [batch, positions, queries and keys and values] to itself. */
export function selfAttention(
  context: Context,
  qkv: Tensor,
  { mask, past, bias }: { mask: Tensor | undefined; past: Tensor | undefined; bias: Tensor | undefined },
): (Tensor | undefined)[] {
  const count = context.int('num_heads', 0);
  const total = qkv.shape[2] as number;
  const sizes = context.ints('qkv_hidden_sizes') ?? [];
  const [q = 0, k = 0, v = 0] = sizes.length > 0 ? sizes : [total / 3, total / 3, total / 3];
  const isSplit = [q, k, v].every((size) => Number.isInteger(size / count));
  ensure(
    isSplit && q + k + v === total && q === k,
    `${total} components are not queries, keys and values of ${count} heads`,
  );
  ensure(context.int('do_rotary', 0) === 0, 'do_rotary is not supported; use RotaryEmbedding');
  context.disregard('rotary_embedding_dim');
  context.only('past_present_share_buffer', 0);
  const batch = qkv.shape[0] as number;
  const pastOf = (which: number) => (past ? halfOf(context, past, which) : undefined);
  const key = withPast(context, batch, joinedHeads(qkv, count, k / count, q), pastOf(0), qkv.type);
  const value = withPast(context, batch, joinedHeads(qkv, count, v / count, q + k), pastOf(1), qkv.type);
  const shape = [batch, count, qkv.shape[1] as number, key.heads.positions] as const;
  const masks = { shape, mask, bias, before: past?.shape[3] ?? 0 };
  const y = attention(context, qkv.type, {
    batch,
    query: joinedHeads(qkv, count, q / count),
    key: key.heads,
    value: value.heads,
    scale: scaleOf(context, q / count),
    changes: changesOf(context, masks, context.float('mask_filter_value', -10_000)),
  });
  return [y, context.wants(1) ? stacked(context, key.present, value.present) : undefined];
}

/** Attention(input, weights, bias, mask, past, attention bias) */
const Attention: Lowering = (context) => {
  const [x, weights, bias] = [context.input(0), context.input(1), context.optional(2)];
  ensureFloat(x, weights);
  ensure(x.shape.length === 3, `the input's rank is ${x.shape.length}, not 3`);
  const product = matrixProduct(context, x, weights);
  const qkv = bias ? elementwise(context, [product, bias], x.type, f32.add) : product;
  const [mask, past] = [context.optional(3), context.optional(4)];
  return selfAttention(context, qkv, { mask, past, bias: context.optional(5) });
};

/** MultiHeadAttention(query, key, value, bias, mask, attention bias, past key, past value) */
const MultiHeadAttention: Lowering = (context) => {
  const [query, key, value, bias] = [
    context.input(0),
    context.optional(1),
    context.optional(2),
    context.optional(3),
  ];
  ensureFloat(query);
  const count = context.int('num_heads', 0);
  const batch = query.shape[0] as number;
  const whole = headsOf({ query, key, value, bias }, count);
  const past = [context.optional(6), context.optional(7)] as const;
  const keys = withPast(context, batch, whole.key, past[0], query.type);
  const values = withPast(context, batch, whole.value, past[1], query.type);
  const shape = [batch, count, whole.query.positions, keys.heads.positions] as const;
  const [mask, toScores] = [context.optional(4), context.optional(5)];
  for (const x of [key, value]) ensure(!x || x.shape[0] === batch, `"${x?.name}" is not of ${batch} batches`);
  const masks = { shape, mask, bias: toScores, before: past[0]?.shape[2] ?? 0 };
  const y = attention(context, query.type, {
    batch,
    query: whole.query,
    key: keys.heads,
    value: values.heads,
    scale: scaleOf(context, whole.query.size),
    changes: changesOf(context, masks, context.float('mask_filter_value', LEAST)),
  });
  return [y, keys.present, values.present];
};

interface Projected {
  readonly query: Tensor;
  readonly key: Tensor | undefined;
  readonly value: Tensor | undefined;
  readonly bias: Tensor | undefined;
}

interface Projections {
  readonly query: Heads;
  readonly key: Heads;
  readonly value: Heads;
}

/** One of several tensors that lie interleaved as [batch, positions, heads, which, size]. */
const partOf = (x: Tensor, which: number): Heads => ({
  count: x.shape[2] as number,
  positions: x.shape[1] as number,
  size: x.shape[4] as number,
  at: (b, h, p, d) => at(x, [b, p, h, constantIndex(which), d]),
});

/** Heads of three tensors, or of one with all, or of one with keys and values. */
function headsOf({ query, key, value, bias }: Projected, count: number): Projections {
  const heads = (x: Tensor): Heads => {
    if (x.shape.length === 4) return separateHeads(x);
    const size = (x.shape[2] as number) / count;
    const isJoined = x.shape.length === 3 && Number.isInteger(size);
    ensure(isJoined, `"${x.name}" of shape [${x.shape}] is not of ${count} heads`);
    return joinedHeads(x, count, size);
  };
  if (query.shape.length === 5)
    return { query: partOf(query, 0), key: partOf(query, 1), value: partOf(query, 2) };
  ensure(key, 'the key is missing');
  if (key.shape.length === 5) return { query: heads(query), key: partOf(key, 0), value: partOf(key, 1) };
  ensure(value, 'the value is missing');
  const made = { query: heads(query), key: heads(key), value: heads(value) };
  if (!bias) return made;
  // The bias has the components of queries, keys and values one after another.
  const plus = (x: Heads, from: number): Heads => ({
    ...x,
    at: (b, h, p, d) => f32.add(x.at(b, h, p, d), at(bias, [shift(flatten([h, d], [count, x.size]), from)])),
  });
  const afterQuery = count * made.query.size;
  // Keys given head by head were projected, bias included, by an earlier call.
  if (key.shape.length === 4) return { ...made, query: plus(made.query, 0) };
  return {
    query: plus(made.query, 0),
    key: plus(made.key, afterQuery),
    value: plus(made.value, afterQuery + count * made.key.size),
  };
}

/** Keys that come `window` positions and more before the query do not count. */
const within =
  (window: number, before: number): ScoreChange =>
  (score, [, , s, t]) => {
    const behind = indexValue(shift(add(s, multiply(t, -1)), before));
    return select(i32.lt(behind, i32.of(window)), score, f32.of(Number.NEGATIVE_INFINITY));
  };

/**
 * GroupQueryAttention(query, key, value, past key, past value, last positions, length, cos, sin): causal, with the
 * same known length for the whole batch, and earlier keys in a tensor that is exactly as long as they are.
 */
const GroupQueryAttention: Lowering = (context) => {
  const [query, key, value] = [context.input(0), context.optional(1), context.optional(2)];
  ensureFloat(query);
  const [count, keyCount] = [context.int('num_heads', 0), context.int('kv_num_heads', 0)];
  const [batch = 0, length = 0, hidden = 0] = query.shape;
  const lasts = context.known(5, 'the last positions');
  const before = (lasts[0] ?? 0) + 1 - length;
  const [pastKey, pastValue] = [3, 4].map((i) => {
    const past = context.optional(i);
    return past?.shape[2] ? past : undefined;
  });
  ensure(
    lasts.every((last) => last === lasts[0]) && before === (pastKey?.shape[2] ?? 0),
    `last positions [${lasts}] with ${pastKey?.shape[2] ?? 0} earlier keys and ${length} queries are not supported`,
  );
  for (const name of ['smooth_softmax', 'qk_output', 'kv_cache_bit_width', 'sliding_window_cache'])
    context.only(name, 0);
  context.only('causal', 1);
  for (const name of ['k_quant_type', 'v_quant_type']) context.only(name, 'NONE');
  // They are for the weights of a normalisation, which are inputs of their own.
  context.disregard('qk_norm_epsilon', 'q_norm_epsilon', 'k_norm_epsilon');
  // The number of keys is known from the last positions.
  context.disregardInput(6);
  const isTurned = context.int('do_rotary', 0) !== 0;
  const interleaved = context.int('rotary_interleaved', 0) !== 0;
  if (!isTurned) for (const i of [7, 8]) context.disregardInput(i);
  const isPacked = key === undefined;
  const size = isPacked ? hidden / (count + 2 * keyCount) : hidden / count;
  ensure(Number.isInteger(size), `${hidden} components are not of ${count} heads`);
  const heads = {
    query: joinedHeads(query, count, size),
    key: joinedHeads(key ?? query, keyCount, size, isPacked ? count * size : 0),
    value: joinedHeads(value ?? query, keyCount, size, isPacked ? (count + keyCount) * size : 0),
  };
  const turn = (x: Heads): Heads => {
    if (!isTurned) return x;
    for (const i of [7, 8])
      ensureRows(context, context.input(i), 0, { low: before, high: before + length - 1 });
    const turned = rotated(context, query.type, batch, x, {
      cos: context.input(7),
      sin: context.input(8),
      angle: (cache, _, p, pair) => at(cache, [shift(p, before), pair]),
      interleaved,
    });
    return { ...x, at: (b, h, p, d) => at(turned, [b, p, h, d]) };
  };
  const keys = withPast(context, batch, turn(heads.key), pastKey, query.type);
  const values = withPast(context, batch, heads.value, pastValue, query.type);
  const [softcap, window] = [context.float('softcap', 0), context.int('local_window_size', -1)];
  ensure(window !== 0, 'local_window_size is 0, which hides every key; -1 is for attention without a window');
  const y = attention(context, query.type, {
    batch,
    query: turn(heads.query),
    key: keys.heads,
    value: values.heads,
    scale: scaleOf(context, size),
    changes: [
      ...(softcap > 0 ? [capped(softcap)] : []),
      causal(before),
      ...(window > 0 ? [within(window, before)] : []),
    ],
  });
  return [y, keys.present, values.present];
};

/**
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Attention
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GroupQueryAttention
 */
export const operators: Operators = {
  Attention,
  MultiHeadAttention,
  GroupQueryAttention,
};
