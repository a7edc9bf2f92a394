import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { add, constantIndex, flatten, type Index, multiply } from '../../ir/indices.ts';
import { boundsOf, elementCount, reading, type Tensor } from '../../ir/tensor.ts';
import { truncatedToI32 } from '../../tensors/doubleRounding.ts';
import { isNarrowed, type Range as RangeOfValues, TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureSameType } from '../elementwise.ts';
import { ensureInside } from '../inside.ts';
import { listOf } from '../list.ts';
import { scalarOf } from '../value.ts';
import { reshaped } from './Shapes.ts';

/**
 * Operators that read at indices from another tensor. An index outside the tensor yields 0, and is refused if it is
 * known at import (`../inside.ts`).
 */

/** Indices with negative ones counted from the end, as i32. */
export function normalIndices(context: Context, indices: Tensor, extent: number): Tensor {
  ensure(indices.type.family === 'integer', `indices are of type ${indices.type.name}, not integers`);
  const { low, high } = boundsOf(indices);
  if (low >= 0) return indices;
  return elementwise(
    context,
    [indices],
    TYPES.int32,
    (index) => select(i32.lt(index, i32.of(0)), i32.add(index, i32.of(extent)), index),
    { low: Math.min(0, low + extent), high: Math.max(high, extent - 1) },
  );
}

/** Indices along an axis of a table, as {@link normalIndices}. @throws Refusal if one is known to be outside */
export function indicesInto(context: Context, table: Tensor, axis: number, indices: Tensor): Tensor {
  const extent = table.shape[axis] as number;
  ensureInside(context, table, axis, { rows: indices, least: -extent });
  return normalIndices(context, indices, extent);
}

const rangeOf = ({ range }: Tensor) =>
  range ? { range: { low: Math.min(0, range.low), high: Math.max(0, range.high) } } : {};

const Gather: Lowering = (context) => {
  const x = context.input(0);
  const axis = context.axis(context.int('axis', 0), x.shape.length);
  const indices = indicesInto(context, x, axis, context.input(1));
  const single = scalarOf(indices);
  const rank = indices.shape.length;
  if (single === undefined) {
    const numbers = reshaped(context, indices, [elementCount(indices)]);
    const rows = context.rowsInBytes(x, axis, numbers);
    if (rows) return gatheredRows(context, { rows, axis, indices, extent: x.shape[axis] as number });
  }
  return context.define({
    type: x.type,
    shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
    ...rangeOf(x),
    body: (element) => {
      const own = element.slice(axis, axis + rank);
      // An index known at import is a plain coordinate.
      const isInside = single !== undefined && single >= 0 && single < (x.shape[axis] as number);
      const gathered = isInside ? constantIndex(single) : { gathered: at(indices, own) };
      return reading(x, [...element.slice(0, axis), gathered, ...element.slice(axis + rank)], 0);
    },
  });
};

/** Rows that were computed one for each index, in the shape of the indices; 0 for an index outside the extent. */
function gatheredRows(
  context: Context,
  {
    rows,
    axis,
    indices,
    extent,
  }: { readonly rows: Tensor; readonly axis: number; readonly indices: Tensor; readonly extent: number },
): Tensor {
  const rank = indices.shape.length;
  const { low, high } = boundsOf(indices);
  const isInside = low >= 0 && high < extent;
  return context.define({
    type: rows.type,
    shape: [...rows.shape.slice(0, axis), ...indices.shape, ...rows.shape.slice(axis + 1)],
    body: (place) => {
      const own = place.slice(axis, axis + rank);
      const row = flatten(own, indices.shape);
      const element = at(rows, [...place.slice(0, axis), row, ...place.slice(axis + rank)]);
      if (isInside) return element;
      const index = at(indices, own);
      return select(i32.and(i32.lt(i32.of(-1), index), i32.lt(index, i32.of(extent))), element, f32.of(0));
    },
  });
}

