import { valueRange } from '../kernel/form.ts';
import { dependsOn, type Kernel } from '../kernel/kernel.ts';
import type { LoopRange, Tile, TileShape, Tiling } from '../kernel/tiling.ts';
import type { Target } from './target.ts';

/** Tiles the loops, and divides the work into items and cache blocks. The kernel's loops are in their final order. */
export const tileLoops = (kernel: Kernel, target: Target): Kernel => {
  const { band } = kernel;
  const split = band && { loop: band.loop, block: band.size / band.unit };
  return { ...kernel, tiling: planTiling(kernel, target, split) };
};

/** Work items below which another loop is split if it gives more. */
export const ENOUGH_ITEMS = 8;

/** A cache block is larger if the lanes' operands exceed FAR_BYTES: they come from beyond the L2 cache anyway. */
const WIDE_BLOCK_BYTES = 2_097_152;
const FAR_BYTES = 1_048_576;

/** Indices of an output loop that one tile covers. */
export const tileExtent = (
  { rowLoop, rows, laneLoop, vectors }: TileShape,
  loop: number,
  { lanes }: Target,
): number => (loop === rowLoop ? rows : loop === laneLoop ? lanes * vectors : 1);

/**
 * The tiling of a kernel whose tile is chosen.
 *
 * @param split the loop that is split into work items, and the number of items in a cache block, where these are given
 */
export function planTiling(
  kernel: Kernel,
  target: Target,
  split: { readonly loop?: number; readonly block?: number } = {},
): Tiling {
  const { extents, outputs } = kernel;
  const shape = kernel.tile!;
  const { rowLoop, laneLoop } = shape;
  const tiles = planTiles(kernel, target);
  const itemsAlong = (i: number) => Math.ceil(extents[i]! / tileExtent(shape, i, target));
  const loops = extents.map((_, i) => i).slice(0, outputs);
  const isLanesFirst = laneLoop === 0 && outputs > 1;
  // The lane loop of a product comes first and its operands are to be read once, so another loop is split.
  const candidates = isLanesFirst ? loops.slice(1) : loops;
  const found =
    split.loop ??
    candidates.find((i) => itemsAlong(i) >= ENOUGH_ITEMS) ??
    candidates.reduce((most, i) => (most < 0 || itemsAlong(i) > itemsAlong(most) ? i : most), -1);
  if (found < 0) return { tiles, splitLoop: found, unit: 1, items: 1, block: 1 };
  const block =
    split.block ?? (isLanesFirst ? blockItems(kernel, found, itemsAlong(found), target) : itemsAlong(found));
  const isOneBlock =
    split.loop === undefined && isLanesFirst && found === rowLoop && block >= itemsAlong(found);
  // Items along the lane loop read their part of the lanes' operands and all rows; items along rows would each read
  // all lanes.
  const splitLoop = isOneBlock && itemsAlong(laneLoop) >= ENOUGH_ITEMS ? laneLoop : found;
  const items = itemsAlong(splitLoop);
  return {
    tiles,
    splitLoop,
    unit: tileExtent(shape, splitLoop, target),
    items,
    block: splitLoop === found ? block : items,
  };
}

/** Tiles of the chosen shape, and smaller ones for the rows and lanes that are left over. */
function planTiles(kernel: Kernel, target: Target): Tile[] {
  const { extents, outputs } = kernel;
  const { rowLoop, laneLoop, rows, vectors } = kernel.tile!;
  const unrolled = unrollCounts(kernel, target);
  const steps = indicesBelow(unrolled);
  const ranges = extents.map((extent, i) => range(0, extent, unrolled[i - outputs] ?? 1));
  const rowParts = rowLoop < 0 ? [range(0, 1, 1)] : rangesBy(extents[rowLoop]!, rows);
  const laneParts = laneLoop < 0 ? [range(0, 1, 1)] : rangesBy(extents[laneLoop]!, target.lanes * vectors);
  return rowParts.flatMap((row) =>
    laneParts.map(
      (lane): Tile => ({
        rowLoop,
        laneLoop,
        rows: row.step,
        vectors: laneLoop < 0 ? 0 : Math.ceil(lane.step / target.lanes),
        lanes: lane.step,
        ranges: ranges.map((whole, i) => (i === rowLoop ? row : i === laneLoop ? lane : whole)),
        steps,
      }),
    ),
  );
}

const range = (start: number, end: number, step: number): LoopRange => ({ start, end, step });

/** [0, extent) in steps, and the rest as a range of its own. */
function rangesBy(extent: number, step: number): LoopRange[] {
  const end = extent - (extent % step);
  return [
    ...(end > 0 ? [range(0, end, step)] : []),
    ...(extent > end ? [range(end, extent, extent - end)] : []),
  ];
}

/** The number of steps of each fold loop that are unrolled. */
function unrollCounts(kernel: Kernel, target: Target): number[] {
  const { rows, vectors } = kernel.tile!;
  const extents = kernel.extents.slice(kernel.outputs);
  const counts = extents.map(() => 1);
  const length = rows * Math.max(1, vectors) * (kernel.step.instructions.length + 1);
  let steps = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    const fits = (count: number) =>
      extents[i]! % count === 0 && steps * count * length <= target.maxUnrolledCode;
    if (steps * extents[i]! <= target.maxUnrolledSteps && fits(extents[i]!)) {
      counts[i] = extents[i]!;
      steps *= extents[i]!;
      continue;
    }
    if (steps === 1) counts[i] = [4, 3, 2].find(fits) ?? 1;
    break;
  }
  return counts;
}

/** All lists of indices below some counts, in row-major order. */
const indicesBelow = (counts: readonly number[]): number[][] =>
  counts.reduce<number[][]>(
    (lists, count) => lists.flatMap((list) => Array.from({ length: count }, (_, i) => [...list, i])),
    [[]],
  );

/** The number of work items whose rows' operands fit the cache together. */
function blockItems(kernel: Kernel, loop: number, items: number, { cache }: Target): number {
  const bytes = kernel.accesses.map(({ address: { coefficients } }) => {
    const { low, high } = valueRange({ constant: 0, coefficients }, kernel.extents);
    return high - low;
  });
  const most = (isCounted: (access: number) => boolean) =>
    Math.max(1, ...bytes.map((size, access) => (isCounted(access) ? size : 0)));
  const rows = most((access) => dependsOn(kernel, access, loop));
  const lanes = most((access) => !dependsOn(kernel, access, loop));
  return Math.max(1, Math.floor(((lanes > FAR_BYTES ? WIDE_BLOCK_BYTES : cache.block) * items) / rows));
}
