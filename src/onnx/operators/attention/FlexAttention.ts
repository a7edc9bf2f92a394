import { ensure } from '../../errors.ts';
import { f32, fold } from '../../ir/expression.ts';
import { type Index, quotient } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat, ensureSameType } from '../elementwise.ts';
import { softmaxAlong } from '../math/Softmax.ts';
import { castTo } from '../tensor/Cast.ts';
import { isTensor } from '../value.ts';
import { precisionOf } from './Attention.ts';
import { scoresOf, separateHeads } from './attend.ts';

/**
 * FlexAttention(Q, K, V) of ai.onnx.preview: attention whose scores, and whose probabilities, go through graphs of the
 * model's own (attributes score_mod and prob_mod).
 */
const FlexAttention: Lowering = (context) => {
  const inputs = [context.input(0), context.input(1), context.input(2)] as const;
  const [q, k, v] = inputs;
  const type = ensureSameType(inputs);
  ensureFloat(q);
  ensure(
    inputs.every(({ shape }) => shape.length === 4 && shape[0] === q.shape[0]),
    `query, key and value are of shapes [${q.shape}], [${k.shape}] and [${v.shape}]; rank 4 and one batch are needed`,
  );
  const [query, key, value] = inputs.map(separateHeads) as [Heads, Heads, Heads];
  ensure(
    query.count % key.count === 0 &&
      key.count === value.count &&
      query.size === key.size &&
      key.positions === value.positions,
    `query [${q.shape}], key [${k.shape}] and value [${v.shape}] do not fit each other`,
  );
  const batch = q.shape[0] as number;
  const scale = context.float('scale', 1 / Math.sqrt(query.size));
  const scores = scoresOf(context, type, { batch, query, key, value, scale, changes: [] });
  const own = precisionOf(context, type.bits < 32 ? TYPES.float : type);
  const changed = modified(context, 'score_mod', castTo(context, scores, own));
  const weights = modified(context, 'prob_mod', softmaxAlong(context, changed, 3));
  const repeated = query.count / value.count;
  const y = context.define({
    type: own,
    shape: [batch, query.count, query.positions, value.size],
    body: (indices) => {
      const [b, h, s, d] = indices as [Index, Index, Index, Index];
      return fold([value.positions], 0, ([t], sum) =>
        f32.add(sum, f32.mul(at(weights, [b, h, s, t!]), value.at(b, quotient(h, repeated), t!, d))),
      );
    },
  });
  return castTo(context, y, type);
};

type Heads = ReturnType<typeof separateHeads>;

/** Applies the graph among the attributes to a tensor; without one, returns the tensor itself. */
function modified(context: Context, name: string, x: Tensor): Tensor {
  if (!context.has(name)) return x;
  ensure(
    context.graph(name).inputs.length === 1,
    `${name} takes ${context.graph(name).inputs.length} inputs, not 1`,
  );
  const made = context.run(name, [x]);
  const [y] = made;
  ensure(
    made.length === 1 && y && isTensor(y) && y.type === x.type && `${y.shape}` === `${x.shape}`,
    `${name} does not yield one tensor of type ${x.type.name} and shape [${x.shape}]`,
  );
  return y;
}

/** @see https://onnx.ai/onnx/operators/onnx_aionnxpreview_FlexAttention.html */
export const operators: Operators = { 'ai.onnx.preview.FlexAttention': FlexAttention };