const GatherElements: Lowering = (context) => {
  const x = context.input(0);
  const axis = context.axis(context.int('axis', 0), x.shape.length);
  const indices = indicesInto(context, x, axis, context.input(1));
  ensure(indices.shape.length === x.shape.length, 'the indices have another rank than the data');
  return context.define({
    type: x.type,
    shape: indices.shape,
    ...rangeOf(x),
    body: (element) =>
      reading(
        x,
        element.map((index, i) => (i === axis ? { gathered: at(indices, element) } : index)),
        0,
      ),
  });
};

const GatherND: Lowering = (context) => {
  const x = context.input(0);
  const given = context.input(1);
  const batch = context.int('batch_dims', 0);
  const depth = given.shape.at(-1) as number;
  const outer = given.shape.slice(0, -1);
  ensure(
    batch + depth <= x.shape.length,
    `${depth} indices and ${batch} batch dimensions for rank ${x.shape.length}`,
  );
  // Each component of an index has its own extent to count from.
  const components = Array.from({ length: depth }, (_, i) => {
    const component = context.define({
      type: given.type,
      shape: outer,
      body: (indices) => at(given, [...indices, constantIndex(i)]),
    });
    return indicesInto(context, x, batch + i, component);
  });
  return context.define({
    type: x.type,
    shape: [...outer, ...x.shape.slice(batch + depth)],
    ...rangeOf(x),
    body: (indices) => {
      const own = indices.slice(0, outer.length);
      const gathered = components.map((component) => ({ gathered: at(component, own) }));
      return reading(x, [...indices.slice(0, batch), ...gathered, ...indices.slice(outer.length)], 0);
    },
  });
};

/** OneHot(indices, depth, [off, on]) along a new axis. */
const OneHot: Lowering = (context) => {
  const [indices, values] = [context.input(0), context.input(2)];
  const [depth = 0] = context.known(1, 'depth');
  const axis = context.axis(context.int('axis', -1), indices.shape.length + 1);
  const isFloat = indices.type.family === 'float';
  const halvesAt = context.doubles.exactHalves(indices);
  return context.define({
    type: values.type,
    shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)],
    ...rangeOf(values),
    body: (element) => {
      const rest = element.filter((_, i) => i !== axis);
      const raw: Expression = at(indices, rest);
      const index = halvesAt ? truncatedToI32(halvesAt(rest)) : isFloat ? i32.fromF32(raw) : raw;
      const counted = select(i32.lt(index, i32.of(0)), i32.add(index, i32.of(depth)), index);
      const isOn = i32.eq(counted, indexValue(element[axis] as Index));
      return select(isOn, at(values, [constantIndex(1)]), at(values, [constantIndex(0)]));
    },
  });
};

/** Keeps the upper (or lower) triangle of each matrix. */
const Trilu: Lowering = (context) => {
  const x = context.input(0);
  const [k = 0] = context.knownOr(1, 'k', [0]) ?? [0];
  const upper = context.int('upper', 1) !== 0;
  return context.define({
    type: x.type,
    shape: x.shape,
    ...rangeOf(x),
    body: (indices) => {
      const [row, column] = indices.slice(-2) as [Index, Index];
      // The diagonal k is where column - row = k.
      const distance = indexValue(add(column, multiply(row, -1)));
      const keep = upper ? i32.not(i32.lt(distance, i32.of(k))) : i32.not(i32.lt(i32.of(k), distance));
      return select(keep, at(x, indices), i32.of(0));
    },
  });
};

const EyeLike: Lowering = (context) => {
  const x = context.input(0);
  ensure(x.shape.length === 2, `the input's rank is ${x.shape.length}, not 2`);
  const k = context.int('k', 0);
  const [rows, columns] = x.shape as [number, number];
  const values = listOf(rows * columns, (i) => ((i % columns) - Math.floor(i / columns) === k ? 1 : 0));
  const type = context.has('dtype')
    ? Object.values(TYPES).find(({ code }) => code === context.int('dtype', 1))
    : x.type;
  ensure(type, 'its dtype is not supported');
  return context.constant(type, x.shape, values);
};

