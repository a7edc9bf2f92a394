import { wordOfF32 } from '../../../scalar/machine.ts';
import { ensure, quoted } from '../../errors.ts';
import { type Expression, i32 } from '../../ir/expression.ts';
import { add, type Index, multiply, quotient, remainder, shift } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { halvesOfNumber } from '../../tensors/doubleBits.ts';
import { type Range, TYPES } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureSameType } from '../elementwise.ts';
import { listOf } from '../list.ts';
import { numbersOf } from '../value.ts';

/** Operators that take tensors apart and put them together. */

const replaced = (indices: readonly Index[], axis: number, index: Index): Index[] =>
  indices.map((own, i) => (i === axis ? index : own));

/** Slice(x, starts, ends, axes, steps); attributes up to version 9. */
const Slice: Lowering = (context) => {
  const x = context.input(0);
  const old = context.version < 10;
  const starts = old ? context.ints('starts', []) : context.known(1, 'starts');
  const ends = old ? context.ints('ends', []) : context.known(2, 'ends');
  const given = old ? context.ints('axes') : context.knownOr(3, 'axes', undefined);
  const axes = context.axes(given ?? starts.map((_, i) => i), x.shape.length);
  const steps = (old ? undefined : context.knownOr(4, 'steps', undefined)) ?? starts.map(() => 1);
  ensure(
    starts.length === ends.length && starts.length === axes.length && starts.length === steps.length,
    `starts, ends, axes and steps have ${[starts, ends, axes, steps].map((list) => list.length).join(', ')} entries`,
  );
  const shape = [...x.shape];
  const from = x.shape.map(() => 0);
  const by = x.shape.map(() => 1);
  axes.forEach((axis, i) => {
    const extent = x.shape[axis] as number;
    const step = steps[i] as number;
    ensure(step !== 0, 'a step is 0');
    const clamp = (value: number, low: number, high: number) =>
      Math.min(high, Math.max(low, value < 0 ? value + extent : value));
    const start =
      step > 0 ? clamp(starts[i] as number, 0, extent) : clamp(starts[i] as number, 0, extent - 1);
    const end = step > 0 ? clamp(ends[i] as number, 0, extent) : clamp(ends[i] as number, -1, extent - 1);
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    from[axis] = start;
    by[axis] = step;
  });
  if (x.wide) return slicedWide(context, x, shape, from, by);
  return context.define({
    type: x.type,
    shape,
    body: (indices) =>
      at(
        x,
        indices.map((index, i) => shift(multiply(index, by[i] as number), from[i] as number)),
      ),
  });
};

/** A slice of a list whose values fit no word. */
function slicedWide(
  context: Context,
  x: Tensor,
  shape: readonly number[],
  from: readonly number[],
  by: readonly number[],
): Tensor {
  ensure(x.shape.length === 1, `"${x.name}" has values outside 32-bit integers, and they are computed with`);
  const values = numbersOf(x) as number[];
  const [count = 0] = shape;
  const picked = Array.from(
    { length: count },
    (_, i) => values[(from[0] as number) + i * (by[0] as number)] as number,
  );
  return context.constant(x.type, shape, picked);
}

const Concat: Lowering = (context) => {
  const parts = context.inputs();
  const type = ensureSameType(parts);
  const [first] = parts as [Tensor];
  const rank = first.shape.length;
  const axis = context.axis(context.int('axis', context.version < 4 ? 1 : 0), rank);
  for (const { shape } of parts) {
    const fits = shape.length === rank && shape.every((extent, i) => i === axis || extent === first.shape[i]);
    ensure(fits, `shapes [${first.shape}] and [${shape}] do not join along axis ${axis}`);
  }
  const kept = parts.filter(({ shape }) => shape[axis] !== 0);
  // At most a few parts fit one loop; more are joined in a tree.
  return joined(context, kept.length > 0 ? kept : [first], axis, type);
};

/** Parts that one loop joins. */
const JOINED = 8;

