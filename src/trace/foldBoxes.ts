import {
  type Coordinate,
  type LoopNode,
  type Operand,
  type ScalarProgram,
  slotsOf,
  withSlots,
} from '../program/node.ts';
import { OPCODE } from '../scalar/instructions.ts';

/** Steps of a fold that are a fold themselves: some outer indices are fixed, the next one has a range, the rest are whole. */
export interface FoldBox {
  /** Indices of the dimensions before that of the range. */
  readonly fixed: readonly number[];
  /** First index of the range, and their number. */
  readonly first: number;
  readonly count: number;
}

/** Cuts fold steps [from, to) into boxes, in order: at most two for each dimension, less one. */
export function boxesOf(fold: readonly number[], from: number, to: number): FoldBox[] {
  const boxes: FoldBox[] = [];
  // The steps of one index of each dimension.
  const strides = fold.map((_, d) => fold.slice(d + 1).reduce((size, extent) => size * extent, 1));
  for (let at = from; at < to; ) {
    const dimension = strides.findIndex((stride) => at % stride === 0 && at + stride <= to);
    // Without dimensions a fold has one step.
    if (dimension < 0) return [{ fixed: [], first: 0, count: 1 }];
    const indices = strides.map((stride, d) => Math.floor(at / stride) % fold[d]!);
    const first = indices[dimension]!;
    const count = Math.min(fold[dimension]! - first, Math.floor((to - at) / strides[dimension]!));
    boxes.push({ fixed: indices.slice(0, dimension), first, count });
    at += count * strides[dimension]!;
  }
  return boxes;
}

/** Row-major indices of an element. */
function indicesOf(shape: readonly number[], element: number): number[] {
  const indices: number[] = [];
  let rest = element;
  for (const extent of shape.toReversed()) {
    indices.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return indices;
}

/**
 * A loop of one element: the accumulator of an element of another loop after the steps of a box.
 *
 * @param init the accumulator before them
 */
export function loopOverBox(loop: LoopNode, element: number, box: FoldBox, init: number): LoopNode {
  const { fixed, first, count } = box;
  const fixedIndices = [...indicesOf(loop.shape, element), ...fixed];
  const ranged = fixedIndices.length;
  // The new loop has one output index, always 0, and then the index of the range and the whole ones.
  const indexOf = (index: number): number => 1 + index - ranged;

  const moved = (coordinate: Coordinate): Coordinate => {
    if (coordinate.kind === 'gathered') return coordinate;
    let { offset } = coordinate;
    for (const { index, coefficient } of coordinate.terms)
      offset += coefficient * (index < ranged ? fixedIndices[index]! : index === ranged ? first : 0);
    const terms = coordinate.terms
      .filter(({ index }) => index >= ranged)
      .map(({ index, coefficient }) => ({ index: indexOf(index), coefficient }));
    return { ...coordinate, offset, terms };
  };
  const operands = loop.operands.map(
    (operand): Operand => ({
      ...operand,
      view: operand.view.map(({ extent, coordinate }) => ({ extent, coordinate: moved(coordinate) })),
    }),
  );
  const shape = [1];
  const fold = loop.fold.length === 0 ? [] : [count, ...loop.fold.slice(fixed.length + 1)];
  // Code may read indices: a fixed one is a constant, and the one of the range is the sum of two.
  const constants = [...loop.constants, ...fixedIndices, first];
  const [old, slots] = [slotsOf(loop), slotsOf({ constants, operands, shape, fold })];
  const isSum = first > 0;
  const slotOf = (slot: number): number => {
    if (slot < old.operands) return slot;
    if (slot < old.outputIndices) return slots.operands + slot - old.operands;
    if (slot >= old.results) return slots.results + (isSum ? 1 : 0) + slot - old.results;
    const index = slot - old.outputIndices;
    if (index < ranged) return slots.constants + loop.constants.length + index;
    return index === ranged && isSum ? slots.results : slots.outputIndices + indexOf(index);
  };
  const step: ScalarProgram = {
    code: [
      ...(isSum ? [{ opcode: OPCODE['i32.add'], a: slots.foldIndices, b: slots.operands - 1, c: 0 }] : []),
      ...withSlots(loop.step.code, slotOf),
    ],
    result: slotOf(loop.step.result),
  };
  return {
    ...{ kind: 'loop', dtype: 'i32', shape, fold, init, constants, operands, step },
    ...{ post: { code: [], result: 0 }, grain: 1, checkpoint: false },
  };
}
