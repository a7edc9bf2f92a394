import { ensure } from '../../errors.ts';
import { type Expression, f32, i32, indexValue, select, word } from '../../ir/expression.ts';
import { SIGN } from '../../ir/floatWords.ts';
import { add, constantIndex, type Index, multiply, shift } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { ensureInside, ensureRows } from '../inside.ts';
import { joined } from '../tensor/Parts.ts';
import { reshaped } from '../tensor/Shapes.ts';
import { type Heads, joinedHeads, separateHeads } from './attend.ts';

/**
 * Turns pairs of components by an angle that depends on the position (Su et al., RoFormer, 2021). Of each pair the
 * first becomes x1 cos - x2 sin, the second x2 cos + x1 sin.
 */

/** The caches' row of a position. */
type Angle = (cache: Tensor, batch: Index, position: Index, pair: Index) => Expression;

export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly angle: Angle;
  /** Pairs are neighbours rather than half the components apart. */
  readonly interleaved: boolean;
}

/** Heads with their first `2 * pairs` components turned, as a tensor [batch, positions, heads, size]. */
export function rotated(
  context: Context,
  type: Tensor['type'],
  batch: number,
  heads: Heads,
  rotation: Rotation,
): Tensor {
  const { cos, sin, angle, interleaved } = rotation;
  const pairs = cos.shape.at(-1) as number;
  const { count, positions, size } = heads;
  ensure(2 * pairs <= size, `${pairs} pairs to turn in vectors of ${size}`);
  // The half of the pair is a dimension of its own, so that its partner has an affine coordinate.
  const split = context.define({
    type,
    shape: [batch, positions, count, ...(interleaved ? [pairs, 2] : [2, pairs])],
    body: (indices) => {
      const [b, p, h] = indices as [Index, Index, Index];
      const [half, pair] = (interleaved ? [indices[4], indices[3]] : [indices[3], indices[4]]) as [
        Index,
        Index,
      ];
      const element = (of: Index): Expression =>
        heads.at(b, h, p, interleaved ? add(multiply(pair, 2), of) : add(multiply(of, pairs), pair));
      const partner = shift(multiply(half, -1), 1);
      // The first of a pair takes its partner's part off; subtracting is adding with the sign flipped.
      const sign = select(indexValue(half), word(0), SIGN);
      const turned = i32.xor(f32.mul(element(partner), angle(sin, b, p, pair)), sign);
      return f32.add(f32.mul(element(half), angle(cos, b, p, pair)), turned);
    },
  });
  const front = reshaped(context, split, [batch, positions, count, 2 * pairs]);
  if (2 * pairs === size) return front;
  const rest = context.define({
    type,
    shape: [batch, positions, count, size - 2 * pairs],
    body: ([b, p, h, d]) => heads.at(b!, h!, p!, shift(d!, 2 * pairs)),
  });
  return joined(context, [front, rest], 3, type);
}

/** Rows of caches [rows, pairs] by a tensor of positions: [batch, positions], or [1] with the first one only. */
function angleAt(
  context: Context,
  given: Tensor,
  { count, caches }: { readonly count: number; readonly caches: readonly Tensor[] },
): Angle {
  ensure(given.type.family === 'integer', `positions are of type ${given.type.name}, not integers`);
  const positions =
    given.shape.length === 2
      ? given
      : context.define({
          type: TYPES.int32,
          shape: [1, count],
          body: ([, p]) => i32.add(at(given, [constantIndex(0)]), indexValue(p!)),
        });
  for (const cache of caches) ensureInside(context, cache, 0, { rows: positions });
  const isShared = positions.shape[0] === 1;
  return (cache, b, p, pair) =>
    reading(cache, [{ gathered: at(positions, [isShared ? constantIndex(0) : b, p]) }, pair], 0);
}

/** Both forms of the operator: ONNX's gives the positions last, onnxruntime's second. */
const rotary =
  (order: { cos: number; sin: number; positions: number }): Lowering =>
  (context) => {
    const x = context.input(0);
    const [cos, sin, positions] = [
      context.input(order.cos),
      context.input(order.sin),
      context.optional(order.positions),
    ];
    ensureFloat(x, cos, sin);
    const isSeparate = x.shape.length === 4;
    ensure(isSeparate || x.shape.length === 3, `the input's rank is ${x.shape.length}, not 3 or 4`);
    const asked = context.int('rotary_embedding_dim', 0);
    const pairs = cos.shape.at(-1) as number;
    ensure(asked === 0 || asked === 2 * pairs, `rotary_embedding_dim is ${asked} with ${pairs} pairs`);
    const batch = x.shape[0] as number;
    const named = context.int('num_heads', 0);
    context.only('is_packed_batching', 0);
    ensure(context.float('scale', 1) === 1, 'a scale is not supported');
    let heads: Heads;
    if (isSeparate) heads = separateHeads(x);
    else {
      const hidden = x.shape[2] as number;
      const count = named || hidden / (2 * pairs);
      ensure(Number.isInteger(hidden / count), `num_heads is ${count}, which does not divide ${hidden}`);
      heads = joinedHeads(x, count, hidden / count);
    }
    // Without positions the caches have one row for each position of the input.
    if (!positions)
      for (const cache of [cos, sin]) ensureRows(context, cache, 1, { low: 0, high: heads.positions - 1 });
    const angle: Angle = positions
      ? angleAt(context, positions, { count: heads.positions, caches: [cos, sin] })
      : (cache, b, position, pair) =>
          at(cache, [cache.shape[0] === 1 ? constantIndex(0) : b, position, pair]);
    const y = rotated(context, x.type, batch, heads, {
      cos,
      sin,
      angle,
      interleaved: context.int('interleaved', 0) !== 0,
    });
    if (!isSeparate) return reshaped(context, y, x.shape);
    return context.define({ type: x.type, shape: x.shape, body: ([b, h, p, d]) => at(y, [b!, p!, h!, d!]) });
  };

/**
 * @see https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.RotaryEmbedding
 */
export const operators: Operators = {
  RotaryEmbedding: rotary({ cos: 1, sin: 2, positions: 3 }),
  'com.microsoft.RotaryEmbedding': rotary({ cos: 2, sin: 3, positions: 1 }),
};
