import { accessUses, dependsOn, hasFold, type Kernel } from '../kernel/kernel.ts';
import type { TileShape } from '../kernel/tiling.ts';
import type { Target } from './target.ts';

/** Chooses the tile: the block of outputs that is computed in registers at a time (the micro-kernel of BLIS). */
export const chooseTile = (kernel: Kernel, target: Target): Kernel => ({
  ...kernel,
  tile: tileShape(kernel, target),
});

/** The tile that suits a kernel. */
export function tileShape(kernel: Kernel, target: Target): TileShape {
  const { outputs, extents, step, post } = kernel;
  const laneLoop = outputs - 1;
  if (laneLoop < 0) return { rowLoop: -1, laneLoop, rows: 1, vectors: 0 };
  const wanted = Math.ceil(extents[laneLoop]! / target.lanes);
  const length = step.instructions.length + post.instructions.length + 2;
  const oneVector = { rowLoop: -1, laneLoop, rows: 1, vectors: 1 };
  if (!hasFold(kernel)) {
    const fitting = Math.floor(target.maxElementwiseCode / length);
    return { ...oneVector, vectors: Math.max(1, Math.min(4, wanted, fitting)) };
  }
  const rowLoop = findRowLoop(kernel, laneLoop);
  if (rowLoop >= 0) {
    const vectors = wanted === 3 ? 3 : Math.min(target.rowVectors, wanted);
    const rows = Math.min(target.rowsByVectors[vectors]!, extents[rowLoop]!);
    return rows * vectors * length > target.maxTileCode ? oneVector : { rowLoop, laneLoop, rows, vectors };
  }
  const vectors = Math.min(4, wanted);
  return vectors * length > target.maxTileCode ? oneVector : { ...oneVector, vectors };
}

/**
 * The innermost loop whose indices share an operand: something that the fold reads is the same for all of them, but not
 * for all lanes, so that one load serves several rows. -1 if there is none.
 */
function findRowLoop(kernel: Kernel, laneLoop: number): number {
  const uses = accessUses(kernel);
  const folds = kernel.extents.map((_, i) => i).slice(kernel.outputs);
  for (let row = laneLoop - 1; row >= 0; row--) {
    const isShared = kernel.accesses.some(
      (_, access) =>
        uses[access]!.step &&
        dependsOn(kernel, access, laneLoop) &&
        !dependsOn(kernel, access, row) &&
        folds.some((fold) => dependsOn(kernel, access, fold)),
    );
    if (isShared) return row;
  }
  return -1;
}

/** Whether a kernel is like a matrix product: rows share what lanes read, and lanes share what rows read. */
export function isProduct(kernel: Kernel): boolean {
  const uses = accessUses(kernel);
  const { rowLoop, laneLoop } = kernel.tile!;
  return (
    rowLoop >= 0 &&
    kernel.accesses.some((_, access) => uses[access]!.step && !dependsOn(kernel, access, laneLoop))
  );
}
