/** A stretch of memory that is held from one step of a run to another, both included. */
export interface Block {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Blocks start at multiples of this: a vector's size. */
const ALIGNMENT = 16;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

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

/** Steps that share one list of blocks, so that a block is compared with those of about its own time. */
const STEPS_OF_SPAN = 32;

/** Blocks by when they are held. */
class Timetable {
  readonly #spans: Placed[][] = [];

  add(block: Placed): void {
    for (let span = Math.floor(block.first / STEPS_OF_SPAN); span * STEPS_OF_SPAN <= block.last; span++) {
      this.#spans[span] ??= [];
      this.#spans[span]!.push(block);
    }
  }

  /** Those held at some time together with a block, in the order in which they lie. */
  with({ first, last }: Block): Placed[] {
    const found = new Set<Placed>();
    for (let span = Math.floor(first / STEPS_OF_SPAN); span * STEPS_OF_SPAN <= last; span++) {
      for (const block of this.#spans[span] ?? []) {
        if (block.first <= last && block.last >= first) found.add(block);
      }
    }
    return [...found].sort((a, b) => a.start - b.start);
  }
}

/** Where a block fits best: in the smallest gap that holds it, else behind everything. */
function bestStart(bytes: number, neighbours: readonly Placed[]): number {
  let best = -1;
  let bestGap = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const neighbour of neighbours) {
    const gap = neighbour.start - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = Math.max(end, neighbour.end);
  }
  return best >= 0 ? best : end;
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
  const timetable = new Timetable();
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
    const start = bestStart(bytes, timetable.with(block));
    timetable.add({ ...block, start, end: start + bytes });
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