/** The parts side by side along an axis. */
export function joined(
  context: Context,
  parts: readonly Tensor[],
  axis: number,
  type: Tensor['type'],
): Tensor {
  if (parts.length > JOINED) {
    const groups: Tensor[] = [];
    for (let i = 0; i < parts.length; i += JOINED)
      groups.push(joined(context, parts.slice(i, i + JOINED), axis, type));
    return joined(context, groups, axis, type);
  }
  const [first] = parts as [Tensor];
  if (parts.length === 1) return first;
  if (parts.every((part) => numbersOf(part)) && parts.some((part) => part.wide) && first.shape.length === 1) {
    const values = parts.flatMap((part) => numbersOf(part) as number[]);
    return context.constant(type, [values.length], values);
  }
  const starts: number[] = [];
  let extent = 0;
  for (const { shape } of parts) {
    starts.push(extent);
    extent += shape[axis] as number;
  }
  const whole = context.define({
    type,
    shape: first.shape.map((own, i) => (i === axis ? extent : own)),
    ...rangeOver(parts),
    // Outside a part its element reads as the word 0, so the parts' bits can be or-ed together.
    body: (indices) =>
      parts
        .map(
          (part, i): Expression =>
            atOr(part, replaced(indices, axis, shift(indices[axis]!, -(starts[i] as number))), 0),
        )
        .reduce(i32.or),
  });
  return context.exactAs(whole, parts);
}

const rangeOver = (tensors: readonly Tensor[]): { range?: Range } => {
  const ranges = tensors.flatMap(({ range }) => (range ? [range] : []));
  if (ranges.length < tensors.length) return {};
  return {
    range: {
      low: Math.min(...ranges.map(({ low }) => low)),
      high: Math.max(...ranges.map(({ high }) => high)),
    },
  };
};

const Split: Lowering = (context) => {
  const x = context.input(0);
  const axis = context.axis(context.int('axis', 0), x.shape.length);
  const extent = x.shape[axis] as number;
  const count = context.int('num_outputs', context.outputCount);
  const given = context.version < 13 ? context.ints('split') : context.knownOr(1, 'split', undefined);
  const even = Math.ceil(extent / count);
  const sizes = given ?? listOf(count, (i) => Math.max(0, Math.min(even, extent - i * even)));
  ensure(sizes.reduce((sum, size) => sum + size, 0) === extent, `parts of ${sizes} do not make up ${extent}`);
  let start = 0;
  return sizes.map((size) => {
    const from = start;
    start += size;
    return context.define({
      type: x.type,
      shape: x.shape.map((own, i) => (i === axis ? size : own)),
      body: (indices) => at(x, replaced(indices, axis, shift(indices[axis]!, from))),
    });
  });
};

const Tile: Lowering = (context) => {
  const x = context.input(0);
  const repeats = context.known(1, 'repeats');
  ensure(repeats.length === x.shape.length, `${repeats.length} repeats for rank ${x.shape.length}`);
  return context.define({
    type: x.type,
    shape: x.shape.map((extent, i) => extent * (repeats[i] as number)),
    body: (indices) =>
      at(
        x,
        indices.map((index, i) => remainder(index, Math.max(1, x.shape[i] as number))),
      ),
  });
};

/** Pad(x, pads, value, axes): constant, reflect, edge or wrap; negative pads cut off. */
const Pad: Lowering = (context) => {
  const x = context.input(0);
  const rank = x.shape.length;
  const old = context.version < 11;
  const given = old ? context.ints('pads', context.ints('paddings', [])) : context.known(1, 'pads');
  const axes = old ? undefined : context.knownOr(3, 'axes', undefined);
  const padded = context.axes(axes ?? x.shape.map((_, i) => i), rank);
  ensure(given.length === 2 * padded.length, `${given.length} pads for ${padded.length} dimensions`);
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  padded.forEach((axis, i) => {
    before[axis] = given[i] as number;
    after[axis] = given[padded.length + i] as number;
  });
  const mode = context.string('mode', 'constant');
  if (mode !== 'constant') {
    context.disregard('value');
    context.disregardInput(2);
  }
  const shape = x.shape.map((extent, i) => extent + (before[i] as number) + (after[i] as number));
  if (mode === 'constant') {
    const value = old ? [context.float('value', 0)] : context.knownOr(2, 'the padding value', [0]);
    const number = value?.[0] ?? 0;
    const fill = x.type.family === 'float' ? wordOfF32(number) : number;
    const halvesAt = context.doubles.halvesOf(x);
    if (halvesAt && number !== 0) {
      const words = halvesOfNumber(number);
      return context.doubles.define(shape, (indices) =>
        halvesAt(
          indices.map((index, i) => shift(index as Index, -(before[i] as number))),
          words,
        ),
      );
    }
    return context.define({
      type: x.type,
      shape,
      body: (indices) =>
        atOr(
          x,
          indices.map((index, i) => shift(index, -(before[i] as number))),
          fill,
        ),
    });
  }
  const positions = x.shape.map((extent, i) =>
    listOf(shape[i] as number, (p) => sourceOf(mode, p - (before[i] as number), extent)),
  );
  return throughTables(context, x, positions);
};

