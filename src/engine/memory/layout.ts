import { paddingTable, treeBytes } from '../../merkle/inPlace.ts';
import { byteLengthOf, type Program } from '../../program/node.ts';
import { MEMORY_BYTES } from '../../wasm/assembler.ts';
import type { PackedBuffer } from '../kernel/kernel.ts';
import { type ByteRange, mergeRanges } from './byteRange.ts';
import type { Kept } from './kept.ts';
import { aligned, liveBytes, type MemoryBlock, planOffsets } from './offsets.ts';

/** The memory that a node needs. */
export interface NodeMemory {
  /** Its packed constants. */
  readonly packed: readonly PackedBuffer[];
  /** The parts of tensors that it reads where they are. */
  readonly reads: readonly ByteRange[];
  /** Scratch memory that threads share while the node runs. */
  readonly scratchBytes: number;
  /** Scratch memory of each thread; it follows the shared one. */
  readonly threadBytes: number;
}

/**
 * Memories that a program may take: one for tensors, and for constants as long as they take at most half of it; what is
 * more of them goes to further memories, if there can be some.
 */
export interface MemorySizes {
  /** Most bytes of one memory. */
  readonly bytes: number;
  readonly hasFurther: boolean;
}

/** One memory of the largest size. */
const ONE_MEMORY: MemorySizes = { bytes: MEMORY_BYTES, hasFurther: false };

/**
 * The places in memory of everything that a program's code reads and writes; offsets are in bytes and count through all
 * memories, `MEMORY_BYTES` of them for each.
 */
export interface Layout {
  /** Offset of each node's tensor; undefined for constants. */
  readonly tensors: readonly (number | undefined)[];
  /** The parts of constants that are read as they are, by node. */
  readonly ranges: ReadonlyMap<number, readonly PlacedRange[]>;
  /** Offset of each packed buffer of a node's plan, by node. */
  readonly packedOffsets: readonly (readonly number[])[];
  /** Offset of each node's scratch memory. */
  readonly scratch: readonly number[];
  /** Offset of the hash tree over each tensor, by node, and of the roots of padding; undefined without trees. */
  readonly trees: { readonly starts: readonly (number | undefined)[]; readonly paddings: number } | undefined;
  /** Size of all constants in the memory, packed or not. */
  readonly constantBytes: number;
  /** The most bytes that are live at one time, constants included: no layout of these tensors takes less. */
  readonly leastBytes: number;
  /** Size of all memories. */
  readonly totalBytes: number;
  /** The memory with this layout in it. */
  readonly held: HeldTensor;
  /** Constants in it that were not there before. */
  readonly added: AddedConstants;
}

/** A memory that several layouts share: constants once, and an area for tensors that runs use in turn. */
export interface HeldTensor {
  /** Ranges of each constant, by its node. */
  readonly ranges: ReadonlyMap<number, readonly PlacedRange[]>;
  /** Offset of each packed buffer, by what it is. */
  readonly packed: ReadonlyMap<string, number>;
  readonly constantBytes: number;
  /** Offset and size of the area for tensors. */
  readonly area: { readonly start: number; readonly bytes: number };
  /** Size of the first memory. */
  readonly end: number;
  /** Size of each further memory, which holds constants only. */
  readonly further: readonly number[];
}

/** A memory in which nothing is. */
export const EMPTY: HeldTensor = {
  ranges: new Map(),
  packed: new Map(),
  constantBytes: 0,
  area: { start: 0, bytes: 0 },
  end: 0,
  further: [],
};

export interface AddedConstants {
  readonly ranges: readonly PlacedRange[];
  readonly packed: readonly PlacedBuffer[];
}

export interface PlacedRange extends ByteRange {
  readonly offset: number;
}

export interface PlacedBuffer {
  readonly buffer: PackedBuffer;
  readonly offset: number;
}

interface Constants extends Pick<Layout, 'ranges' | 'packedOffsets' | 'added'> {
  /** Size of those that are added to the first memory. */
  readonly bytes: number;
  /** All that are held then. */
  readonly held: Pick<HeldTensor, 'ranges' | 'packed' | 'constantBytes' | 'further'>;
}

const total = (sizes: readonly number[]): number => sizes.reduce((sum, bytes) => sum + bytes, 0);

