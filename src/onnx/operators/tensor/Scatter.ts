import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, flatten, type Index } from '../../ir/indices.ts';
import { boundsOf, reading, type Tensor } from '../../ir/tensor.ts';
import { wrap } from '../../tensors/wrap.ts';
import { isNarrowed, type Range, rangeOfType, TYPES } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { corners, ensureSameType, hull, maximum, minimum } from '../elementwise.ts';
import { numbersOf } from '../value.ts';
import { normalIndices } from './Gather.ts';
import { reshaped } from './Shapes.ts';

/**
 * Writes at indices that a tensor names, seen from the element: it folds over the updates that may be its own and
 * takes those that name its index, in their order. Known indices become tables of updates instead, read by
 * gathering. An index outside the data writes nothing.
 */

interface Reduction {
  readonly combine: (old: Expression, update: Expression) => Expression;
  /** Bounds after up to `times` updates. */
  readonly range: (data: Range, update: Range, times: number) => Range;
  /** Whether only the last of several updates of an element counts. */
  readonly replaces: boolean;
}

const either = (data: Range, update: Range): Range => hull([data.low, data.high, update.low, update.high]);

function reductionOf(context: Context, x: Tensor): Reduction {
  const { type } = x;
  const isFloat = type.family === 'float';
  const wrapping = (compute: typeof i32.add) => (a: Expression, b: Expression) => wrap(type, compute(a, b));
  const name = context.string('reduction', 'none');
  const known: Readonly<Record<string, Omit<Reduction, 'replaces'>>> = {
    none: { combine: (_, update) => update, range: either },
    add: {
      combine: isFloat ? f32.add : wrapping(i32.add),
      range: (data, update, times) => ({
        low: data.low + Math.min(0, update.low * times),
        high: data.high + Math.max(0, update.high * times),
      }),
    },
    mul: {
      combine: isFloat ? f32.mul : wrapping(i32.mul),
      range: (data, update, times) => {
        const most = Math.max(1, Math.abs(update.low), Math.abs(update.high)) ** times;
        return corners(data, { low: -most, high: most }, (a, b) => a * b);
      },
    },
    min: { combine: minimum(type), range: either },
    max: { combine: maximum(type), range: either },
  };
  const made = known[name];
  ensure(made, `reduction ${name} is not known`);
  return { ...made, replaces: name === 'none' };
}

/** Bounds of the result; a type that wraps keeps its own where it may. */
function rangeAfter({ range }: Reduction, x: Tensor, updates: Tensor, times: number): { range?: Range } {
  if (x.type.family === 'float') return {};
  const made = range(boundsOf(x), boundsOf(updates), times);
  const own = rangeOfType(x.type);
  return { range: isNarrowed(x.type) || (made.low >= own.low && made.high <= own.high) ? made : own };
}

/** No index has this value. */
const NO_INDEX = -0x80000000;

/** Entries of a table at most; what would need more folds over all updates, as for indices that are not known. */
const TABLE_ENTRIES = 2 ** 22;

/**
 * The updates of each element in a table, the first ones first, -1 where there are no more; `undefined` if it would be
 * too large.
 *
 * @param sources by update, the element that it writes (-1 for none) and what the table says of it
 */
function tableOf(
  context: Context,
  extents: readonly number[],
  sources: Iterable<readonly [element: number, update: number]>,
  replaces: boolean,
): Tensor | undefined {
  if (sizeOf(extents) > TABLE_ENTRIES) return undefined;
  const lists = new Map<number, number[]>();
  for (const [element, update] of sources) {
    if (element < 0) continue;
    const list = lists.get(element);
    if (!list || replaces) lists.set(element, [update]);
    else list.push(update);
  }
  const depth = [...lists.values()].reduce((most, { length }) => Math.max(most, length), 1);
  if (sizeOf(extents) * depth > TABLE_ENTRIES) return undefined;
  const values = new Int32Array(sizeOf(extents) * depth).fill(-1);
  for (const [element, list] of lists) values.set(list, element * depth);
  return context.constant(TYPES.int32, [...extents, depth], values);
}

