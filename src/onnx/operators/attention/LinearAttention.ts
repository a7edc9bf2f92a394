import { ensure, quoted } from '../../errors.ts';
import { exp } from '../../functions/index.ts';
import { type Expression, f32, fold } from '../../ir/expression.ts';
import { constantIndex, flatten, type Index, quotient } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { castTo } from '../tensor/Cast.ts';
import { reshaped } from '../tensor/Shapes.ts';
import { stacked } from '../tensor/stack.ts';

/** Steps that one node may unroll to. */
const MAX_STEPS = 4096;

/** Update rules: whether the state decays, and whether what it already yields for a key is taken off the value. */
const RULES: Readonly<Record<string, { readonly decays: boolean; readonly corrects: boolean }>> = {
  linear: { decays: false, corrects: false },
  gated: { decays: true, corrects: false },
  delta: { decays: false, corrects: true },
  gated_delta: { decays: true, corrects: true },
};

interface Inputs {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly past: Tensor | undefined;
  readonly decay: Tensor | undefined;
  readonly beta: Tensor | undefined;
}

interface Sizes {
  readonly batch: number;
  readonly steps: number;
  readonly queryHeads: number;
  /** Heads of keys and values, each for as many of the query's in a row. */
  readonly heads: number;
  /** Components of a key and of a value. */
  readonly keySize: number;
  readonly valueSize: number;
}

/**
 * LinearAttention(query, key, value, past state, decay, beta) of ONNX, unrolled over its steps. For each head
 *
 *     S' = exp(g) S,  v' = beta (v - S'^T k),  S = S' + k v'^T,  o = scale q^T S
 *
 * with S' = S or v' = v where the rule has it so (Yang et al., Gated Delta Networks, 2024). The state S,
 * [batch, heads, key size, value size], is float32, as is everything in between.
 */
const LinearAttention: Lowering = (context) => {
  const inputs = readInputs(context);
  const { query, past } = inputs;
  const sizes = readSizes(context, inputs);
  const { batch, steps, queryHeads, heads, keySize, valueSize } = sizes;
  const scale = f32.of(context.float('scale', 0) || 1 / Math.sqrt(keySize));
  // The number of steps computed together does not change the result.
  context.disregard('chunk_size');
  let state = past && castTo(context, past, TYPES.float);
  const outputs = Array.from({ length: steps }, (_, t) =>
    context.step(t, () => {
      const after = stepped(context, inputs, sizes, t, state);
      state = after;
      return context.define({
        type: TYPES.float,
        shape: [batch, queryHeads, valueSize],
        body: ([b, h, m]) => {
          const sum = fold([keySize], 0, ([d], accumulator) => {
            const own = component(query, queryHeads, t, b!, h!, d!);
            return f32.add(
              accumulator,
              f32.mul(own, at(after, [b!, quotient(h!, queryHeads / heads), d!, m!])),
            );
          });
          return f32.mul(scale, sum);
        },
      });
    }),
  );
  const output = reshaped(context, stacked(context, outputs, 1), [batch, steps, queryHeads * valueSize]);
  return [castTo(context, output, query.type), castTo(context, state as Tensor, past?.type ?? query.type)];
};

