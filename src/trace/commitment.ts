import type { CheckpointedRun } from '../engine/engine.ts';
import type { Hash } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';
import { concat, MerkleTree, TRACE_TREE } from '../merkle/tree.ts';
import { blockLevels, isCheckpoint } from '../program/blocks.ts';
import type { Program } from '../program/node.ts';
import type { Commitment, Trace } from './trace.ts';

/**
 * The tree whose root a trace has: of each checkpoint the root of its tensor, and padding in the place of others.
 *
 * @param rootOf asked for checkpoints only, constants among them
 */
export const checkpointTree = (program: Program, rootOf: (node: number) => Hash): MerkleTree =>
  new MerkleTree(
    TRACE_TREE,
    concat(program.nodes.map((_, i) => (isCheckpoint(program, i) ? rootOf(i) : TRACE_TREE.padding))),
  );

/** Roots of all tensors of a block of a trace, with padding beyond the last node. */
export function blockRoots(trace: Pick<Trace, 'depth' | 'tensorRoot'>, block: number): Hash[] {
  const width = 2 ** blockLevels(trace.depth);
  return Array.from({ length: width }, (_, i) => trace.tensorRoot(block * width + i));
}

/** The tree whose root a run's trace has, from the trees over its checkpoints. */
export function commitmentTree({ program }: Model, { trees }: Pick<CheckpointedRun, 'trees'>): MerkleTree {
  return checkpointTree(program, (i) => {
    const node = program.nodes[i]!;
    return node.kind === 'constant' ? node.root : trees.get(i)!.root;
  });
}

/** The data that a tree of {@link commitmentTree} commits to. */
export const commitmentFrom = (model: Model, tree: MerkleTree): Commitment => ({
  model,
  depth: tree.depth,
  root: tree.root,
  node: (level, index) => tree.node(level, index),
});

/** The commitment of a run, without the tensors that it does not commit to. */
export const commitmentOf = (model: Model, run: Pick<CheckpointedRun, 'trees'>): Commitment =>
  commitmentFrom(model, commitmentTree(model, run));
