import type { MerkleTree } from '../merkle/tree.ts';
import { TRACE_TREE } from '../merkle/tree.ts';
import { blockLevels, blockOf } from '../program/blocks.ts';
import { LIMITS } from '../program/limits.ts';
import type { Malformation } from '../program/malformation.ts';
import type { Move, NodeProof } from './move.ts';
import { pickFrom } from './pick.ts';
import { levelsToReveal } from './rules.ts';
import { blockRootOf, type DisputeView } from './view.ts';

/** A program that breaks a rule, as a challenger of claims on it holds it. No claim on it is right. */
export interface MalformedProgram {
  /** The nodes as bytes. */
  readonly descriptors: readonly Uint8Array[];
  /** Tree over them. */
  readonly tree: MerkleTree;
  readonly malformation: Malformation;
}

/** Calldata of a proof besides its descriptors: selector, state, request, offsets, and two proofs of 20 siblings. */
const PROOF_BYTES = 4096;

/**
 * The challenger's next move against a claim on a malformed program. It proves the malformed node, whoever's turn it is;
 * one that is too long for a transaction it demands, which nobody can open.
 *
 * @returns undefined if there is nothing to do but wait for the claimant
 */
export function moveAgainstMalformed(view: DisputeView, program: MalformedProgram): Move | undefined {
  const { descriptors, tree, malformation } = program;
  const { node: nodeIndex } = malformation.violation;
  const nodeAt = (i: number): NodeProof => ({ descriptor: descriptors[i]!, siblings: tree.proof(i) });
  const { misfit } = malformation;
  if (misfit) {
    return {
      kind: 'proveMalformedOperand',
      nodeIndex,
      node: nodeAt(nodeIndex),
      operand: misfit.operand,
      operandNode: nodeAt(misfit.node),
    };
  }
  if (descriptors[nodeIndex]!.length + PROOF_BYTES <= LIMITS.MAX_MOVE_BYTES) {
    return { kind: 'proveMalformed', nodeIndex, node: nodeAt(nodeIndex) };
  }
  return moveToDemand(view, nodeIndex);
}

/**
 * The challenger's next move on the way to a node whose descriptor it cannot send.
 *
 * @returns undefined if it is not the challenger's turn on that way, or if a node was demanded already
 */
function moveToDemand(view: DisputeView, nodeIndex: number): Move | undefined {
  const { position, traceReveals } = view;
  const { phase, depthLeft, traceDepth, lo: demanded } = position;
  const block = blockOf(nodeIndex, traceDepth);
  if (phase === 'TracePick') {
    const levels = levelsToReveal(depthLeft);
    const child = Math.floor(block / 2 ** (depthLeft - levels)) % 2 ** levels;
    return { kind: 'pick', picked: pickFrom(TRACE_TREE, traceReveals.at(-1) ?? [], child) };
  }
  if (phase !== 'NodePick' || demanded !== 0) return undefined;
  return {
    kind: 'demandNode',
    blockRoot: blockRootOf(view),
    child: nodeIndex % 2 ** blockLevels(traceDepth),
  };
}
