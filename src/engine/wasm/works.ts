import { leafTurns } from '../../merkle/inPlace.ts';
import { chunksOf } from '../../merkle/tensor.ts';
import { byteLengthOf, type Node } from '../../program/node.ts';
import type { Layout } from './layout.ts';
import type { NodePlan, Phase } from './nodePlan.ts';
import type { Work } from './schedule.ts';

/** Scalar instructions that take about as long as hashing a chunk, and as its share of the levels above. */
const LEAF_WORK = 4000;
const LEVELS_WORK = 2000;

/** The phases of each node, all of about the same work. */
export const phaseWorks = (
  plans: readonly (NodePlan | undefined)[],
  phases: readonly (readonly Phase[])[],
): Work[][] =>
  phases.map((parts, node) =>
    parts.map(({ body, turns }) => ({ name: body.name, turns, work: plans[node]!.work / parts.length })),
  );

/** The hash tree over a node's tensor: its leaves, and the levels above when they are there. */
function treeWorks(
  node: Node,
  tensor: number,
  tree: number,
  paddings: number,
): { leaves: Work; levels: Work } {
  const bytes = byteLengthOf(node);
  const chunks = chunksOf(bytes);
  const leaves = { name: 'leaves', args: [tensor, bytes, tree], turns: leafTurns(bytes) };
  const levels = { name: 'levels', args: [bytes, tree, paddings], turns: 1 };
  return {
    leaves: { ...leaves, work: LEAF_WORK * chunks },
    levels: { ...levels, work: LEVELS_WORK * chunks },
  };
}

/** The steps of a run, and how many nodes are done after each. */
export interface Steps {
  readonly steps: readonly (readonly Work[])[];
  readonly nodesDone: readonly number[];
}

/** Phase after phase. Each tensor is hashed, if the layout has room for its tree, next to the nodes that follow it. */
export function stepsOf(nodes: readonly Node[], works: readonly (readonly Work[])[], layout: Layout): Steps {
  const { tensors, trees } = layout;
  const steps: Work[][] = [];
  const nodesDone: number[] = [];
  let leaves: { leaves: Work; levels: Work }[] = [];
  let levels: Work[] = [];
  /** The next step of the trees that are being built. */
  const hashing = (): Work[] => {
    const now = [...levels, ...leaves.map((tree) => tree.leaves)];
    levels = leaves.map((tree) => tree.levels);
    leaves = [];
    return now;
  };
  nodes.forEach((node, i) => {
    for (const work of works[i]!) {
      steps.push([...hashing(), work]);
      nodesDone.push(i);
    }
    const tree = trees?.starts[i];
    if (trees && tree !== undefined) leaves.push(treeWorks(node, tensors[i]!, tree, trees.paddings));
    if (nodesDone.length > 0) nodesDone[nodesDone.length - 1] = i + 1;
  });
  while (leaves.length + levels.length > 0) {
    steps.push(hashing());
    nodesDone.push(nodes.length);
  }
  return { steps, nodesDone };
}
