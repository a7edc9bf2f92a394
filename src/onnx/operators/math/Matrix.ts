import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32 } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { isNarrowed, type Range, rangeOfType } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { corners, ensureSameType, hull } from '../elementwise.ts';

/** Sums of products along one dimension, in the inputs' own type. */
const contraction = (a: Tensor, extent: number, product: (k: Index) => readonly [Expression, Expression]) => {
  const isFloat = a.type.family === 'float';
  return fold([extent], 0, ([k], accumulator) => {
    const [left, right] = product(k!);
    return isFloat ? f32.add(accumulator, f32.mul(left, right)) : i32.add(accumulator, i32.mul(left, right));
  });
};

/** Bounds of a sum of `extent` products, for narrowed integer types. */
const contractionRange = (a: Tensor, b: Tensor, extent: number): { range?: Range } => {
  if (a.type.family === 'float') return {};
  if (!isNarrowed(a.type)) return { range: rangeOfType(a.type) };
  const { low, high } = corners(boundsOf(a), boundsOf(b), (x, y) => x * y);
  return { range: { low: Math.min(0, low * extent), high: Math.max(0, high * extent) } };
};

const isWhole = (factor: number): boolean => Number.isInteger(factor) && Math.abs(factor) < 2 ** 31;

/** Bounds of alpha times a sum of `extent` products plus beta times an element of c, for narrowed integer types. */
function gemmRange(
  a: Tensor,
  b: Tensor,
  extent: number,
  alpha: number,
  c: Tensor | undefined,
  beta: number,
): { range?: Range } {
  const { range } = contractionRange(a, b, extent);
  if (!range || !isNarrowed(a.type)) return range ? { range } : {};
  const product = hull([alpha * range.low, alpha * range.high]);
  const added = c ? hull([beta * boundsOf(c).low, beta * boundsOf(c).high]) : { low: 0, high: 0 };
  return { range: { low: product.low + added.low, high: product.high + added.high } };
}

/** numpy's matmul: the last two dimensions are matrices, the others broadcast; vectors lose their dimension. */
export function matrixProduct(context: Context, a: Tensor, b: Tensor): Tensor {
  const type = ensureSameType([a, b]);
  ensure(
    type.family !== 'bool' && (type.family === 'float' || type.bits >= 32),
    `${type.name} matrices do not multiply`,
  );
  ensure(a.shape.length >= 1 && b.shape.length >= 1, 'scalars are no matrices');
  const rows = a.shape.length === 1 ? [] : [a.shape.at(-2) as number];
  const columns = b.shape.length === 1 ? [] : [b.shape.at(-1) as number];
  const depth = a.shape.at(-1) as number;
  const depthOfB = b.shape.at(b.shape.length === 1 ? -1 : -2) as number;
  ensure(depth === depthOfB, `matrices of shapes [${a.shape}] and [${b.shape}] do not multiply`);
  const batch = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return context.define({
    type,
    shape: [...batch, ...rows, ...columns],
    ...contractionRange(a, b, depth),
    body: (indices) => {
      const outer = indices.slice(0, batch.length);
      const row = rows.length > 0 ? [indices[batch.length]!] : [];
      const column = columns.length > 0 ? [indices.at(-1)!] : [];
      return contraction(a, depth, (k) => [
        element(a, outer, [...row, k]),
        element(b, outer, [k, ...column]),
      ]);
    },
  });
}

/** An element by broadcast batch indices and the indices of its matrix or vector. */
function element(tensor: Tensor, batch: readonly Index[], own: readonly Index[]): Expression {
  const outer = { ...tensor, shape: tensor.shape.slice(0, -own.length) };
  const coordinates =
    outer.shape.length > 0 ? broadcastAt(outer, batch.slice(-outer.shape.length)).coordinates : [];
  return at(tensor, [...(coordinates as Index[]), ...own]);
}

const MatMul: Lowering = (context) => matrixProduct(context, context.input(0), context.input(1));

/** alpha * A' * B' + beta * C with A', B' transposed if asked for; of integers, alpha and beta must be whole. */
const Gemm: Lowering = (context) => {
  const [a, b, c] = [context.input(0), context.input(1), context.optional(2)];
  const type = ensureSameType(c ? [a, b, c] : [a, b]);
  const isFloat = type.family === 'float';
  ensure(isFloat || (type.family === 'integer' && type.bits >= 32), `${type.name} is not supported in Gemm`);
  ensure(
    a.shape.length === 2 && b.shape.length === 2,
    `inputs of rank ${a.shape.length} and ${b.shape.length} are no matrices`,
  );
  // Up to version 6 it allows what the others always do.
  context.disregard('broadcast');
  const transA = context.int('transA', 0) !== 0;
  const transB = context.int('transB', 0) !== 0;
  const alpha = context.float('alpha', 1);
  const beta = context.float('beta', 1);
  ensure(
    isFloat || (isWhole(alpha) && isWhole(beta)),
    `alpha ${alpha} and beta ${beta} are not whole, and its matrices are of ${type.name}; cast them to float`,
  );
  const [m, k] = (transA ? [...a.shape].reverse() : a.shape) as [number, number];
  const [depth, n] = (transB ? [...b.shape].reverse() : b.shape) as [number, number];
  ensure(k === depth, `matrices of ${m}×${k} and ${depth}×${n} do not multiply`);
  const shape = [m, n];
  if (c)
    ensure(
      `${broadcastShapes([shape, c.shape])}` === `${shape}`,
      `C of shape [${c.shape}] does not broadcast to [${shape}]`,
    );
  const of = isFloat ? f32 : i32;
  return context.define({
    type,
    shape,
    ...gemmRange(a, b, k, alpha, beta === 0 ? undefined : c, beta),
    body: ([i, j]) => {
      let sum: Expression = contraction(a, k, (index) => [
        at(a, transA ? [index, i!] : [i!, index]),
        at(b, transB ? [j!, index] : [index, j!]),
      ]);
      if (alpha !== 1) sum = of.mul(of.of(alpha), sum);
      if (!c || beta === 0) return sum;
      const added = broadcastAt(c, [i!, j!]);
      return of.add(sum, beta === 1 ? added : of.mul(of.of(beta), added));
    },
  });
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__MatMul.html
 * @see https://onnx.ai/onnx/operators/onnx__Gemm.html
 */
export const operators: Operators = { MatMul, Gemm };
