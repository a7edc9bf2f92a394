import type { Kernel, ScratchBuffer } from '../kernel/kernel.ts';
import type { TileShape } from '../kernel/tiling.ts';
import { tileShape } from './chooseTile.ts';
import { mergeLoops } from './mergeLoops.ts';
import type { Target } from './target.ts';
import { planTiling } from './tileLoops.ts';

/** Tiles the kernels that fill scratch buffers. */
export const tileFills = (kernel: Kernel, target: Target): Kernel => ({
  ...kernel,
  scratch: kernel.scratch.map((buffer) => ({
    ...buffer,
    fill: buffer.band ? tileBand(buffer, kernel.tile!, target) : tileWhole(buffer.fill, target),
  })),
});

function tileWhole(fill: Kernel, target: Target): Kernel {
  // Panels come with a tile, whose lanes are those of the panel.
  if (fill.tile) return { ...fill, tiling: planTiling(fill, target) };
  const merged = mergeLoops(fill);
  const tiled = { ...merged, tile: tileShape(merged, target) };
  return { ...tiled, tiling: planTiling(tiled, target) };
}

/** @param reader tile of the kernel that reads the buffer */
function tileBand({ fill, band }: ScratchBuffer, reader: TileShape, target: Target): Kernel {
  const merged = mergeLoops(fill);
  const loop = merged.bandIndex!.coefficients.indexOf(1);
  const { course, width } = band!;
  const tile: TileShape = course.isLanes
    ? { rowLoop: -1, laneLoop: loop, rows: 1, vectors: width > 1 ? 1 : reader.vectors }
    : tileShape(merged, target);
  const tiled = { ...merged, tile };
  return { ...tiled, tiling: planTiling(tiled, target, { loop }) };
}
