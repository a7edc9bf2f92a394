import { ensure } from '../../errors.ts';
import { shift } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { listOf } from '../list.ts';
import { joined } from '../tensor/Parts.ts';
import { slice, stacked } from '../tensor/stack.ts';
import { isTensor, type Sequence, type Value } from '../value.ts';

/** Sequences and optionals exist at import only: what is in them, and where, must be known then. */

const sequence = (items: readonly Tensor[]): Sequence => ({ kind: 'sequence', items });

/** A position counted from the end if it is negative. */
function positionIn(context: Context, i: number, length: number, otherwise: number): number {
  const given = context.knownOr(i, 'the position', [otherwise])?.[0] ?? otherwise;
  const made = given < 0 ? given + length : given;
  ensure(made >= 0, `position ${given} is outside a sequence of ${length}`);
  return made;
}

const SequenceAt: Lowering = (context) => {
  const items = context.sequence(0);
  const item = items[positionIn(context, 1, items.length, 0)];
  ensure(item, `the position is outside a sequence of ${items.length}`);
  return item;
};

const SequenceInsert: Lowering = (context) => {
  const items = context.sequence(0);
  const at = positionIn(context, 2, items.length, items.length);
  ensure(at <= items.length, `position ${at} is outside a sequence of ${items.length}`);
  return sequence([...items.slice(0, at), context.input(1), ...items.slice(at)]);
};

const SequenceErase: Lowering = (context) => {
  const items = context.sequence(0);
  const at = positionIn(context, 1, items.length, items.length - 1);
  ensure(at < items.length, `position ${at} is outside a sequence of ${items.length}`);
  return sequence(items.filter((_, i) => i !== at));
};

const ConcatFromSequence: Lowering = (context) => {
  const items = context.sequence(0);
  const [first] = items;
  ensure(first, 'the sequence is empty');
  const isNew = context.int('new_axis', 0) !== 0;
  const rank = first.shape.length + (isNew ? 1 : 0);
  const axis = context.axis(context.int('axis', 0), rank);
  for (const { shape, type } of items) {
    const fits =
      type === first.type &&
      shape.length === first.shape.length &&
      shape.every((extent, i) => (!isNew && i === axis) || extent === first.shape[i]);
    ensure(fits, `tensors of shapes [${first.shape}] and [${shape}] do not join along axis ${axis}`);
  }
  return isNew ? stacked(context, items, axis) : joined(context, items, axis, first.type);
};

/** SplitToSequence(x, split): parts of given sizes, or parts of one size, the last one shorter. */
const SplitToSequence: Lowering = (context) => {
  const x = context.input(0);
  const axis = context.axis(context.int('axis', 0), x.shape.length);
  const extent = x.shape[axis] as number;
  // Of parts with sizes all dimensions are kept.
  const keeps = context.int('keepdims', 1) !== 0;
  if (!context.optional(1)) {
    const positions = listOf(extent, (i) => i);
    return sequence(
      positions.map((i) => (keeps ? part(context, x, axis, i, 1) : slice(context, x, axis, i))),
    );
  }
  const given = context.known(1, 'the split');
  const isScalar = context.input(1).shape.length === 0;
  const [size = 0] = given;
  ensure(!isScalar || size > 0, `parts of ${size} elements`);
  const sizes = isScalar ? listOf(Math.ceil(extent / size), (i) => Math.min(size, extent - i * size)) : given;
  ensure(
    sizes.every((one) => one >= 0) && sizes.reduce((sum, one) => sum + one, 0) === extent,
    `parts of ${sizes} do not make up ${extent}`,
  );
  let from = 0;
  return sequence(
    sizes.map((length) => {
      const made = part(context, x, axis, from, length);
      from += length;
      return made;
    }),
  );
};

const part = (context: Context, x: Tensor, axis: number, from: number, length: number): Tensor =>
  context.define({
    type: x.type,
    shape: x.shape.map((extent, i) => (i === axis ? length : extent)),
    body: (indices) =>
      at(
        x,
        indices.map((index, i) => (i === axis ? shift(index, from) : index)),
      ),
  });

/** SequenceMap(sequence, …): its body for each tensor; inputs that are no sequences are the same for all. */
const SequenceMap: Lowering = (context) => {
  const items = context.sequence(0);
  const others = Array.from({ length: context.inputCount - 1 }, (_, i) => context.value(i + 1));
  const results = items.map((item, i) =>
    context.run('body', [
      item,
      ...others.map((value): Value => {
        if (isTensor(value) || value.kind === 'absent') return value;
        const own = value.items[i];
        ensure(own, `its sequences have ${items.length} and ${value.items.length} tensors`);
        return own;
      }),
    ]),
  );
  return context.graph('body').outputs.map((_, j) =>
    sequence(
      results.map((values) => {
        const value = values[j] as Value;
        ensure(isTensor(value), 'its body yields a sequence');
        return value;
      }),
    ),
  );
};

const hasElement: Lowering = (context) => {
  const value = context.given(0);
  return context.constant(TYPES.bool, [], [value && (isTensor(value) || value.kind === 'sequence') ? 1 : 0]);
};

const getElement: Lowering = (context) => {
  const value = context.value(0);
  ensure(isTensor(value) || value.kind === 'sequence', 'the optional is empty');
  return value;
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceAt.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceInsert.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceErase.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceLength.html
 * @see https://onnx.ai/onnx/operators/onnx__SequenceMap.html
 * @see https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html
 * @see https://onnx.ai/onnx/operators/onnx__SplitToSequence.html
 * @see https://onnx.ai/onnx/operators/onnx__Optional.html
 * @see https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html
 * @see https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html
 */
export const operators: Operators = {
  SequenceEmpty: (context) => {
    // The type of tensors that will be put in have one of their own.
    context.disregard('dtype');
    return sequence([]);
  },
  SequenceConstruct: (context) => sequence(context.inputs()),
  SequenceAt,
  SequenceInsert,
  SequenceErase,
  SequenceLength: (context) => context.constant(TYPES.int64, [], [context.sequence(0).length]),
  SequenceMap,
  ConcatFromSequence,
  SplitToSequence,
  Optional: (context) => {
    // The type of what is absent.
    context.disregard('type');
    return context.given(0) ?? { kind: 'absent' };
  },
  OptionalHasElement: hasElement,
  OptionalGetElement: getElement,
};
