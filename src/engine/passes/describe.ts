import { groupBytes, type Kernel } from '../kernel/kernel.ts';
import type { Target } from './target.ts';

/** A short description of a node's kernels, by the first one: loops, tile, and the passes that had something to do. */
export function describe(kernels: readonly Kernel[], { lanes }: Target): string {
  const [kernel] = kernels;
  if (!kernel) return 'empty';
  const { extents, outputs, packed, scratch } = kernel;
  const { tiles, block, items } = kernel.tiling!;
  const [tile, last] = [tiles[0]!, tiles.at(-1)!];
  const count = (kind: string): number => scratch.filter((buffer) => buffer.kind === kind).length;
  const counts = {
    packed: packed.length,
    'in words': packed.filter(({ group }) => group && groupBytes(group) === 4).length,
    'in pairs': count('pairs'),
    padded: count('padded'),
    'in panels': count('panels'),
    'in bands': scratch.filter(({ band }) => band).length,
  };
  return [
    `loops ${extents.slice(0, outputs).join('×')} fold ${extents.slice(outputs).join('×')}`,
    `tile ${tile.rows}×${tile.vectors}`,
    ...(tile.steps.length > 1 ? [`${tile.steps.length} steps`] : []),
    ...(tile.vectors > 0 && last.lanes % lanes > 0 ? [`${last.lanes % lanes} lanes left`] : []),
    ...(block < items ? [`${Math.ceil(items / block)} blocks`] : []),
    ...Object.entries(counts).flatMap(([what, times]) => (times > 0 ? [`${times} ${what}`] : [])),
    ...(kernels.length > 1 ? [`${kernels.length} interleaved`] : []),
  ].join(', ');
}
