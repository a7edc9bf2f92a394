import { treeCalls } from '../../merkle/inPlace.ts';
import { byteLengthOf, type Node } from '../../program/node.ts';
import type { Layout } from './layout.ts';
import type { NodePlan, Phase } from './nodePlan.ts';
import type { Work } from './schedule.ts';

/** Scalar instructions that take about as long as one permutation of keccak. */
const PERMUTATION_WORK = 2000;

/** The phases of each node, all of about the same work. */
export const phaseWorks = (
  plans: readonly (NodePlan | undefined)[],
  phases: readonly (readonly Phase[])[],
): Work[][] =>
  phases.map((parts, node) =>
    parts.map(({ body, turns }) => ({ name: body.name, turns, work: plans[node]!.work / parts.length })),
  );

/** The hash tree over a tensor, one work after the other. */
const treeWorks = (tensor: number, bytes: number, tree: number, paddings: number): Work[] =>
  treeCalls(tensor, bytes, tree, paddings).map(({ name, args, turns, permutations }) => ({
    ...{ name, args, turns },
    work: PERMUTATION_WORK * permutations,
  }));

/** The steps of a run, and how many nodes are done after each. */
export interface Steps {
  readonly steps: readonly (readonly Work[])[];
  readonly nodesDone: readonly number[];
}

/** Phase after phase. Each tensor is hashed, if the layout has room for its tree, next to the nodes that follow it. */
export function stepsOf(nodes: readonly Node[], works: readonly (readonly Work[])[], layout: Layout): Steps {
  const { tensors, trees: places } = layout;
  const steps: Work[][] = [];
  const nodesDone: number[] = [];
  /** What is left to do of each tree. */
  let trees: Work[][] = [];
  const hashing = (): Work[] => {
    const now = trees.map(([next]) => next!);
    trees = trees.map(([, ...rest]) => rest).filter(({ length }) => length > 0);
    return now;
  };
  nodes.forEach((node, i) => {
    for (const work of works[i]!) {
      steps.push([...hashing(), work]);
      nodesDone.push(i);
    }
    const tree = places?.starts[i];
    if (tree !== undefined) trees.push(treeWorks(tensors[i]!, byteLengthOf(node), tree, places!.paddings));
    if (nodesDone.length > 0) nodesDone[nodesDone.length - 1] = i + 1;
  });
  while (trees.length > 0) {
    steps.push(hashing());
    nodesDone.push(nodes.length);
  }
  return { steps, nodesDone };
}
