import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { constantIndex, flatten, type Index, unflatten } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { numbersOf } from '../value.ts';

/** Operators that only rename elements: reshaping, permuting, and asking for a shape. */

/** The same elements in row-major order under another shape. */
export function reshaped(context: Context, x: Tensor, shape: readonly number[]): Tensor {
  ensure(sizeOf(shape) === sizeOf(x.shape), `shape [${x.shape}] does not reshape to [${shape}]`);
  // Such as the end of a slice that ends nowhere, which exporters reshape to a list.
  if (x.wide) return context.constant(x.type, shape, numbersOf(x) as number[]);
  return context.define({
    type: x.type,
    shape,
    channelsLast: false,
    body: (indices) => ({
      ...at(x, unflattenInto(x.shape, indices, shape)),
      position: flatten(indices, shape),
    }),
  });
}

/** The dimensions in another order. */
export function permuted(context: Context, x: Tensor, order: readonly number[]): Tensor {
  return context.define({
    type: x.type,
    shape: order.map((i) => x.shape[i] as number),
    channelsLast: false,
    body: (indices) =>
      at(
        x,
        x.shape.map((_, i) => indices[order.indexOf(i)] as Index),
      ),
  });
}

/** Indices into `to` of the element at `indices` of `from`; dimensions that both have in common stay apart. */
function unflattenInto(to: readonly number[], indices: readonly Index[], from: readonly number[]): Index[] {
  // Leading dimensions that are equal need no arithmetic; the rest goes through the position.
  let common = 0;
  while (common < to.length && common < from.length && to[common] === from[common]) common++;
  const flat = flatten(indices.slice(common), from.slice(common));
  return [...indices.slice(0, common), ...unflatten(flat, to.slice(common))];
}

const Reshape: Lowering = (context) => {
  const x = context.input(0);
  const wanted = context.version < 5 ? (context.ints('shape') ?? []) : context.known(1, 'the new shape');
  const allowZero = context.int('allowzero', 0) !== 0;
  const kept = wanted.map((extent, i) => {
    if (extent !== 0 || allowZero) return extent;
    ensure(
      i < x.shape.length,
      `the new shape [${wanted}] keeps dimension ${i}, which the input [${x.shape}] does not have`,
    );
    return x.shape[i] as number;
  });
  const open = kept.filter((extent) => extent === -1).length;
  ensure(open <= 1 && kept.every((extent) => extent >= -1), `the new shape [${wanted}] is not valid`);
  const rest = sizeOf(kept.filter((extent) => extent !== -1));
  const shape = kept.map((extent) => (extent === -1 ? (rest === 0 ? 0 : sizeOf(x.shape) / rest) : extent));
  ensure(shape.every(Number.isInteger), `shape [${x.shape}] does not reshape to [${wanted}]`);
  return reshaped(context, x, shape);
};

const Flatten: Lowering = (context) => {
  const x = context.input(0);
  const axis = context.int('axis', 1);
  const at = axis < 0 ? axis + x.shape.length : axis;
  ensure(at >= 0 && at <= x.shape.length, `axis ${axis} is outside rank ${x.shape.length}`);
  return reshaped(context, x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
};

const Squeeze: Lowering = (context) => {
  const x = context.input(0);
  const given = context.version < 13 ? context.ints('axes') : context.knownOr(1, 'axes', undefined);
  const axes = given
    ? context.axes(given, x.shape.length)
    : x.shape.flatMap((extent, i) => (extent === 1 ? [i] : []));
  for (const axis of axes) ensure(x.shape[axis] === 1, `dimension ${axis} is ${x.shape[axis]}, not 1`);
  return reshaped(
    context,
    x,
    x.shape.filter((_, i) => !axes.includes(i)),
  );
};

const Unsqueeze: Lowering = (context) => {
  const x = context.input(0);
  const given = context.version < 13 ? context.ints('axes') : context.known(1, 'axes');
  ensure(given, 'axes is missing');
  const rank = x.shape.length + given.length;
  const axes = new Set(context.axes(given, rank));
  const rest = [...x.shape];
  return reshaped(
    context,
    x,
    Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.shift() as number))),
  );
};

