import { LIMITS } from '../../program/limits.ts';
import {
  type Term as AddressTerm,
  type LoopNode,
  type Operand,
  slotsOf,
  type ViewDimension,
} from '../../program/node.ts';
import type { Step } from '../../scalar/machine.ts';
import { opcodeOf } from '../ir/expression.ts';
import type { Axis } from '../ir/indices.ts';
import { isAffine, type LoopDimension } from '../loops/address.ts';
import type { Loop, OperandSource, TooLarge } from '../loops/loop.ts';
import { type LinearTerm, termsOf } from '../loops/terms.ts';

/** Where an operand's data are: a node, and for a part of a shared constant its position in it. */
export interface Location {
  readonly node: number;
  /** Elements before the part, and of the whole; `undefined` if the operand is the whole node. */
  readonly part?: { readonly base: number; readonly total: number };
}

/** A loop as a node, before there are node numbers. */
export interface LoopDraft {
  /** Operands that all read node 0; the grain is 1 until it is chosen. */
  readonly node: LoopNode;
  /** The data of each operand. */
  readonly sources: readonly OperandSource[];
}

/** Gives a loop's terms their slots. @returns the node, or the limit of a node that it exceeds */
export function emit(loop: Loop): LoopDraft | TooLarge {
  const words = new Map<number, number>();
  const literal = (term: LinearTerm): number | undefined => {
    if (term.kind === 'literal') return term.word;
    const by = loop.served.get(term);
    return typeof by === 'object' ? by.word : undefined;
  };
  const post = termsOf([loop.post]);
  const step = loop.step ? termsOf([loop.step]) : [];
  for (const term of [...step, ...post]) {
    const value = literal(term);
    // A fill or a gathered index is no literal of the code; those that nothing reads are left out below.
    if (value !== undefined && isRead(term, loop, [...step, ...post])) {
      if (!words.has(value)) words.set(value, words.size);
    }
  }
  const axes = [...loop.output, ...loop.fold];
  const operands = loop.operands.map(
    ({ dtype, fill, view }): Operand => ({
      node: 0,
      dtype,
      fill,
      view: view.map((dimension) => viewDimension(dimension, axes)),
    }),
  );
  const shape = loop.output.map(({ extent }) => extent);
  const foldExtents = loop.fold.map(({ extent }) => extent);
  const constants = [...words.keys()];
  const slots = slotsOf({ constants, operands, shape, fold: foldExtents });
  const slotOf = (term: LinearTerm, computed: ReadonlyMap<LinearTerm, number>): number => {
    const value = literal(term);
    if (value !== undefined) return slots.constants + (words.get(value) as number);
    if (term.kind === 'accumulator' || term.kind === 'fold') return slots.accumulator;
    if (term.kind === 'axis') return slots.outputIndices + axes.findIndex(({ id }) => id === term.axis.id);
    if (term.kind === 'reading') return slots.operands + (loop.served.get(term) as number);
    return computed.get(term) as number;
  };
  const program = (terms: readonly LinearTerm[], result: LinearTerm | undefined) => {
    const computed = new Map<LinearTerm, number>();
    const code: Step[] = [];
    for (const term of terms) {
      if (term.kind !== 'operation') continue;
      const [a = 0, b = 0, c = 0] = term.args.map((arg) => slotOf(arg, computed));
      computed.set(term, slots.results + code.length);
      code.push({ opcode: opcodeOf(term.name), a, b, c });
    }
    return { code, result: result ? slotOf(result, computed) : slots.accumulator };
  };
  const node: LoopNode = {
    kind: 'loop',
    dtype: loop.dtype,
    shape,
    fold: foldExtents,
    init: loop.init,
    constants,
    operands,
    step: program(step, loop.step),
    post: program(post, loop.post),
    grain: 1,
    checkpoint: false,
  };
  const steps = Math.max(node.step.code.length, node.post.code.length);
  const rank = Math.max(shape.length, foldExtents.length, ...operands.map(({ view }) => view.length));
  const needs: readonly (readonly [what: string, value: number, limit: number])[] = [
    ['instructions', steps, LIMITS.MAX_CODE],
    ['operands', operands.length, LIMITS.MAX_OPERANDS],
    ['constants', constants.length, LIMITS.MAX_CONSTANTS],
    ['slots', slots.results + steps, LIMITS.MAX_SLOTS],
    ['dimensions', rank, LIMITS.MAX_RANK],
  ];
  const over = needs.find(([, value, limit]) => value > limit);
  if (over) return { excess: `${over[1]} ${over[0]}, of ${over[2]} allowed` };
  return { node, sources: loop.operands.map(({ source }) => source) };
}

/** The node of a draft, reading its operands where they are. */
export const numbered = (
  { node, sources }: LoopDraft,
  locate: (source: OperandSource) => Location,
): LoopNode => ({
  ...node,
  operands: node.operands.map((operand, i) => {
    const { node: number, part } = locate(sources[i] as OperandSource);
    return {
      ...operand,
      node: number,
      view: part ? operand.view.map((one) => within(part, one)) : operand.view,
    };
  }),
});

/** A dimension of a constant as one of the larger constant that it is a part of. */
function within({ base, total }: NonNullable<Location['part']>, dimension: ViewDimension): ViewDimension {
  const { coordinate } = dimension;
  if (coordinate.kind !== 'affine') return { ...dimension, extent: total };
  return { extent: total, coordinate: { ...coordinate, offset: coordinate.offset + base } };
}

/** Whether some instruction or result reads the term itself. */
function isRead(term: LinearTerm, loop: Loop, terms: readonly LinearTerm[]): boolean {
  if (term === loop.post || term === loop.step) return true;
  return terms.some((other) => other.kind === 'operation' && other.args.includes(term));
}

function viewDimension({ extent, coordinate }: LoopDimension, axes: readonly Axis[]): ViewDimension {
  if (!isAffine(coordinate))
    return { extent, coordinate: { kind: 'gathered', operand: coordinate.gathered } };
  const terms: AddressTerm[] = axes.flatMap((axis, index) => {
    const coefficient = [...coordinate.coefficients].find(([one]) => one.id === axis.id)?.[1];
    return coefficient ? [{ index, coefficient }] : [];
  });
  const { offset, divisor, exact } = coordinate;
  return { extent, coordinate: { kind: 'affine', offset, divisor, exact, terms } };
}
