import { byteLengthOf, type LoopNode, type Node, sizeOf } from '../../program/node.ts';
import type { Weights } from '../engine.ts';
import { interleave } from '../graph/interleave.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { lower } from '../kernel/lower.ts';
import type { NodeMemory } from '../memory/layout.ts';
import { layOutScratch, type ScratchLayout } from '../memory/scratch.ts';
import { describe } from './describe.ts';
import { readRanges } from './narrowReads.ts';
import { type Observer, optimize } from './optimize.ts';
import type { Target } from './target.ts';

/** The plan of one loop node, complete but for the places of things in memory and for code. */
export interface NodePlan extends NodeMemory {
  /** Kernels that compute the node's tensor together, one after the other. Packed buffers follow their order. */
  readonly kernels: readonly Kernel[];
  /** Places of each kernel's scratch buffers. */
  readonly scratch: readonly ScratchLayout[];
  /** Estimated number of scalar instructions and reads. */
  readonly cost: number;
  /** A short description for profiles. */
  readonly label: string;
}

/**
 * Plans a loop node: takes it apart where it is interleaved, lowers the pieces to kernels, and runs all passes.
 *
 * @param weights the constants, which decide whether a transposed convolution may be taken apart, and how bytes are packed
 */
export function planNode(
  loop: LoopNode,
  nodes: readonly Node[],
  target: Target,
  weights?: Weights,
  observe?: Observer,
): NodePlan {
  const pieces = sizeOf(loop.shape) === 0 ? [] : interleave(loop, nodes, weights);
  const kernels = pieces.map((piece) => {
    const kernel = lower(piece, nodes, byteLengthOf(loop));
    observe?.('lower', kernel);
    return optimize(kernel, target, weights, observe);
  });
  const scratch = kernels.map(layOutScratch);
  const copied = kernels.flatMap(({ scratch: buffers }) => buffers.map(({ fill }) => sizeOf(fill.extents)));
  const costs = [...pieces.map((piece) => loopCost(piece.loop)), ...copied];
  return {
    kernels,
    packed: kernels.flatMap(({ packed }) => packed),
    reads: kernels.flatMap(readRanges),
    scratch,
    scratchBytes: Math.max(0, ...scratch.map(({ sharedBytes }) => sharedBytes)),
    threadBytes: Math.max(0, ...scratch.map(({ threadBytes }) => threadBytes)),
    cost: costs.reduce((sum, cost) => sum + cost, 0),
    label: describe(kernels, target),
  };
}

/** One for each instruction, and one for each step of the fold and each element. */
export function loopCost({ shape, fold, step, post }: LoopNode): number {
  const perElement = sizeOf(fold) * (step.code.length + 1) + post.code.length + 1;
  return sizeOf(shape) * perElement;
}
