import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { compareNumbers } from '../compareNumbers.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { listOf } from '../list.ts';
import { scalarOf } from '../value.ts';
import { throughTables } from './Parts.ts';
import { reshaped } from './Shapes.ts';
import { suppressed } from './suppression.ts';

/** Operators whose output has as many elements as its input's values say: they run where those are known. */

function valuesOf(context: Context, i: number): number[] {
  const values = context.numbers(context.input(i));
  ensure(
    values,
    "its output's shape depends on data, which cannot run; bind its input, or move this step behind the model",
  );
  return values;
}

/** Indices of the elements that are not zero, a column each. */
const NonZero: Lowering = (context) => {
  const { shape } = context.input(0);
  const found = valuesOf(context, 0).flatMap((value, i) => (value !== 0 ? [i] : []));
  let size = sizeOf(shape);
  const rows = shape.flatMap((extent) => {
    const inner = size / extent;
    const row = found.map((position) => Math.floor((position % size) / inner));
    size = inner;
    return row;
  });
  return context.constant(TYPES.int64, [shape.length, found.length], rows);
};

/** The slices along an axis (elements, without one) for which the condition holds. */
const Compress: Lowering = (context) => {
  const x = context.has('axis')
    ? context.input(0)
    : reshaped(context, context.input(0), [sizeOf(context.input(0).shape)]);
  const axis = context.axis(context.int('axis', 0), x.shape.length);
  const chosen = context
    .known(1, 'the condition')
    .flatMap((value, i) => (value !== 0 && i < (x.shape[axis] as number) ? [i] : []));
  return throughTables(
    context,
    x,
    x.shape.map((extent, i) => (i === axis ? chosen : listOf(extent, (position) => position))),
  );
};

/** Distinct slices along an axis (elements, without one), where each first occurs, which each was, how many. */
const Unique: Lowering = (context) => {
  const given = context.input(0);
  const values = valuesOf(context, 0);
  const hasAxis = context.has('axis');
  const shape = hasAxis ? given.shape : [values.length];
  const axis = context.axis(context.int('axis', 0), shape.length);
  const [outer, extent, inner] = [
    sizeOf(shape.slice(0, axis)),
    shape[axis] as number,
    sizeOf(shape.slice(axis + 1)),
  ];
  const sliceAt = (i: number): number[] =>
    listOf(outer * inner, (p) => {
      const [row, column] = [Math.floor(p / inner), p % inner];
      return values[(row * extent + i) * inner + column] as number;
    });
  const found = new Map<string, { slice: number[]; first: number; count: number }>();
  const keys = listOf(extent, (i) => {
    const slice = sliceAt(i);
    const key = slice.join();
    const known = found.get(key);
    if (known) known.count++;
    else found.set(key, { slice, first: i, count: 1 });
    return key;
  });
  const distinct = [...found].map(([key, entry]) => ({ key, ...entry }));
  if (context.int('sorted', 1) !== 0) distinct.sort((a, b) => inOrder(a.slice, b.slice));
  const position = new Map(distinct.map(({ key }, i) => [key, i]));
  const numbers = (list: readonly number[]): Tensor => context.constant(TYPES.int64, [list.length], list);
  const made = listOf(outer * distinct.length * inner, (p) => {
    const [row, rest] = [Math.floor(p / (distinct.length * inner)), p % (distinct.length * inner)];
    return distinct[Math.floor(rest / inner)]?.slice[row * inner + (rest % inner)] as number;
  });
  return [
    context.constant(
      given.type,
      shape.map((own, i) => (i === axis ? distinct.length : own)),
      made,
    ),
    numbers(distinct.map(({ first }) => first)),
    numbers(keys.map((key) => position.get(key) as number)),
    numbers(distinct.map(({ count }) => count)),
  ];
};

const inOrder = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((order, value, i) => order || compareNumbers(value, b[i] as number), 0);

const NonMaxSuppression: Lowering = (context) => {
  const [boxes, scores] = [context.input(0), context.input(1)];
  const [batches = 0, count = 0, four] = boxes.shape;
  const [, classes = 0] = scores.shape;
  ensure(
    boxes.shape.length === 3 && four === 4 && `${scores.shape}` === `${[batches, classes, count]}`,
    `boxes of shape [${boxes.shape}] and scores of [${scores.shape}] do not fit`,
  );
  const [corners, rated] = [valuesOf(context, 0), valuesOf(context, 1)];
  for (const i of [2, 3, 4]) if (context.optional(i)) valuesOf(context, i);
  const limits = {
    most: scalarOf(context.optional(2)) ?? 0,
    overlap: scalarOf(context.optional(3)) ?? 0,
    score: scalarOf(context.optional(4)),
    isCentred: context.int('center_point_box', 0) !== 0,
  };
  const rows: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const own = Array.from({ length: count }, (_, i) =>
      corners.slice((batch * count + i) * 4, (batch * count + i + 1) * 4),
    );
    for (let kind = 0; kind < classes; kind++) {
      const from = (batch * classes + kind) * count;
      for (const box of suppressed(own, rated.slice(from, from + count), limits)) rows.push(batch, kind, box);
    }
  }
  return context.constant(TYPES.int64, [rows.length / 3, 3], rows);
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__NonZero.html
 * @see https://onnx.ai/onnx/operators/onnx__Compress.html
 * @see https://onnx.ai/onnx/operators/onnx__Unique.html
 * @see https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
 */
export const operators: Operators = {
  NonZero,
  Compress,
  Unique,
  NonMaxSuppression,
};
