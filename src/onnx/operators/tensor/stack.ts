import { ensure } from '../../errors.ts';
import { constantIndex } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { at, type Context } from '../context.ts';
import { isTensor, type Value } from '../value.ts';
import { joined } from './Parts.ts';

/** The part of a tensor at one position of an axis, without the axis. */
export const slice = (context: Context, x: Tensor, axis: number, position: number): Tensor =>
  context.define({
    type: x.type,
    shape: x.shape.filter((_, i) => i !== axis),
    channelsLast: false,
    body: (indices) => at(x, [...indices.slice(0, axis), constantIndex(position), ...indices.slice(axis)]),
  });

/** The tensor with one more axis, of extent 1. */
const unsqueezed = (context: Context, x: Tensor, axis: number): Tensor =>
  context.define({
    type: x.type,
    shape: [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)],
    channelsLast: false,
    body: (indices) =>
      at(
        x,
        indices.filter((_, i) => i !== axis),
      ),
  });

/** Tensors of one shape along a new axis. */
export const stacked = (context: Context, parts: readonly Tensor[], axis: number): Tensor =>
  joined(
    context,
    parts.map((part) => unsqueezed(context, part, axis)),
    axis,
    (parts[0] as Tensor).type,
  );

export const tensorOf = (value: Value | undefined): Tensor => {
  ensure(value && isTensor(value), 'what its body collects is no tensor');
  return value;
};

/** The values that the passes of a loop collect, along a new axis. */
export function collected(context: Context, list: readonly Tensor[], axis: number): Tensor {
  const [first] = list;
  ensure(first, 'it does not run at all, so that what it collects has no shape');
  for (const { shape, type } of list) {
    ensure(
      `${shape}` === `${first.shape}` && type === first.type,
      `it collects tensors of shapes [${first.shape}] and [${shape}]`,
    );
  }
  return stacked(context, list, axis < 0 ? axis + first.shape.length + 1 : axis);
}