/** Folds over the updates that a table has for each element; a table of one update an element needs no fold. */
function byTable(
  table: Tensor,
  indices: readonly Index[],
  { combine }: Reduction,
  old: Expression,
  updateAt: (position: { gathered: ReturnType<typeof at> }) => Expression,
): Expression {
  const depth = table.shape.at(-1) as number;
  const apply = (k: Index, before: Expression): Expression => {
    const position = at(table, [...indices, k]);
    return select(i32.lt(position, i32.of(0)), before, combine(before, updateAt({ gathered: position })));
  };
  if (depth === 1) return apply(constantIndex(0), old);
  return fold([depth], 0, ([k], accumulator) => apply(k!, startingWith(old, k!, accumulator)), {
    ordered: true,
  });
}

/** The accumulator, which is what was there before at the first step. */
const startingWith = (old: Expression, k: Index, accumulator: Expression): Expression =>
  select(i32.eq(indexValue(k), i32.of(0)), old, accumulator);

const ScatterElements: Lowering = (context) => {
  const [x, given, updates] = [context.input(0), context.input(1), context.input(2)];
  const type = ensureSameType([x, updates]);
  const rank = x.shape.length;
  const axis = context.axis(context.int('axis', 0), rank);
  ensure(given.shape.length === rank, 'the indices have another rank than the data');
  ensure(
    `${given.shape}` === `${updates.shape}`,
    `updates of shape [${updates.shape}] for indices [${given.shape}]`,
  );
  ensure(
    given.shape.every((extent, i) => i === axis || extent <= (x.shape[i] as number)),
    `indices of shape [${given.shape}] reach outside the data [${x.shape}]`,
  );
  if (sizeOf(given.shape) === 0) return x;
  const indices = normalIndices(context, given, x.shape[axis] as number);
  const reduction = reductionOf(context, x);
  const steps = given.shape[axis] as number;
  const along = (indices: readonly Index[], index: Index | { gathered: ReturnType<typeof at> }) =>
    indices.map((own, i) => (i === axis ? index : own));
  const known = numbersOf(indices);
  const common = { type, shape: x.shape, ...rangeAfter(reduction, x, updates, steps) };
  const sources = known && elementSources(known, given.shape, x.shape, axis);
  const table = sources && tableOf(context, x.shape, sources, reduction.replaces);
  if (table) {
    return context.define({
      ...common,
      body: (indices) =>
        byTable(table, indices, reduction, at(x, indices), (position) =>
          reading(updates, along(indices, position), 0),
        ),
    });
  }
  return context.define({
    ...common,
    body: (element) =>
      fold(
        [steps],
        0,
        ([k], accumulator) => {
          const own = along(element, k!) as Index[];
          const before = startingWith(at(x, element), k!, accumulator);
          const isHere = i32.eq(atOr(indices, own, NO_INDEX), indexValue(element[axis]!));
          return select(isHere, reduction.combine(before, atOr(updates, own, 0)), before);
        },
        { ordered: true },
      ),
  });
};

/** Yields for each index the position of the element that it names, and its own index along the axis. */
function* elementSources(
  indices: readonly number[],
  shape: readonly number[],
  data: readonly number[],
  axis: number,
): Generator<readonly [number, number]> {
  const counters = shape.map(() => 0);
  for (const index of indices) {
    const isInside = index >= 0 && index < (data[axis] as number);
    const element = counters.reduce(
      (flat, own, i) => flat * (data[i] as number) + (i === axis ? index : own),
      0,
    );
    yield [isInside ? element : -1, counters[axis] as number];
    for (let i = shape.length - 1; i >= 0; i--) {
      counters[i]!++;
      if (counters[i] !== shape[i]) break;
      counters[i] = 0;
    }
  }
}

