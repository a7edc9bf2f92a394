import type { Kernel } from '../../kernel/kernel.ts';
import type { NodePlan } from '../../passes/planNode.ts';
import { type KernelFunction, type KernelPlaces, kernelFunction } from './kernelFunction.ts';

/** The places in memory of a node's parts, bytes. */
export interface NodePlaces extends Pick<KernelPlaces, 'source' | 'target'> {
  /** Address of each packed buffer of the plan. */
  readonly packed: readonly number[];
  /** Address of the node's scratch memory. */
  readonly scratch: number;
}

/**
 * The functions that compute a node, to be called one after the other: for each kernel, those that fill whole scratch
 * buffers, then its own.
 *
 * @param name prefix of the functions' names
 */
export function emitNode(plan: NodePlan, name: string, places: NodePlaces): KernelFunction[] {
  let packedBefore = 0;
  return plan.kernels.flatMap((kernel, piece) => {
    const { buffers } = plan.scratch[piece]!;
    const scratch = buffers.map(
      ({ offset, isOwn }) => places.scratch + (isOwn ? plan.scratchBytes : 0) + offset,
    );
    const packed = places.packed.slice(packedBefore, packedBefore + kernel.packed.length);
    packedBefore += kernel.packed.length;
    const fills = kernel.scratch.flatMap(({ fill, band }, i): [Kernel, number][] =>
      band ? [] : [[fill, scratch[i]!]],
    );
    return [...fills, [kernel, places.target] as const].map(([part, target], phase) =>
      kernelFunction(part, `${name}piece${piece}phase${phase}`, {
        source: places.source,
        target,
        packed,
        scratch,
        threadBytes: plan.threadBytes,
      }),
    );
  });
}
