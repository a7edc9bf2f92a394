import type { DType } from '../../program/node.ts';
import type { ScalarCode, Slots } from './code.ts';
import type { Form } from './form.ts';
import type { Band, TileShape, Tiling } from './tiling.ts';

/**
 * The intermediate representation of the engine: one loop nest with everything that it reads and writes. `lower.ts` makes
 * a kernel of a loop of the program, the passes in `../passes/` rewrite it, and a code generator turns it into code.
 *
 * ```
 * for each index of the output loops:
 *   acc = init
 *   for each index of the fold loops, in order: acc = step(acc, accesses, indices)
 *   store(post(acc, accesses, indices))
 * ```
 *
 * The order of the fold loops and of their indices decides the bits of floats, so no pass may change it. The order of the
 * output loops is free.
 */
export interface Kernel {
  /** Extents of the loops: output loops first, outermost first, then fold loops. */
  readonly extents: readonly number[];
  /** Number of output loops. */
  readonly outputs: number;
  /** True if the fold has no steps: the accumulator stays `init`. (With no fold loops it has one step.) */
  readonly isFoldEmpty: boolean;
  readonly init: number;
  readonly constants: readonly number[];
  readonly accesses: readonly Access[];
  /** Loop indices that the code uses as values. */
  readonly indices: readonly Form[];
  readonly step: ScalarCode;
  readonly post: ScalarCode;
  readonly store: Store;
  /** Buffers that are filled each time before the kernel runs. */
  readonly scratch: readonly ScratchBuffer[];
  /** Constants in another order, written once when the program is loaded. */
  readonly packed: readonly PackedBuffer[];
  /** Set by the pass that chooses the tile. */
  readonly tile?: TileShape;
  /** Set if scratch buffers are filled in row bands. */
  readonly band?: Band;
  /** Set by the pass that tiles loops: from then on the order of loops is final. */
  readonly tiling?: Tiling;
  /**
   * For a kernel that fills a scratch buffer in bands: the index of the dimension along which bands lie. Loops that this
   * form tells apart stay apart.
   */
  readonly bandIndex?: Form;
}

/**
 * The type of one element in memory, loaded as one 32-bit word. `i16x2` is a pair of 16-bit integers; `i8x2` and `u8x2`
 * are pairs of bytes that are extended to 16 bits each.
 */
export type Element = DType | 'i16' | 'i16x2' | 'i8x2' | 'u8x2';

export const ELEMENT_SIZE: Readonly<Record<Element, 1 | 2 | 4>> = {
  f32: 4,
  i32: 4,
  i8: 1,
  u8: 1,
  i16: 2,
  i16x2: 4,
  i8x2: 2,
  u8x2: 2,
};

/** The memory in which an access reads. */
export type Source =
  /** Bytes `start` to `end - 1` of a node's tensor; addresses count from `start`. */
  | {
      readonly kind: 'tensor';
      readonly node: number;
      readonly isConstant: boolean;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: 'packed'; readonly buffer: number }
  | { readonly kind: 'scratch'; readonly buffer: number };

/** One word that a kernel reads. */
export interface Access {
  readonly source: Source;
  readonly element: Element;
  /** The word that is read where a coordinate is outside. */
  readonly fill: number;
  /** True if every coordinate is outside: the access always yields `fill`. */
  readonly isAlwaysOutside: boolean;
  /** Number of elements of the view through which the tensor is read. */
  readonly elements: number;
  /** Bytes from the start of the source, without quotients and gathers; modulo 2^32. */
  readonly address: Form;
  /** Conditions under which the access is inside. All are on coordinates before division. */
  readonly checks: readonly Check[];
  readonly quotients: readonly Quotient[];
  readonly gathers: readonly Gather[];
  /** The coordinates that checks and quotients stem from: those that are divided or may be outside. */
  readonly coordinates: readonly KernelCoordinate[];
}

/** A condition on a coordinate. */
export interface Check {
  readonly form: Form;
  /** The form must be in [0, bound); undefined if it always is. */
  readonly bound: number | undefined;
  /** The form must be a multiple of this. */
  readonly multipleOf: number;
}

/** `floor(form / divisor) * stride` bytes, added to an address; the form is not negative. */
export interface Quotient {
  readonly form: Form;
  readonly divisor: number;
  readonly stride: number;
}

/** The word of another access times the stride, added to an address; the word must be in [0, extent). */
export interface Gather {
  /** Position of the other access, which is an earlier one. */
  readonly access: number;
  readonly extent: number;
  readonly stride: number;
}

/** `floor(form / divisor)`, which must be in [0, extent), and exact if so marked. */
export interface KernelCoordinate {
  readonly form: Form;
  readonly extent: number;
  readonly divisor: number;
  readonly exact: boolean;
  /** Bytes between neighbours. */
  readonly stride: number;
}

/** The place where results go. */
export interface Store {
  readonly element: Element;
  /** Bytes from the start of the target. */
  readonly address: Form;
  /** Size of the target. */
  readonly bytes: number;
}