const ScatterND: Lowering = (context) => {
  const [x, given, updates] = [context.input(0), context.input(1), context.input(2)];
  const type = ensureSameType([x, updates]);
  const depth = given.shape.at(-1) ?? 0;
  ensure(depth >= 1 && depth <= x.shape.length, `indices of ${depth} numbers for rank ${x.shape.length}`);
  const outer = given.shape.slice(0, -1);
  const [extents, slice] = [x.shape.slice(0, depth), x.shape.slice(depth)];
  ensure(
    `${updates.shape}` === `${[...outer, ...slice]}`,
    `updates of shape [${updates.shape}], not [${[...outer, ...slice]}]`,
  );
  const count = sizeOf(outer);
  if (count === 0) return x;
  const reduction = reductionOf(context, x);
  const targets = targetsOf(context, given, extents);
  const lines = reshaped(context, updates, [count, ...slice]);
  const known = numbersOf(targets);
  const common = { type, shape: x.shape, ...rangeAfter(reduction, x, updates, count) };
  const split = (indices: readonly Index[]) => [indices.slice(0, depth), indices.slice(depth)] as const;
  const byPosition = (table: Tensor): Tensor =>
    context.define({
      ...common,
      body: (indices) => {
        const [target, rest] = split(indices);
        const updateAt = (position: { gathered: ReturnType<typeof at> }) =>
          reading(lines, [position, ...rest], 0);
        return byTable(table, target, reduction, at(x, indices), updateAt);
      },
    });
  const sources = known?.map((target, i) => [target, i] as const);
  const table = sources && tableOf(context, extents, sources, reduction.replaces);
  if (table) return byPosition(table);
  if (reduction.replaces && sizeOf(slice) > 1) {
    // The last update that writes a position is found once for the whole slice.
    const last = context.define({
      type: TYPES.int32,
      shape: [...extents, 1],
      range: { low: -1, high: count - 1 },
      body: (indices) =>
        fold([count], -1, ([k], accumulator) => {
          const isHere = i32.eq(at(targets, [k!]), indexValue(flatten(indices.slice(0, depth), extents)));
          return select(isHere, i32.max(accumulator, indexValue(k!)), accumulator);
        }),
    });
    return byPosition(last);
  }
  return context.define({
    ...common,
    body: (indices) => {
      const [target, rest] = split(indices);
      return fold(
        [count],
        0,
        ([k], accumulator) => {
          const before = startingWith(at(x, indices), k!, accumulator);
          const isHere = i32.eq(at(targets, [k!]), indexValue(flatten(target, extents)));
          return select(isHere, reduction.combine(before, at(lines, [k!, ...rest])), before);
        },
        { ordered: true },
      );
    },
  });
};

/** The position of the slice that each tuple of indices names, -1 if there is none. */
function targetsOf(context: Context, given: Tensor, extents: readonly number[]): Tensor {
  ensure(given.type.family === 'integer', `indices are of type ${given.type.name}, not integers`);
  const tuples = reshaped(context, given, [sizeOf(given.shape.slice(0, -1)), extents.length]);
  return context.define({
    type: TYPES.int32,
    shape: [tuples.shape[0] as number],
    range: { low: -1, high: sizeOf(extents) - 1 },
    body: ([k]) => {
      let position: Expression = i32.of(0);
      let isOutside: Expression = i32.of(0);
      for (const [i, extent] of extents.entries()) {
        const raw = at(tuples, [k!, constantIndex(i)]);
        const index = select(i32.lt(raw, i32.of(0)), i32.add(raw, i32.of(extent)), raw);
        // A negative number is a large one without its sign.
        isOutside = i32.or(isOutside, i32.not(i32.ltU(index, i32.of(extent))));
        position = i === 0 ? index : i32.add(i32.mul(position, i32.of(extent)), index);
      }
      return select(isOutside, i32.of(-1), position);
    },
  });
}

/**
 * @see https://onnx.ai/onnx/operators/onnx__ScatterElements.html
 * @see https://onnx.ai/onnx/operators/onnx__Scatter.html
 * @see https://onnx.ai/onnx/operators/onnx__ScatterND.html
 */
export const operators: Operators = {
  ScatterElements,
  Scatter: ScatterElements,
  ScatterND,
};
