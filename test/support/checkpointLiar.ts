import type { Move } from '../../src/dispute/move.ts';
import type { Position } from '../../src/dispute/position.ts';
import { concat, MerkleTree, TRACE_TREE } from '../../src/merkle/tree.ts';
import { isCheckpoint } from '../../src/program/blocks.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { withChanges } from './disputes.ts';

/** The trace of somebody who is right about every tensor but takes the nodes in `wrong` for what they are not. */
export function withOtherCheckpoints(honest: Trace, wrong: ReadonlySet<number>): Trace {
  const { program } = honest.model;
  const isMarked = (node: number): boolean => isCheckpoint(program, node) !== wrong.has(node);
  const leaves = program.nodes.map((_, i) => (isMarked(i) ? honest.tensorRoot(i) : TRACE_TREE.padding));
  const tree = new MerkleTree(TRACE_TREE, concat(leaves));
  return withChanges(honest, { root: tree.root, node: (level, index) => tree.node(level, index) });
}

/** The marks of {@link withOtherCheckpoints} for its blocks. */
export function withOtherMarks(
  move: Move | undefined,
  { index }: Position,
  wrong: ReadonlySet<number>,
): Move | undefined {
  if (move?.kind !== 'revealBlock') return move;
  const { length } = move.hashes;
  const marks = [...wrong]
    .filter((node) => Math.floor(node / length) === index)
    .reduce((bits, node) => bits ^ (1 << (node % length)), move.checkpoints);
  return { ...move, checkpoints: marks >>> 0 };
}
