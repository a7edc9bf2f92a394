import type { Kernel } from '../kernel/kernel.ts';
import { reorderLoops } from '../kernel/loops.ts';
import { isProduct } from './chooseTile.ts';

/** Brings the loops into the order in which they run. Fold loops stay as they are. */
export const orderLoops = (kernel: Kernel): Kernel => reorderLoops(kernel, loopOrder(kernel));

/**
 * For a product, GotoBLAS order: the lane loop outermost, so that its panel stays in the cache for all rows, and the row
 * loop innermost of the output loops. Otherwise the loop of row bands comes first.
 */
export function loopOrder(kernel: Kernel): number[] {
  const order = kernel.extents.map((_, i) => i);
  if (!isProduct(kernel)) {
    const banded = kernel.band?.loop;
    return banded === undefined ? order : [banded, ...order.filter((i) => i !== banded)];
  }
  const { rowLoop, laneLoop } = kernel.tile!;
  const others = order.slice(0, kernel.outputs).filter((i) => i !== rowLoop && i !== laneLoop);
  return [laneLoop, ...others, rowLoop, ...order.slice(kernel.outputs)];
}
