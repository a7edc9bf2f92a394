import { type InstructionName, instructionOf } from '../../scalar/instructions.ts';
import type { Step } from '../../scalar/machine.ts';

/**
 * Operations that only kernels have, each of two arguments, on words as pairs of 16-bit integers: `dot_i16x2` yields the
 * sum of both products of signed ones, the others shift both by a constant distance.
 */
const KERNEL_OPERATIONS = ['dot_i16x2', 'i16x2.shl', 'i16x2.shr_s', 'i16x2.shr_u'] as const;
type KernelOperation = (typeof KERNEL_OPERATIONS)[number];

/** Operations of a kernel: the scalar instruction set, and those that only kernels have. */
export type Operation = InstructionName | KernelOperation;

export const isKernelOnly = (operation: Operation): operation is KernelOperation =>
  (KERNEL_OPERATIONS as readonly string[]).includes(operation);

/** One operation. Arguments are slots; the result goes to the next result slot. */
export interface KernelInstruction {
  readonly operation: Operation;
  readonly args: readonly number[];
}

/** Straight-line code that computes one word. */
export interface ScalarCode {
  readonly instructions: readonly KernelInstruction[];
  /** The slot whose word it yields. */
  readonly result: number;
}

/**
 * The first slot of each group. Slots are numbered: 0 the accumulator; the constants; the accesses; the indices that are
 * used as values; then one for the result of each instruction.
 */
export interface Slots {
  readonly constants: number;
  readonly accesses: number;
  readonly indices: number;
  readonly results: number;
}

/** Code of a program's loop, as code over a kernel's slots. */
export const scalarCode = (
  { code, result }: { readonly code: readonly Step[]; readonly result: number },
  slot: (from: number) => number,
): ScalarCode => ({
  instructions: code.map(({ opcode, a, b, c }) => {
    const { name, arity } = instructionOf(opcode)!;
    return { operation: name as InstructionName, args: [a, b, c].slice(0, arity).map(slot) };
  }),
  result: slot(result),
});

/** The same code over other slots. */
export const renumbered = (
  { instructions, result }: ScalarCode,
  slot: (from: number) => number,
): ScalarCode => ({
  instructions: instructions.map(({ operation, args }) => ({ operation, args: args.map(slot) })),
  result: slot(result),
});

/**
 * The result slots that a code's result is computed from, itself included, in their order.
 *
 * @param first slot of the first result
 */
export function neededResults({ instructions, result }: ScalarCode, first: number): number[] {
  const needed = new Set([result]);
  for (let slot = first + instructions.length - 1; slot >= first; slot--) {
    if (needed.has(slot)) for (const arg of instructions[slot - first]!.args) needed.add(arg);
  }
  return [...needed].filter((slot) => slot >= first).sort((a, b) => a - b);
}

/** The same code without instructions that its result does not need (dead-code elimination). */
export function pruned(code: ScalarCode, first: number): ScalarCode {
  const needed = neededResults(code, first);
  const kept = {
    instructions: needed.map((slot) => code.instructions[slot - first]!),
    result: code.result,
  };
  return renumbered(kept, (slot) => (slot < first ? slot : first + needed.indexOf(slot)));
}
