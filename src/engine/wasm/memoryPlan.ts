/** A stretch of memory that is held from one step of a run to another, both included. */
export interface Block {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Blocks start at multiples of this: a vector's size. */
const ALIGNMENT = 16;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
export const alignedBelow = (bytes: number): number => bytes - (bytes % ALIGNMENT);

/** The most bytes that are held at any one step: no arrangement takes less. */
export function liveBytes(blocks: readonly Block[]): number {
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

interface Placed extends Block {
  readonly start: number;
  readonly end: number;
}

/** Where so many bytes fit best among what is held at some time of [first, last]: in the smallest gap, else behind. */
function bestStart(bytes: number, { first, last }: Block, placed: readonly Placed[]): number {
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

/** Keeps blocks in the order in which they start. */
function insert(block: Placed, placed: Placed[]): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (placed[middle]!.start < block.start) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, block);
}

export interface Arrangement {
  /** Of each block. */
  readonly starts: readonly number[];
  readonly bytes: number;
}

function placeInOrder(blocks: readonly Block[], order: readonly number[]): Arrangement {
  const starts = new Array<number>(blocks.length).fill(0);
  const first = blocks.reduce((least, block) => Math.min(least, block.first), Number.POSITIVE_INFINITY);
  const last = blocks.reduce((most, block) => Math.max(most, block.last), Number.NEGATIVE_INFINITY);
  const placed: Placed[] = [];
  /** What is held from beginning to end lies below everything else. */
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

/** An arrangement within this of the least is not looked for any longer. */
const GOOD_ENOUGH = 1.05;

/**
 * Places blocks so that those held at the same time do not overlap, in little more than {@link liveBytes}. To find the
 * least is NP-hard (dynamic storage allocation); the best of a few greedy orders comes close.
 */
export function arrange(blocks: readonly Block[]): Arrangement {
  const indices = blocks.map((_, i) => i);
  const least = liveBytes(blocks);
  const orders: ((a: Block, b: Block) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.first - b.first,
    (a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1),
    (a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes,
    (a, b) => a.first - b.first || b.last - a.last,
  ];
  let best: Arrangement | undefined;
  for (const order of orders) {
    const sorted = [...indices].sort((a, b) => order(blocks[a]!, blocks[b]!));
    const arrangement = placeInOrder(blocks, sorted);
    if (!best || arrangement.bytes < best.bytes) best = arrangement;
    if (best.bytes <= GOOD_ENOUGH * least) break;
  }
  return best!;
}
