import type { Step } from '../scalar/machine.ts';

/**
 * A compiled model: an ordered list of nodes, each producing one tensor and reading only nodes before
 * it. This file is the vocabulary; `codec.ts` gives it bytes, `validate.ts` says which values are allowed.
 */

/** Element types in memory, with their codes. bool is `u8`. */
export const DTYPES = { f32: 1, i32: 2, i8: 3, u8: 4 } as const;
export type DType = keyof typeof DTYPES;

export const ELEMENT_BYTES: Readonly<Record<DType, 1 | 4>> = { f32: 4, i32: 4, i8: 1, u8: 1 };

export const NODE_KINDS = { input: 1, constant: 2, loop: 3 } as const;

/** A tensor that the request supplies, or an answer that the claim supplies. */
export interface InputNode {
  readonly kind: 'input';
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Position in the model's list of inputs, which the answers follow. */
  readonly slot: number;
}

/** A tensor that the program fixes (weights), by the Merkle root of its bytes. */
export interface ConstantNode {
  readonly kind: 'constant';
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Root of the tensor, 32 bytes. */
  readonly root: Uint8Array;
}

/** `coefficient * index`, where `index` counts the output indices first, then the fold indices. */
export interface Term {
  readonly index: number;
  readonly coefficient: number;
}

/** `floor((offset + sum of terms) / divisor)`; with `exact`, outside the operand unless the division is exact. */
export interface AffineCoordinate {
  readonly kind: 'affine';
  readonly offset: number;
  readonly divisor: number;
  readonly exact: boolean;
  readonly terms: readonly Term[];
}

/** The value (as i32) of an earlier operand of the same loop, by that operand's position. */
export interface GatheredCoordinate {
  readonly kind: 'gathered';
  readonly operand: number;
}

export type Coordinate = AffineCoordinate | GatheredCoordinate;

/** One dimension of the view through which an operand is read. */
export interface ViewDimension {
  readonly extent: number;
  readonly coordinate: Coordinate;
}

/**
 * One word read from an earlier node. `view` may be any shape with as many elements as the node's own, since
 * both are row-major; the empty view reads a scalar. A coordinate outside its extent yields `fill`.
 */
export interface Operand {
  /** Index of the node that is read. */
  readonly node: number;
  readonly dtype: DType;
  readonly view: readonly ViewDimension[];
  readonly fill: number;
}

/**
 * Straight-line code over slots; `result` is the slot whose word it yields.
 *
 * Slots, in order: 0 the accumulator; the loop's constants; its operands; the output indices; the fold
 * indices; then one for each instruction. {@link slotsOf} computes the boundaries.
 */
export interface ScalarProgram {
  readonly code: readonly Step[];
  readonly result: number;
}

/** The same instructions over other slots. */
export const withSlots = (code: readonly Step[], slotOf: (slot: number) => number): Step[] =>
  code.map(({ opcode, a, b, c }) => ({ opcode, a: slotOf(a), b: slotOf(b), c: slotOf(c) }));

/** `out[i] = post(acc_K)` with `acc_0 = init` and `acc_{k+1} = step(acc_k)`, `k` lexicographic over `fold`. */
export interface LoopNode {
  readonly kind: 'loop';
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Fold extents; none means one step. */
  readonly fold: readonly number[];
  readonly init: number;
  readonly constants: readonly number[];
  readonly operands: readonly Operand[];
  readonly step: ScalarProgram;
  readonly post: ScalarProgram;
  /** Most fold steps that one leaf check executes. */
  readonly grain: number;
  /** Whether the root of a trace commits to this tensor, in a program of several blocks; see `blocks.ts`. */
  readonly checkpoint: boolean;
}

export type Node = InputNode | ConstantNode | LoopNode;

export interface Program {
  readonly nodes: readonly Node[];
  /** Node of each input, in slot order. */
  readonly inputs: readonly number[];
  /** Node of each output. */
  readonly outputs: readonly number[];
  /**
   * Node of each answer, in slot order: tensors that a claim supplies and the program checks. The program then has one
   * output, a scalar, and a claim is right if and only if it is 1. None if a claim supplies the outputs.
   */
  readonly answers?: readonly number[];
}

/** Product of extents; 1 for none. */
export const sizeOf = (extents: readonly number[]): number =>
  extents.reduce((size, extent) => size * extent, 1);

export const byteLengthOf = (node: Pick<Node, 'dtype' | 'shape'>): number =>
  sizeOf(node.shape) * ELEMENT_BYTES[node.dtype];

/** First slot of each group of a loop's slots, and the first free one for results. */
export function slotsOf(loop: Pick<LoopNode, 'constants' | 'operands' | 'shape' | 'fold'>) {
  const constants = 1;
  const operands = constants + loop.constants.length;
  const outputIndices = operands + loop.operands.length;
  const foldIndices = outputIndices + loop.shape.length;
  const results = foldIndices + loop.fold.length;
  return { accumulator: 0, constants, operands, outputIndices, foldIndices, results };
}

/** Nodes that a loop reads, each once. */
export const nodesRead = ({ operands }: Pick<LoopNode, 'operands'>): number[] => [
  ...new Set(operands.map(({ node }) => node)),
];

/** For each operand, the scalar programs of the loop that read it, directly or as the coordinate of another operand. */
export interface OperandUse {
  readonly step: boolean;
  readonly post: boolean;
}

/** @returns one entry for each operand, in order */
export function operandUses(
  loop: Pick<LoopNode, 'constants' | 'operands' | 'shape' | 'fold' | 'step' | 'post'>,
): OperandUse[] {
  const first = slotsOf(loop).operands;
  const readBy = ({ code, result }: ScalarProgram): boolean[] => {
    const read = loop.operands.map(() => false);
    const mark = (slot: number): void => {
      if (slot >= first && slot < first + read.length) read[slot - first] = true;
    };
    mark(result);
    for (const { a, b, c } of code) {
      mark(a);
      mark(b);
      mark(c);
    }
    // A gathered coordinate names an earlier operand, so one pass from the last to the first closes the set.
    for (let i = loop.operands.length - 1; i >= 0; i--) {
      if (!read[i]) continue;
      for (const { coordinate } of loop.operands[i]?.view ?? []) {
        if (coordinate.kind === 'gathered') read[coordinate.operand] = true;
      }
    }
    return read;
  };
  const step = readBy(loop.step);
  const post = readBy(loop.post);
  return loop.operands.map((_, i) => ({ step: step[i] === true, post: post[i] === true }));
}