/** Places constants from an offset on: each packed form once, and the byte ranges that are read unpacked. */
function placeConstants(
  program: Program,
  plans: readonly (NodeMemory | undefined)[],
  held: HeldTensor,
  start: number,
  sizes: MemorySizes,
): Constants {
  let bytes = 0;
  const further = [...held.further];
  /** Bytes of the first memory that are left for further constants. */
  const room = sizes.hasFurther
    ? sizes.bytes / 2 - (held.constantBytes - total(held.further))
    : Number.POSITIVE_INFINITY;
  const take = (size: number): number => {
    const taken = aligned(size);
    if (bytes + taken <= room) {
      bytes += taken;
      return start + bytes - taken;
    }
    if (further.length === 0 || further.at(-1)! + taken > sizes.bytes) further.push(0);
    const before = further.at(-1)!;
    further[further.length - 1] = before + taken;
    return further.length * MEMORY_BYTES + before;
  };
  const added = { ranges: [] as PlacedRange[], packed: [] as PlacedBuffer[] };
  const packed = new Map(held.packed);
  const all = new Map(held.ranges);
  const packedOffsets = plans.map((plan) =>
    (plan?.packed ?? []).map((buffer) => {
      const key = JSON.stringify(buffer);
      const known = packed.get(key);
      if (known !== undefined) return known;
      const offset = take(buffer.bytes);
      packed.set(key, offset);
      added.packed.push({ buffer, offset });
      return offset;
    }),
  );
  const reads = plans.flatMap((plan) => plan?.reads ?? []);
  const read = mergeRanges(reads.filter(({ node }) => program.nodes[node]!.kind === 'constant'));
  const place = (range: ByteRange): PlacedRange => {
    const whole = held.ranges
      .get(range.node)
      ?.find(({ start, end }) => start <= range.start && end >= range.end);
    if (whole) return { ...range, offset: whole.offset + range.start - whole.start };
    const placed = { ...range, offset: take(range.end - range.start) };
    added.ranges.push(placed);
    all.set(range.node, [...(all.get(range.node) ?? []), placed]);
    return placed;
  };
  const ranges = new Map([...read].map(([node, parts]) => [node, parts.map(place)]));
  const constantBytes = held.constantBytes + bytes + total(further) - total(held.further);
  return { ranges, packedOffsets, added, bytes, held: { ranges: all, packed, constantBytes, further } };
}

/** The step at which inputs come to life: before the first node runs. */
const BEFORE = -1;

/**
 * Lays a program out by the lifetime of each tensor: from the node that computes it to the last node that reads it, or to
 * the end if it is kept. A node's step is its index.
 *
 * @param threads number of threads, each of which has scratch memory of its own in a node
 * @param held the memory so far, of other layouts of the same program
 * @param sizes of the memories; no more than one, of the largest size, if left out
 */
export function layOut(
  program: Program,
  plans: readonly (NodeMemory | undefined)[],
  kept: Kept,
  threads: number,
  held: HeldTensor = EMPTY,
  sizes: MemorySizes = ONE_MEMORY,
): Layout {
  const { nodes } = program;
  const lastRead = nodes.map((_, i) => i);
  plans.forEach((plan, i) => {
    for (const { node } of plan?.reads ?? []) lastRead[node] = i;
  });
  for (const node of kept.tensors) lastRead[node] = nodes.length;
  const blocks: MemoryBlock[] = [];
  const hold = (bytes: number, first: number, last: number): number =>
    blocks.push({ bytes, first, last }) - 1;
  const firstStep = (i: number): number => (nodes[i]!.kind === 'input' ? BEFORE : i);
  const tensorBlocks = nodes.map((node, i) =>
    node.kind === 'constant' ? -1 : hold(byteLengthOf(node), firstStep(i), lastRead[i]!),
  );
  const scratchBlocks = plans.map((plan, i) =>
    hold(plan ? plan.scratchBytes + threads * plan.threadBytes : 0, i, i),
  );
  const treeBlocks = nodes.map((node, i) =>
    kept.trees.has(i) ? hold(treeBytes(byteLengthOf(node)), firstStep(i), nodes.length) : -1,
  );
  const paddings = kept.trees.size > 0 ? hold(paddingTable().length, BEFORE, nodes.length) : -1;
  const { starts, bytes } = planOffsets(blocks);
  const { area, end, constants } = placeArea(held, bytes, (start) =>
    placeConstants(program, plans, held, start, sizes),
  );
  const offset = (block: number): number => area.start + starts[block]!;
  const offsetIfHeld = (block: number): number | undefined => (block < 0 ? undefined : offset(block));
  const { constantBytes, further } = constants.held;
  return {
    tensors: tensorBlocks.map(offsetIfHeld),
    ranges: constants.ranges,
    packedOffsets: constants.packedOffsets,
    scratch: scratchBlocks.map(offset),
    trees: paddings < 0 ? undefined : { starts: treeBlocks.map(offsetIfHeld), paddings: offset(paddings) },
    constantBytes,
    leastBytes: constantBytes + liveBytes(blocks),
    totalBytes: end + total(further),
    added: constants.added,
    held: { ...constants.held, area, end },
  };
}

/**
 * Finds room for tensors and for constants that are not held yet: the area that there is, if it is large enough or ends
 * the memory, else a new one.
 */
function placeArea(
  held: HeldTensor,
  bytes: number,
  constantsFrom: (start: number) => Constants,
): Pick<HeldTensor, 'area' | 'end'> & { readonly constants: Constants } {
  const { area, end } = held;
  const isLast = area.start + area.bytes === end;
  if (end > 0 && (bytes <= area.bytes || isLast)) {
    const taken = { start: area.start, bytes: Math.max(bytes, area.bytes) };
    const after = Math.max(end, taken.start + taken.bytes);
    const constants = constantsFrom(after);
    return { area: taken, end: after + constants.bytes, constants };
  }
  const constants = constantsFrom(end);
  const start = end + constants.bytes;
  return { area: { start, bytes }, end: start + bytes, constants };
}

/** Finds a byte of a node's tensor in memory, if some plan reads it. */
export function sourceIn({ tensors, ranges }: Layout): (node: number, byte: number) => number {
  return (node, byte) => {
    const whole = tensors[node];
    if (whole !== undefined) return whole + byte;
    // The last range that starts at or before the byte holds it. An empty tensor holds no byte, and is never read.
    const { start, offset } = ranges.get(node)!.findLast((range) => range.start <= byte)!;
    return offset + byte - start;
  };
}