/** Where padding of a mode takes its element from. */
function sourceOf(mode: string, position: number, extent: number): number {
  if (mode === 'edge') return Math.min(extent - 1, Math.max(0, position));
  if (mode === 'wrap') return ((position % extent) + extent) % extent;
  ensure(mode === 'reflect', `mode ${mode} is not known`);
  if (extent === 1) return 0;
  const period = 2 * (extent - 1);
  const folded = ((position % period) + period) % period;
  return folded < extent ? folded : period - folded;
}

/** Elements whose position in each dimension comes from a table. */
export function throughTables(
  context: Context,
  x: Tensor,
  positions: readonly (readonly number[])[],
): Tensor {
  const isPlain = (list: readonly number[], i: number) =>
    list.length === x.shape[i] && list.every((position, p) => position === p);
  const tables = positions.map((list, i) =>
    isPlain(list, i) ? undefined : context.constant(TYPES.int32, [list.length], list),
  );
  return context.define({
    type: x.type,
    shape: positions.map(({ length }) => length),
    body: (indices) =>
      reading(
        x,
        indices.map((index, i) => {
          const table = tables[i];
          return table ? { gathered: at(table, [index]) } : index;
        }),
        0,
      ),
  });
}

/** Depth to space and back are reshapes around a transpose, written as index arithmetic. */
const DepthToSpace: Lowering = (context) => {
  const x = context.input(0);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  ensure(x.shape.length === 4, `the input's rank is ${x.shape.length}, not 4`);
  const block = context.int('blocksize', 1);
  const channels = c / (block * block);
  ensure(Number.isInteger(channels), `${c} channels do not divide into blocks of ${block}×${block}`);
  const mode = context.string('mode', 'DCR');
  ensure(mode === 'DCR' || mode === 'CRD', `mode ${quoted(mode)} is not known`);
  const isDCR = mode === 'DCR';
  return context.define({
    type: x.type,
    shape: [n, channels, h * block, w * block],
    body: ([i, j, y, z]) => {
      const inBlock = add(multiply(remainder(y!, block), block), remainder(z!, block));
      const channel = isDCR
        ? add(multiply(inBlock, channels), j!)
        : add(multiply(j!, block * block), inBlock);
      return reading(x, [
        i!,
        channel,
        { index: y!, divisor: block, exact: false },
        { index: z!, divisor: block, exact: false },
      ]);
    },
  });
};

const SpaceToDepth: Lowering = (context) => {
  const x = context.input(0);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  ensure(x.shape.length === 4, `the input's rank is ${x.shape.length}, not 4`);
  const block = context.int('blocksize', 1);
  ensure(h % block === 0 && w % block === 0, `${h}×${w} does not divide into blocks of ${block}×${block}`);
  const mode = context.string('mode', 'DCR');
  ensure(mode === 'DCR' || mode === 'CRD', `mode ${quoted(mode)} is not known`);
  return context.define({
    type: x.type,
    shape: [n, c * block * block, h / block, w / block],
    body: ([i, j, y, z]) => {
      const cells = block * block;
      const channel = mode === 'DCR' ? remainder(j!, c) : quotient(j!, cells);
      const cell = mode === 'DCR' ? quotient(j!, c) : remainder(j!, cells);
      return at(x, [
        i!,
        channel,
        add(multiply(y!, block), quotient(cell, block)),
        add(multiply(z!, block), remainder(cell, block)),
      ]);
    },
  });
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__Slice.html
 * @see https://onnx.ai/onnx/operators/onnx__Concat.html
 * @see https://onnx.ai/onnx/operators/onnx__Split.html
 * @see https://onnx.ai/onnx/operators/onnx__Tile.html
 * @see https://onnx.ai/onnx/operators/onnx__Pad.html
 * @see https://onnx.ai/onnx/operators/onnx__DepthToSpace.html
 * @see https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html
 */
export const operators: Operators = {
  Slice,
  Concat,
  Split,
  Tile,
  Pad,
  DepthToSpace,
  SpaceToDepth,
};