const Range: Lowering = (context) => {
  const type = ensureSameType([context.input(0), context.input(1), context.input(2)]);
  const [start = 0] = context.known(0, 'start');
  const [limit = 0] = context.known(1, 'limit');
  const [delta = 1] = context.known(2, 'delta');
  const stash = context.int('stash_type', TYPES.float.code);
  ensure(
    (type !== TYPES.float16 && type !== TYPES.bfloat16) || stash === TYPES.float.code,
    `stash_type ${stash} is not supported; ${TYPES.float.code} (float) is`,
  );
  ensure(delta !== 0, 'delta is 0');
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const round = type.family === 'float' && type !== TYPES.double ? Math.fround : (value: number) => value;
  return context.constant(
    type,
    [count],
    listOf(count, (i) => round(start + round(i * delta))),
  );
};

/** Sums (or products) along an axis up to each element: a fold over the whole axis that skips what lies beyond. */
const cumulative =
  (isProduct: boolean): Lowering =>
  (context) => {
    const x = context.input(0);
    const [given = 0] = context.known(1, 'the axis');
    const axis = context.axis(given, x.shape.length);
    const exclusive = context.int('exclusive', 0) !== 0;
    const reverse = context.int('reverse', 0) !== 0;
    const extent = x.shape[axis] as number;
    const { family } = x.type;
    ensure(family !== 'bool', 'bool is no type for arithmetic');
    const one = family === 'float' ? f32.of(1).word : 1;
    const neutral = isProduct ? one : 0;
    const [ofFloats, ofIntegers] = isProduct ? [f32.mul, i32.mul] : [f32.add, i32.add];
    const combine = family === 'float' ? ofFloats : ofIntegers;
    return context.define({
      type: x.type,
      shape: x.shape,
      ...(isNarrowed(x.type) ? { range: cumulativeRange(boundsOf(x), extent, isProduct) } : {}),
      body: (indices) =>
        fold(
          [extent],
          neutral,
          ([k], accumulator) => {
            // From the far end towards the element, so that it goes in the axis' own order.
            const distance = add(constantIndex(extent - 1), multiply(k as Index, -1));
            const step = add(indices[axis] as Index, multiply(distance, reverse ? 1 : -1));
            const from = exclusive ? add(step, constantIndex(reverse ? 1 : -1)) : step;
            const own = indices.map((index, i) => (i === axis ? from : index));
            return combine(accumulator, reading(x, own, neutral));
          },
          { ordered: true },
        ),
    });
  };

function cumulativeRange({ low, high }: RangeOfValues, count: number, isProduct: boolean): RangeOfValues {
  if (!isProduct) return { low: Math.min(0, low * count), high: Math.max(0, high * count) };
  const most = Math.max(1, Math.abs(low), Math.abs(high)) ** count;
  return { low: low < 0 ? -most : 0, high: most };
}

/**
 * @see https://onnx.ai/onnx/operators/onnx__Gather.html
 * @see https://onnx.ai/onnx/operators/onnx__GatherElements.html
 * @see https://onnx.ai/onnx/operators/onnx__GatherND.html
 * @see https://onnx.ai/onnx/operators/onnx__OneHot.html
 * @see https://onnx.ai/onnx/operators/onnx__Trilu.html
 * @see https://onnx.ai/onnx/operators/onnx__EyeLike.html
 * @see https://onnx.ai/onnx/operators/onnx__Range.html
 * @see https://onnx.ai/onnx/operators/onnx__CumSum.html
 * @see https://onnx.ai/onnx/operators/onnx__CumProd.html
 */
export const operators: Operators = {
  Gather,
  GatherElements,
  GatherND,
  OneHot,
  Trilu,
  EyeLike,
  Range,
  CumSum: cumulative(false),
  CumProd: cumulative(true),
};