/** The state after step `t`. */
function stepped(
  context: Context,
  { key, value, decay, beta }: Inputs,
  { batch, heads, keySize, valueSize }: Sizes,
  t: number,
  before: Tensor | undefined,
): Tensor {
  const shape = [batch, heads, keySize, valueSize];
  const decayed =
    before && decay
      ? context.define({
          type: TYPES.float,
          shape,
          body: (indices) => {
            const [b, h, d] = indices as [Index, Index, Index];
            return f32.mul(at(before, indices), exp(component(decay, heads, t, b, h, d)));
          },
        })
      : before;
  const written = (b: Index, h: Index, m: Index): Expression => component(value, heads, t, b, h, m);
  const corrected =
    beta &&
    context.define({
      type: TYPES.float,
      shape: [batch, heads, valueSize],
      body: ([b, h, m]) => {
        const known =
          decayed &&
          fold([keySize], 0, ([d], sum) =>
            f32.add(sum, f32.mul(at(decayed, [b!, h!, d!, m!]), component(key, heads, t, b!, h!, d!))),
          );
        const own = written(b!, h!, m!);
        const rate = component(beta, heads, t, b!, h!, constantIndex(0));
        return f32.mul(rate, known ? f32.sub(own, known) : own);
      },
    });
  return context.define({
    type: TYPES.float,
    shape,
    body: (indices) => {
      const [b, h, d, m] = indices as [Index, Index, Index, Index];
      const own = corrected ? at(corrected, [b, h, m]) : written(b, h, m);
      const added = f32.mul(component(key, heads, t, b, h, d), own);
      return decayed ? f32.add(at(decayed, indices), added) : added;
    },
  });
}

/** A component of a head in a tensor [batch, steps, heads * size], or what all of its components or all heads share. */
function component(x: Tensor, heads: number, t: number, b: Index, h: Index, d: Index): Expression {
  const total = x.shape[2] as number;
  const size = total / heads;
  const position = total === 1 ? constantIndex(0) : size === 1 ? h : flatten([h, d], [heads, size]);
  return at(x, [b, constantIndex(t), position]);
}

function readInputs(context: Context): Inputs {
  const [query, key, value] = [context.input(0), context.input(1), context.input(2)];
  const [past, decay, beta] = [context.optional(3), context.optional(4), context.optional(5)];
  ensureFloat(query, key, value, ...[past, decay, beta].filter((one) => one !== undefined));
  const rule = context.string('update_rule', 'gated_delta');
  const known = RULES[rule];
  ensure(known, `update_rule ${quoted(rule)} is not known`);
  ensure(known.decays === Boolean(decay), `update_rule ${rule} takes ${decay ? 'no' : 'a'} decay`);
  ensure(known.corrects === Boolean(beta), `update_rule ${rule} takes ${beta ? 'no' : 'a'} beta`);
  return { query, key, value, past, decay, beta };
}

function readSizes(context: Context, { query, key, value, past, decay, beta }: Inputs): Sizes {
  const [queryHeads, heads] = [context.int('q_num_heads', 0), context.int('kv_num_heads', 0)];
  ensure(
    heads > 0 && queryHeads > 0 && queryHeads % heads === 0,
    `${queryHeads} heads of the query are not a multiple of ${heads} of the keys`,
  );
  const [batch = 0, steps = 0, total = 0] = query.shape;
  ensure(steps >= 1 && steps <= MAX_STEPS, `${steps} steps; 1 to ${MAX_STEPS} can be unrolled`);
  const keySize = total / queryHeads;
  const valueSize = (value.shape[2] ?? 0) / heads;
  const ensureShape = (x: Tensor | undefined, what: string, ...shapes: readonly number[][]) =>
    ensure(
      !x || shapes.some((shape) => `${shape}` === `${x.shape}`),
      () => `the ${what} has the shape [${x?.shape}], not [${shapes.join('] or [')}]`,
    );
  ensure(
    query.shape.length === 3 && Number.isInteger(keySize) && Number.isInteger(valueSize),
    `query [${query.shape}] and value [${value.shape}] are not of ${queryHeads} and ${heads} heads`,
  );
  ensureShape(key, 'key', [batch, steps, heads * keySize]);
  ensureShape(value, 'value', [batch, steps, heads * valueSize]);
  ensureShape(past, 'state', [batch, heads, keySize, valueSize]);
  ensureShape(decay, 'decay', [batch, steps, heads], [batch, steps, heads * keySize]);
  ensureShape(beta, 'beta', [batch, steps, heads], [batch, steps, 1]);
  return { batch, steps, queryHeads, heads, keySize, valueSize };
}

/** @see https://onnx.ai/onnx/operators/onnx__LinearAttention.html */
export const operators: Operators = { LinearAttention };
