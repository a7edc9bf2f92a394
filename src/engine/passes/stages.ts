import type { Program } from '../../program/node.ts';
import { EngineError, type Weights } from '../engine.ts';
import { fuse } from '../graph/fuse.ts';
import { printKernel } from '../kernel/print.ts';
import { planNode } from './planNode.ts';
import type { Target } from './target.ts';

/** A kernel of a node after one pass, as text. */
export interface PrintedStage {
  readonly pass: string;
  readonly text: string;
  /** Whether the pass changed the text. */
  readonly changed: boolean;
}

/**
 * All stages of a loop node on its way to code, as they are in runs that only keep the outputs.
 *
 * @returns the stages of each of the node's kernels, in order
 * @throws EngineError if the node is not a loop, or is computed inside the loop that reads it
 */
export function printStages(
  program: Program,
  node: number,
  target: Target,
  weights?: Weights,
): PrintedStage[] {
  if (program.nodes[node]?.kind !== 'loop')
    throw new EngineError(`node ${node} is no loop, so it has no stages`);
  const { nodes } = fuse(program, new Set(program.outputs));
  const loop = nodes[node]!;
  if (loop.kind !== 'loop' || (loop !== program.nodes[node] && loop.shape.join() === '0')) {
    const reader = program.nodes.findIndex(
      (one) => one.kind === 'loop' && one.operands.some((operand) => operand.node === node),
    );
    throw new EngineError(`node ${node} is computed inside node ${reader}: ask for the stages of that one`);
  }
  const stages: PrintedStage[] = [];
  let before = '';
  planNode(loop, nodes, target, weights, (pass, kernel) => {
    const text = printKernel(kernel);
    stages.push({ pass, text, changed: pass === 'lower' || text !== before });
    before = text;
  });
  return stages;
}
