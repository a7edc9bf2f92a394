import { sizeOf } from '../../program/node.ts';
import type { Kernel } from './kernel.ts';
import type { Tile } from './tiling.ts';
import type { Require } from './violation.ts';

/** Accumulators of a tile, at most: more do not fit the registers of any target. */
const MAX_ACCUMULATORS = 16;

/** Checks the tile and the tiling of a kernel, as far as passes have set them. */
export function verifyTiling(kernel: Kernel, require: Require): void {
  const { extents, outputs, tile, tiling } = kernel;
  if (tile) {
    const { rowLoop, laneLoop, rows, vectors } = tile;
    require(laneLoop === -1 || (laneLoop >= 0 && laneLoop < outputs), `lanes lie along loop ${laneLoop}`);
    require(rowLoop === -1 || (rowLoop >= 0 && rowLoop < outputs), `rows lie along loop ${rowLoop}`);
    require(rowLoop < 0 || rowLoop !== laneLoop, 'rows and lanes lie along the same loop');
    require(rows >= 1 && vectors >= 0, `a tile has ${rows} rows of ${vectors} vectors`);
    require(rows * vectors <= MAX_ACCUMULATORS, `a tile has ${rows * vectors} accumulators`);
  }
  if (!tiling) return;
  const { tiles, splitLoop, unit, items, block } = tiling;
  for (const one of tiles) verifyTile(one, kernel, require);
  const covered = tiles.map(({ ranges }) =>
    sizeOf(ranges.slice(0, outputs).map(({ start, end }) => end - start)),
  );
  const elements = sizeOf(extents.slice(0, outputs));
  const sum = covered.reduce((total, size) => total + size, 0);
  require(sum === elements, `tiles cover ${sum} of ${elements} elements`);
  tiles.forEach((a, i) => {
    require(!tiles
      .slice(0, i)
      .some((b) => overlap(a, b, outputs)), `tile ${i} covers what another one covers`);
  });
  require(splitLoop >= -1 && splitLoop < outputs, `loop ${splitLoop} is split, which is no output loop`);
  const needed = splitLoop < 0 ? 1 : Math.ceil(extents[splitLoop]! / unit);
  require(items === needed, `${items} work items, where ${needed} cover the split loop`);
  require(block >= 1, 'a cache block has no work items');
}

function verifyTile(
  { ranges, steps, rowLoop, laneLoop, rows, lanes }: Tile,
  kernel: Kernel,
  require: Require,
): void {
  const { extents, outputs } = kernel;
  require(ranges.length === extents.length, 'a tile has no range of some loop');
  ranges.forEach(({ start, end, step }, loop) => {
    const isInside = start >= 0 && start < end && end <= extents[loop]!;
    require(isInside, `a tile covers ${start} to ${end - 1} of ${extents[loop]} along loop ${loop}`);
    require(step >= 1 && (end - start) % step === 0, `steps of ${step} do not divide loop ${loop} of a tile`);
    if (loop >= outputs)
      require(start === 0 && end === extents[loop], `a tile leaves out steps of fold loop ${loop}`);
  });
  if (rowLoop >= 0)
    require(ranges[rowLoop]!.step === rows, 'the step of the row loop is not the rows of the tile');
  if (laneLoop >= 0)
    require(ranges[laneLoop]!.step === lanes, 'the step of the lane loop is not the lanes of the tile');
  const folds = ranges.slice(outputs).map(({ step }) => step);
  require(steps.length ===
    sizeOf(folds), `${steps.length} steps are unrolled, where loops skip ${sizeOf(folds)}`);
  // Unrolled steps are in the order of the fold: as numbers, they ascend.
  steps.forEach((indices, at) => {
    const position = indices.reduce((all, index, i) => all * folds[i]! + index, 0);
    require(position === at, `step ${at} of a tile is out of order`);
  });
}

const overlap = (a: Tile, b: Tile, outputs: number): boolean =>
  a.ranges
    .slice(0, outputs)
    .every(({ start, end }, loop) => start < b.ranges[loop]!.end && b.ranges[loop]!.start < end);
