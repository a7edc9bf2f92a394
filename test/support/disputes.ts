import type { Role } from '../../src/dispute/move.ts';
import { nextMove } from '../../src/dispute/nextMove.ts';
import type { Weights } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { claimedRefs, inputsCommitment, modelOf, outputsCommitment } from '../../src/merkle/model.ts';
import { combine, TRACE_TREE } from '../../src/merkle/tree.ts';
import { blockOf } from '../../src/program/blocks.ts';
import type { Program } from '../../src/program/node.ts';
import { blockRoots } from '../../src/trace/commitment.ts';
import type { Commitments } from '../../src/trace/replay.ts';
import { RunTrace } from '../../src/trace/run.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { GameSimulation } from './gameSimulation.ts';

/** More moves than any dispute on the small programs of the tests can have. */
const MANY_MOVES = 60;

/** The trace of an honest run. */
export async function honestTrace(
  program: Program,
  weights: Weights,
  inputs: readonly Uint8Array[],
): Promise<Trace> {
  const session = await referenceEngine.load(program, weights);
  return new RunTrace(modelOf(program), await session.runAll(inputs));
}

/** A trace that differs from another in what is given. */
export const withChanges = (trace: Trace, changes: Partial<Trace>): Trace => ({
  model: trace.model,
  tensors: trace.tensors,
  depth: trace.depth,
  root: trace.root,
  node: (...args) => trace.node(...args),
  tensorRoot: (...args) => trace.tensorRoot(...args),
  tensorNode: (...args) => trace.tensorNode(...args),
  chunk: (...args) => trace.chunk(...args),
  accumulators: (...args) => trace.accumulators(...args),
  word: (...args) => trace.word(...args),
  witness: (...args) => trace.witness(...args),
  ...changes,
});

/** Roots that a leaf of a node opens its operands against, in this trace. */
export function commitmentsOf(trace: Trace, nodeIndex: number): Commitments {
  const blockRoot = combine(TRACE_TREE, blockRoots(trace, blockOf(nodeIndex, trace.depth)));
  return { traceRoot: trace.root, blockRoot, nodeIndex, traceDepth: trace.depth };
}

/**
 * A dispute on a claim of what `claimed` ends in, for the input that `requested` starts from.
 *
 * @param supplied the trace whose answers are claimed, if the model has any and `claimed` has others
 */
export function openGame(claimed: Trace, requested: Trace, supplied = claimed): GameSimulation {
  const { model } = claimed;
  const roots = (trace: Trace, refs: Trace['model']['outputs']) =>
    refs.map(({ node }) => trace.node(0, node));
  return new GameSimulation(
    model,
    inputsCommitment(roots(requested, model.inputs)),
    outputsCommitment(roots(supplied, claimedRefs(model))),
  );
}

/** Plays until the game ends or the side to move has nothing to say, so that its clock would run out. */
export function play(game: GameSimulation, claimant: Trace, challenger: Trace): Role {
  for (let i = 0; i < MANY_MOVES; i++) {
    const role = game.mover;
    const move = nextMove(game.view, role === 'claimant' ? claimant : challenger, role);
    if (!move) return role === 'claimant' ? 'challenger' : 'claimant';
    game.play(move);
    if (game.outcome) return game.outcome.winner;
  }
  throw new Error(`the dispute has not ended after ${MANY_MOVES} moves`);
}
