import { paddingTable, treeBytes } from '../../merkle/inPlace.ts';
import { byteLengthOf, type Program } from '../../program/node.ts';
import type { PackedBuffer } from '../kernel/kernel.ts';
import { type ByteRange, mergeRanges } from './byteRange.ts';
import type { Kept } from './kept.ts';
import { aligned, type Block, liveBytes, planOffsets } from './offsets.ts';

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

/** The places in memory of everything that a program's code reads and writes; offsets are in bytes. */
export interface Layout {
  /** Offset of each node's tensor; undefined for constants. */
  readonly tensors: readonly (number | undefined)[];
  /** The parts of constants that are read as they are, by node. */
  readonly ranges: ReadonlyMap<number, readonly PlacedRange[]>;
  /** The distinct packed buffers. */
  readonly packed: readonly PlacedBuffer[];
  /** Offset of each packed buffer of a node's plan, by node. */
  readonly packedOffsets: readonly (readonly number[])[];
  /** Offset of each node's scratch memory. */
  readonly scratch: readonly number[];
  /** Offset of the hash tree over each tensor, by node, and of the roots of padding; undefined without trees. */
  readonly trees: { readonly starts: readonly (number | undefined)[]; readonly paddings: number } | undefined;
  /** Size of all constants, packed or not. */
  readonly constantBytes: number;
  /** The most bytes that are live at one time, constants included: no layout of these tensors takes less. */
  readonly leastBytes: number;
  readonly totalBytes: number;
}

export interface PlacedRange extends ByteRange {
  readonly offset: number;
}

export interface PlacedBuffer {
  readonly buffer: PackedBuffer;
  readonly offset: number;
}

interface Constants extends Pick<Layout, 'ranges' | 'packed' | 'packedOffsets'> {
  readonly bytes: number;
}

/** Places constants at the start of the memory: each packed form once, and the byte ranges that are read unpacked. */
function placeConstants(program: Program, plans: readonly (NodeMemory | undefined)[]): Constants {
  let bytes = 0;
  const take = (size: number): number => {
    const offset = bytes;
    bytes += aligned(size);
    return offset;
  };
  const packed = new Map<string, PlacedBuffer>();
  const packedOffsets = plans.map((plan) =>
    (plan?.packed ?? []).map((buffer) => {
      const key = JSON.stringify(buffer);
      const placed = packed.get(key) ?? { buffer, offset: take(buffer.bytes) };
      packed.set(key, placed);
      return placed.offset;
    }),
  );
  const reads = plans.flatMap((plan) => plan?.reads ?? []);
  const read = mergeRanges(reads.filter(({ node }) => program.nodes[node]!.kind === 'constant'));
  const place = (range: ByteRange) => ({ ...range, offset: take(range.end - range.start) });
  const ranges = new Map([...read].map(([node, parts]) => [node, parts.map(place)]));
  return { ranges, packed: [...packed.values()], packedOffsets, bytes };
}

/** The step at which inputs come to life: before the first node runs. */
const BEFORE = -1;

/**
 * Lays a program out by the lifetime of each tensor: from the node that computes it to the last node that reads it, or to
 * the end if it is kept. A node's step is its index.
 *
 * @param threads number of threads, each of which has scratch memory of its own in a node
 */
export function layOut(
  program: Program,
  plans: readonly (NodeMemory | undefined)[],
  kept: Kept,
  threads: number,
): Layout {
  const { nodes } = program;
  const constants = placeConstants(program, plans);
  const lastRead = nodes.map((_, i) => i);
  plans.forEach((plan, i) => {
    for (const { node } of plan?.reads ?? []) lastRead[node] = i;
  });
  for (const node of kept.tensors) lastRead[node] = nodes.length;
  const blocks: Block[] = [];
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
  const offset = (block: number): number => constants.bytes + starts[block]!;
  const offsetIfHeld = (block: number): number | undefined => (block < 0 ? undefined : offset(block));
  return {
    tensors: tensorBlocks.map(offsetIfHeld),
    ranges: constants.ranges,
    packed: constants.packed,
    packedOffsets: constants.packedOffsets,
    scratch: scratchBlocks.map(offset),
    trees: paddings < 0 ? undefined : { starts: treeBlocks.map(offsetIfHeld), paddings: offset(paddings) },
    constantBytes: constants.bytes,
    leastBytes: constants.bytes + liveBytes(blocks),
    totalBytes: constants.bytes + bytes,
  };
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
