import { treeCalls } from '../../merkle/inPlace.ts';
import { byteLengthOf, type Node } from '../../program/node.ts';
import type { Layout } from '../memory/layout.ts';
import type { NodePlan } from '../passes/planNode.ts';
import type { Work } from '../threads/schedule.ts';
import type { KernelFunction } from './emit/kernelFunction.ts';

/** Scalar instructions that take about as long as one permutation of keccak. */
const PERMUTATION_COST = 2000;

/** The works of each node, to be done one after the other. A node's cost is divided evenly among them. */
export const nodeWorks = (
  plans: readonly (NodePlan | undefined)[],
  functions: readonly (readonly KernelFunction[])[],
): Work[][] =>
  functions.map((ofNode, node) =>
    ofNode.map(({ body, items }) => ({
      name: body.name,
      items,
      cost: plans[node]!.cost / ofNode.length,
    })),
  );

/** The works that hash a tensor, to be done one after the other. */
const treeWorks = (tensor: number, bytes: number, tree: number, paddings: number): Work[] =>
  treeCalls(tensor, bytes, tree, paddings).map(({ name, args, turns, permutations }) => ({
    name,
    args,
    items: turns,
    cost: PERMUTATION_COST * permutations,
  }));

/** The phases of a run, and the number of nodes that are done after each. */
export interface RunPhases {
  readonly phases: readonly (readonly Work[])[];
  readonly nodesDone: readonly number[];
}

/**
 * The phases of a run of nodes `from` to `to - 1`: one for each work of each node. Where the layout has room for a tensor's
 * tree, the tensor is hashed beside the nodes that follow it, one work in each phase, by threads that would otherwise be
 * idle.
 */
export function runPhases(
  nodes: readonly Node[],
  works: readonly (readonly Work[])[],
  { tensors, trees: places }: Layout,
  from: number,
  to: number,
): RunPhases {
  const phases: Work[][] = [];
  const nodesDone: number[] = [];
  /** The remaining works of each tree. */
  let trees: Work[][] = [];
  const nextOfTrees = (): Work[] => {
    const next = trees.map(([first]) => first!);
    trees = trees.map(([, ...rest]) => rest).filter(({ length }) => length > 0);
    return next;
  };
  for (let i = from; i < to; i++) {
    for (const work of works[i]!) {
      phases.push([...nextOfTrees(), work]);
      nodesDone.push(i);
    }
    const tree = places?.starts[i];
    if (tree !== undefined)
      trees.push(treeWorks(tensors[i]!, byteLengthOf(nodes[i]!), tree, places!.paddings));
    if (nodesDone.length > 0) nodesDone[nodesDone.length - 1] = i + 1;
  }
  while (trees.length > 0) {
    phases.push(nextOfTrees());
    nodesDone.push(to);
  }
  return { phases, nodesDone };
}