/** Scratch memory that a kernel of its own fills: an operand as the tile wants to read it. */
export interface ScratchBuffer {
  /** The pass that made it. */
  readonly kind: 'pairs' | 'padded' | 'panels';
  /** Fills the buffer: reads one access and has no fold. */
  readonly fill: Kernel;
  /** Size of the buffer, or of one band. */
  readonly bytes: number;
  /** Dimensions of the buffer and the index at which the reading kernel reads them; none for panels. */
  readonly dimensions: readonly ScratchDimension[];
  /** Set if the buffer holds one row band at a time. */
  readonly band?: BufferBand;
}

export interface ScratchDimension {
  readonly extent: number;
  /** The index that is read, as a form of the loops of the kernel that reads the buffer. */
  readonly index: Form;
}

/** The band of a scratch buffer. */
export interface BufferBand {
  readonly course: Course;
  /** Bytes between neighbours of the dimension that the band moves along. */
  readonly stride: number;
  /** Indices of that dimension for each index of the loop that fills it. */
  readonly width: number;
}

/** The part of one dimension of a scratch buffer that a loop reads: at index i, `span` indices from `first + step * i`. */
export interface Course {
  readonly dimension: number;
  readonly extent: number;
  readonly first: number;
  readonly step: number;
  readonly span: number;
  /** Whether the dimension is the one of the SIMD lanes, with the same indices as the loop. */
  readonly isLanes: boolean;
}

/** A constant's elements in the order in which a kernel reads them: panels, whose lanes lie next to each other. */
export interface PackedBuffer {
  readonly node: number;
  readonly elementBytes: 1 | 4;
  /** Byte of the constant for each index: `constant` plus the sum of `coefficients` times indices, modulo 2^32. */
  readonly constant: number;
  readonly coefficients: readonly number[];
  /** Extents: panels, the loops inside a panel, lanes of a panel. */
  readonly extents: readonly number[];
  /** Number of lanes of all panels together; the last panel is filled up with zeros. */
  readonly lanes: number;
  readonly bytes: number;
  /** Set for bytes of which several steps of one lane lie next to each other. The last group is filled up with zeros. */
  readonly group?: StepGroup;
}

/** Elements of several steps of the innermost loop, put together in as many bits as they take. */
export interface StepGroup {
  readonly bits: 4 | 8;
  /** The first bit of each step's element. */
  readonly shifts: readonly number[];
}

/** Size of a group, bytes. */
export const groupBytes = ({ bits, shifts }: StepGroup): number => (bits * shifts.length) / 8;

/** Groups of one lane and one index of the loops around the innermost one. */
export const groupCount = ({ shifts }: StepGroup, extents: readonly number[]): number =>
  Math.ceil(extents.at(-2)! / shifts.length);

/** Two bytes, of one step each. */
export const BYTE_PAIR: StepGroup = { bits: 8, shifts: [0, 8] };

/** The first slot of each group of a kernel's slots. */
export function slotLayout({
  constants,
  accesses,
  indices,
}: Pick<Kernel, 'constants' | 'accesses' | 'indices'>): Slots {
  const first = 1 + constants.length;
  return {
    constants: 1,
    accesses: first,
    indices: first + accesses.length,
    results: first + accesses.length + indices.length,
  };
}

/** Whether a kernel has fold loops. */
export const hasFold = ({ extents, outputs }: Kernel): boolean => extents.length > outputs;

/** Whether an access is always inside and its address is the affine form alone. */
export const isLinear = ({ checks, quotients, gathers }: Access): boolean =>
  checks.length + quotients.length + gathers.length === 0;

/** The code that reads an access, directly or to gather another one. */
export interface AccessUse {
  readonly step: boolean;
  readonly post: boolean;
}

/** @returns one entry for each access, in order */
export function accessUses(kernel: Kernel): AccessUse[] {
  const { accesses } = kernel;
  const first = slotLayout(kernel).accesses;
  const readBy = ({ instructions, result }: ScalarCode): boolean[] => {
    const read = accesses.map(() => false);
    for (const slot of [result, ...instructions.flatMap(({ args }) => args)]) {
      if (slot >= first && slot < first + read.length) read[slot - first] = true;
    }
    // A gather names an earlier access, so one walk from the last to the first finds all that are read.
    for (let i = accesses.length - 1; i >= 0; i--) {
      if (read[i]) for (const { access } of accesses[i]!.gathers) read[access] = true;
    }
    return read;
  };
  const step = readBy(kernel.step);
  const post = readBy(kernel.post);
  return accesses.map((_, i) => ({ step: step[i]!, post: post[i]! }));
}

/** Whether the memory or the word that an access reads depends on the index of a loop; false for loop -1. */
export function dependsOn(kernel: Kernel, access: number, loop: number): boolean {
  if (loop < 0) return false;
  const { address, checks, quotients, gathers } = kernel.accesses[access]!;
  return (
    address.coefficients[loop] !== 0 ||
    checks.some(({ form }) => form.coefficients[loop] !== 0) ||
    quotients.some(({ form }) => form.coefficients[loop] !== 0) ||
    gathers.some((gather) => dependsOn(kernel, gather.access, loop))
  );
}
