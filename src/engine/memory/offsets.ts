/**
 * Offset planning: blocks of known size and lifetime get offsets in one memory, so that blocks that live at the same
 * time do not overlap. The least memory is NP-hard to find (dynamic storage allocation; Garey and Johnson, "Computers
 * and Intractability", problem SR2). Placing blocks one by one in the smallest gap that holds them (best fit), in a good
 * order, comes close; see Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.
 */

/** Memory that is held from one step of a run to another, both included. */
export interface MemoryBlock {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Alignment of blocks, bytes: the size of a vector. */
const ALIGNMENT = 16;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
export const alignedBelow = (bytes: number): number => bytes - (bytes % ALIGNMENT);

/** The most bytes that are live at any one step: a lower bound of every plan. */
export function liveBytes(blocks: readonly MemoryBlock[]): number {
  const changes = new Map<number, number>();
  const change = (step: number, bytes: number) => changes.set(step, (changes.get(step) ?? 0) + bytes);
  for (const { bytes, first, last } of blocks) {
    change(first, aligned(bytes));
    change(last + 1, -aligned(bytes));
  }
  let live = 0;
  let most = 0;
  for (const [, bytes] of [...changes].sort(([a], [b]) => a - b)) {
    live += bytes;
    most = Math.max(most, live);
  }
  return most;
}

interface PlacedBlock extends MemoryBlock {
  readonly start: number;
  readonly end: number;
}

/** The best fit among the blocks that live at the same time: the smallest gap that is large enough, else their end. */
function bestStart(bytes: number, { first, last }: MemoryBlock, placed: readonly PlacedBlock[]): number {
  let best = -1;
  let bestGap = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const other of placed) {
    if (other.first > last || other.last < first) continue;
    const gap = other.start - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    if (other.end > end) end = other.end;
  }
  return best >= 0 ? best : end;
}

/** Inserts a block into a list that is sorted by start. */
function insert(block: PlacedBlock, placed: PlacedBlock[]): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (placed[middle]!.start < block.start) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, block);
}

export interface OffsetPlan {
  /** Offset of each block, bytes. */
  readonly starts: readonly number[];
  /** Memory of all blocks together. */
  readonly bytes: number;
}

function placeInOrder(blocks: readonly MemoryBlock[], order: readonly number[]): OffsetPlan {
  const starts = new Array<number>(blocks.length).fill(0);
  const first = blocks.reduce((least, block) => Math.min(least, block.first), Number.POSITIVE_INFINITY);
  const last = blocks.reduce((most, block) => Math.max(most, block.last), Number.NEGATIVE_INFINITY);
  const placed: PlacedBlock[] = [];
  // Blocks that live during the whole run lie below all others.
  let bottom = 0;
  let top = 0;
  const others: number[] = [];
  for (const index of order) {
    const block = blocks[index]!;
    if (block.first > first || block.last < last) {
      others.push(index);
      continue;
    }
    starts[index] = bottom;
    bottom += aligned(block.bytes);
  }
  for (const index of others) {
    const block = blocks[index]!;
    const bytes = aligned(block.bytes);
    if (bytes === 0) continue;
    const start = bestStart(bytes, block, placed);
    insert({ ...block, start, end: start + bytes }, placed);
    starts[index] = bottom + start;
    top = Math.max(top, start + bytes);
  }
  return { starts, bytes: bottom + top };
}

/** A plan within this factor of the lower bound ends the search. */
const GOOD_ENOUGH = 1.05;

/** Plans offsets of blocks: the best of four greedy best-fit orders. It takes little more than {@link liveBytes}. */
export function planOffsets(blocks: readonly MemoryBlock[]): OffsetPlan {
  const indices = blocks.map((_, i) => i);
  const least = liveBytes(blocks);
  const lifetime = ({ first, last }: MemoryBlock): number => last - first + 1;
  const orders: ((a: MemoryBlock, b: MemoryBlock) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.first - b.first,
    (a, b) => b.bytes * lifetime(b) - a.bytes * lifetime(a),
    (a, b) => lifetime(b) - lifetime(a) || b.bytes - a.bytes,
    (a, b) => a.first - b.first || b.last - a.last,
  ];
  let best: OffsetPlan | undefined;
  for (const order of orders) {
    const sorted = [...indices].sort((a, b) => order(blocks[a]!, blocks[b]!));
    const plan = placeInOrder(blocks, sorted);
    if (!best || plan.bytes < best.bytes) best = plan;
    if (best.bytes <= GOOD_ENOUGH * least) break;
  }
  return best!;
}