const Transpose: Lowering = (context) => {
  const x = context.input(0);
  const rank = x.shape.length;
  const perm = context.ints('perm', [...x.shape.keys()].reverse());
  ensure(perm.length === rank, `perm [${perm}] is not one of rank ${rank}`);
  const order = context.axes(perm, rank);
  return permuted(context, x, order);
};

const Expand: Lowering = (context) => {
  const x = context.input(0);
  const shape = broadcastShapes([x.shape, context.known(1, 'the new shape')]);
  return context.define({ type: x.type, shape, body: (indices) => broadcastAt(x, indices) });
};

const Identity: Lowering = (context) => context.value(0);

/** Dropout at inference, or with a ratio of 0: the output is the input, and the mask, if there is one, is all true. */
const Dropout: Lowering = (context) => {
  const x = context.input(0);
  // Up to version 6 an attribute says so, from 12 on an input; in between nothing is ever dropped.
  const isTraining =
    context.version < 7
      ? context.int('is_test', 0) === 0
      : (context.knownOr(2, 'training_mode', [0]) ?? [])[0] !== 0;
  if (isTraining) {
    const [ratio = 0.5] =
      context.version < 7 ? [context.float('ratio', 0.5)] : (context.knownOr(1, 'ratio', [0.5]) ?? []);
    ensure(ratio === 0, 'random numbers cannot be checked; export the model for inference');
  }
  context.disregard('ratio', 'seed');
  context.disregardInput(1);
  const mask = context.define({
    type: TYPES.bool,
    shape: x.shape,
    range: { low: 0, high: 1 },
    body: () => TRUE,
  });
  return [x, mask];
};
const TRUE = { kind: 'literal', word: 1 } as const;

const Shape: Lowering = (context) => {
  const { shape } = context.input(0);
  const rank = shape.length;
  const clamp = (value: number) => Math.min(rank, Math.max(0, value < 0 ? value + rank : value));
  const part = shape.slice(clamp(context.int('start', 0)), clamp(context.int('end', rank)));
  return context.constant(TYPES.int64, [part.length], part);
};

const Size: Lowering = (context) => context.constant(TYPES.int64, [], [sizeOf(context.input(0).shape)]);

const ConstantOfShape: Lowering = (context) => {
  const shape = context.known(0, 'the shape');
  const value = context.tensor('value');
  const element = value ? (value.values[0] as number) : 0;
  const one = context.constant(value?.type ?? TYPES.float, [1], [element]);
  return context.define({ type: one.type, shape, body: () => at(one, [constantIndex(0)]) });
};

const Constant: Lowering = (context) => {
  const value = context.tensor('value') ?? context.tensor('sparse_value');
  if (value) return context.constant(value.type, value.shape, value.values);
  if (context.has('value_float')) return context.constant(TYPES.float, [], [context.float('value_float', 0)]);
  if (context.has('value_int')) return context.constant(TYPES.int64, [], [context.int('value_int', 0)]);
  const floats = context.has('value_floats') ? context.floats('value_floats') : undefined;
  if (floats) return context.constant(TYPES.float, [floats.length], floats);
  const ints = context.has('value_ints') ? context.ints('value_ints') : undefined;
  ensure(ints, 'only tensors and numbers can be constants');
  return context.constant(TYPES.int64, [ints.length], ints);
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__Reshape.html
 * @see https://onnx.ai/onnx/operators/onnx__Flatten.html
 * @see https://onnx.ai/onnx/operators/onnx__Squeeze.html
 * @see https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
 * @see https://onnx.ai/onnx/operators/onnx__Transpose.html
 * @see https://onnx.ai/onnx/operators/onnx__Expand.html
 * @see https://onnx.ai/onnx/operators/onnx__Identity.html
 * @see https://onnx.ai/onnx/operators/onnx__Dropout.html
 * @see https://onnx.ai/onnx/operators/onnx__Shape.html
 * @see https://onnx.ai/onnx/operators/onnx__Size.html
 * @see https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
 * @see https://onnx.ai/onnx/operators/onnx__Constant.html
 */
export const operators: Operators = {
  Reshape,
  Flatten,
  Squeeze,
  Unsqueeze,
  Transpose,
  Expand,
  Identity,
  Dropout,
  Shape,
  Size,
  ConstantOfShape,
  Constant,
};
