import {
  ELEMENT_BYTES,
  type LoopNode,
  type Operand,
  operandUses,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { instructionOf } from '../../scalar/instructions.ts';
import { valueRange } from '../kernel/form.ts';

/** The place of a tensor: the buffer of memory and the first word in it. */
export interface FieldOffset {
  readonly memory: number;
  readonly word: number;
  /** Whether each element is a byte that fits 4 bits, and is stored as such, eight in a word. */
  readonly isNibbles?: boolean;
}

/** Words of a record before its lists. Places inside the record count from its start. */
export const RECORD = {
  items: 0,
  elements: 1,
  isBytes: 2,
  memory: 3,
  word: 4,
  init: 5,
  steps: 6,
  shape: 7,
  fold: 8,
  /** Slot of the first output index. */
  firstIndex: 9,
  constants: 10,
  /** Slot of the first result. */
  results: 11,
  stepReads: 12,
  stepCode: 13,
  stepResult: 14,
  postReads: 15,
  postCode: 16,
  postResult: 17,
  /** Places of the lists of reads and of code, from the start of the record. */
  stepReadsAt: 18,
  stepCodeAt: 19,
  postReadsAt: 20,
  postCodeAt: 21,
  lists: 22,
} as const;

/** Marks a coordinate that is not gathered. */
export const AFFINE = 0xffffffff;

const LOAD = { f32: 0, i32: 0, u8: 1, i8: 2 } as const;
/** Added for elements of 4 bits. */
const NIBBLES = 2;

const INT32 = 2 ** 31;

/** Whether all coordinates of a loop fit 32 bits; the device has no wider integers. */
export function fitsWords({ operands, shape, fold }: LoopNode): boolean {
  const extents = [...shape, ...fold].map((extent) => Math.max(1, extent));
  return operands.every(({ view }) =>
    view.every(({ extent, coordinate }) => {
      if (extent >= INT32) return false;
      if (coordinate.kind === 'gathered') return true;
      const coefficients = extents.map(() => 0);
      for (const { index, coefficient } of coordinate.terms) coefficients[index]! += coefficient;
      const { low, high } = valueRange({ constant: coordinate.offset, coefficients }, extents);
      return low >= -INT32 && high < INT32 && coordinate.divisor < INT32;
    }),
  );
}

/** Elements that one invocation computes: those that share a word. */
export const elementsOfItem = ({ dtype }: Pick<LoopNode, 'dtype'>): 1 | 4 =>
  ELEMENT_BYTES[dtype] === 1 ? 4 : 1;

/** Items of a loop, each computed by one invocation. */
export const itemsOf = (loop: LoopNode): number => Math.ceil(sizeOf(loop.shape) / elementsOfItem(loop));

/** Slots that the interpreter needs for a loop. */
export const slotCount = (loop: LoopNode): number =>
  slotsOf(loop).results + Math.max(loop.step.code.length, loop.post.code.length);

function readWords(
  { dtype, fill, view }: Operand,
  slot: number,
  place: FieldOffset,
  loop: LoopNode,
): number[] {
  const slots = slotsOf(loop);
  const dimensions = view.flatMap(({ extent, coordinate }) => {
    if (coordinate.kind === 'gathered') return [extent, slots.operands + coordinate.operand, 0, 1, 0, 0];
    const { offset, divisor, exact, terms } = coordinate;
    const pairs = terms.flatMap(({ index, coefficient }) => [slots.outputIndices + index, coefficient]);
    return [extent, AFFINE, offset, divisor, exact ? 1 : 0, terms.length, ...pairs];
  });
  const load = LOAD[dtype] + (place.isNibbles ? NIBBLES : 0);
  return [slot, fill, load, place.memory, place.word, view.length, ...dimensions];
}

/** A loop as words, for the interpreter on the device. */
export function encodeRecord(
  loop: LoopNode,
  target: FieldOffset,
  operandPlaces: readonly FieldOffset[],
): number[] {
  const slots = slotsOf(loop);
  const uses = operandUses(loop);
  const readsOf = (use: 'step' | 'post'): number[][] =>
    loop.operands.flatMap((operand, i) =>
      uses[i]![use] ? [readWords(operand, slots.operands + i, operandPlaces[i]!, loop)] : [],
    );
  const codeOf = ({ code }: LoopNode['step']): number[] =>
    code.flatMap(({ opcode, a, b, c }) => {
      const { arity } = instructionOf(opcode)!;
      return [opcode, a, arity > 1 ? b : 0, arity > 2 ? c : 0];
    });
  const [stepReads, postReads] = [readsOf('step'), readsOf('post')];
  const [stepCode, postCode] = [codeOf(loop.step), codeOf(loop.post)];
  const lists = [
    loop.shape,
    loop.fold,
    loop.constants,
    stepReads.flat(),
    stepCode,
    postReads.flat(),
    postCode,
  ];
  const starts: number[] = [];
  let at: number = RECORD.lists;
  for (const list of lists) {
    starts.push(at);
    at += list.length;
  }
  const head: Record<Exclude<keyof typeof RECORD, 'lists'>, number> = {
    items: itemsOf(loop),
    elements: sizeOf(loop.shape),
    isBytes: elementsOfItem(loop) === 4 ? 1 : 0,
    memory: target.memory,
    word: target.word,
    init: loop.init,
    steps: sizeOf(loop.fold),
    shape: loop.shape.length,
    fold: loop.fold.length,
    firstIndex: slots.outputIndices,
    constants: loop.constants.length,
    results: slots.results,
    stepReads: stepReads.length,
    stepCode: loop.step.code.length,
    stepResult: loop.step.result,
    postReads: postReads.length,
    postCode: loop.post.code.length,
    postResult: loop.post.result,
    stepReadsAt: starts[3]!,
    stepCodeAt: starts[4]!,
    postReadsAt: starts[5]!,
    postCodeAt: starts[6]!,
  };
  const words = new Array<number>(RECORD.lists).fill(0);
  for (const [name, word] of Object.entries(head)) words[RECORD[name as keyof typeof head]] = word;
  return [...words, ...lists.flat()];
}
