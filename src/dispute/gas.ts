import type { Model } from '../merkle/model.ts';
import { chunksOf } from '../merkle/tensor.ts';
import { countReveals, depthOf } from '../program/blocks.ts';
import { leafCost } from '../program/cost.ts';
import { MAX_INTERVALS } from '../program/limits.ts';
import { byteLengthOf, type LoopNode, type Node, type Program, sizeOf } from '../program/node.ts';

/**
 * The most gas that a dispute about a program may take, found without playing one: for each move an upper bound from the
 * bytes that it carries and the static rule for leaves. test/dispute/gas.test.ts holds it against played disputes.
 */

/** Gas of each side's transactions in the worst dispute, without the challenge that opens it. */
export interface DisputeGas {
  readonly claimant: number;
  readonly challenger: number;
}

/** The leaf of a node's worst dispute, by the static rule and this program's depth. */
export interface LeafBound {
  readonly witnessBytes: number;
  /** Gas of the whole transaction that has the chain run it. */
  readonly gas: number;
}

// EIP-7623: a transaction costs 21,000 and the greater of 40 gas a byte of calldata (none zero), and 16 gas a byte
// with what it executes.
const TRANSACTION_GAS = 21_000;
const FLOOR_BYTE_GAS = 40;
const BYTE_GAS = 16;
/** Hashing and copying the openings, a byte; measured at 3.4k for 256 bytes with 20 siblings. */
const OPENING_BYTE_GAS = 5;
/** The move around the leaf: state, clock, ending the dispute, paying; what is given back for cleared storage is off. */
const LEAF_MOVE_GAS = 45_000;
/** Calldata of a move besides what it opens: the state, and what the claimant showed last. */
const MOVE_BYTES = 1_000;

export function leafBound(loop: LoopNode, descriptorBytes: number, traceDepth: number): LeafBound {
  const { witnessBytes, computeGas } = leafCost(loop, descriptorBytes, traceDepth);
  const calldata = witnessBytes + descriptorBytes + MOVE_BYTES;
  const executed = BYTE_GAS * calldata + computeGas + OPENING_BYTE_GAS * witnessBytes + LEAF_MOVE_GAS;
  return { witnessBytes, gas: TRANSACTION_GAS + Math.max(FLOOR_BYTE_GAS * calldata, executed) };
}

/** Number of times that a claimant posts accumulators until an interval is at most a grain. */
function postsOf({ fold, grain }: LoopNode): number {
  let posts = 0;
  for (let steps = sizeOf(fold); steps > grain; steps = Math.max(grain, Math.ceil(steps / MAX_INTERVALS)))
    posts++;
  return posts;
}

/** The first answer commits to the trace, even if that has one node only. */
const traceAnswers = (traceDepth: number): number => Math.max(1, countReveals(traceDepth));

const tensorReveals = (node: Node): number => countReveals(depthOf(chunksOf(byteLengthOf(node))));

/** Answers of the claimant down to the leaf: the trace, the tensor, the chunk, the fold. */
export function claimantMovesOf(node: Node, traceDepth: number): number {
  const trace = traceAnswers(traceDepth);
  return node.kind === 'loop' ? trace + tensorReveals(node) + 1 + postsOf(node) : trace;
}

/** Gas of the moves, of which test/snapshots/gas.json has the measured; each holds for the longest hashes and proofs. */
const MOVE_GAS = {
  /** Commits to a trace, besides what grows with outputs. */
  firstAnswer: 110_000,
  /** Shows up to 32 hashes. */
  reveal: 80_000,
  /** Shows a chunk, or accumulators. */
  show: 45_000,
  /** Picks, demands or names. */
  pick: 45_000,
  /** Opens a node, besides its descriptor and proof. */
  openNode: 60_000,
  /** Compares a constant, an input or a checkpoint with what was committed to, besides what it opens. */
  proveRoot: 110_000,
  /** Ends a dispute by the clock, or takes a bond back. */
  end: 65_000,
} as const;
/** A byte that a move opens: the floor, and a little for what goes with it. */
const OPENED_BYTE_GAS = 44;
const HASH_BYTES = 32;

const opened = (bytes: number): number => Math.ceil(OPENED_BYTE_GAS * bytes);

/** Upper bound for every program, from the static limits: see contracts/README.md, Least bonds. */
export const MOST_DISPUTE_GAS: DisputeGas = { claimant: 1_400_000, challenger: 3_000_000 };

function nodeGas(node: Node, descriptorBytes: number, traceDepth: number): DisputeGas {
  const trace = traceAnswers(traceDepth);
  const opening = opened(descriptorBytes + HASH_BYTES * traceDepth);
  const down = {
    claimant:
      MOVE_GAS.firstAnswer + (trace - 1) * MOVE_GAS.reveal + MOVE_GAS.openNode + opening + MOVE_GAS.end,
    // The last pick in the trace opens the node; one move more may demand it.
    challenger: (trace + 1) * MOVE_GAS.pick + opening + MOVE_GAS.end,
  };
  if (node.kind !== 'loop') return { ...down, challenger: down.challenger + MOVE_GAS.proveRoot };
  const [reveals, posts] = [tensorReveals(node), postsOf(node)];
  return {
    claimant: down.claimant + reveals * MOVE_GAS.reveal + (1 + posts) * MOVE_GAS.show,
    challenger:
      down.challenger +
      (reveals + posts) * MOVE_GAS.pick +
      Math.max(MOVE_GAS.proveRoot, leafBound(node, descriptorBytes, traceDepth).gas),
  };
}

const known = new WeakMap<Program, DisputeGas>();

/** The most gas of a dispute about any node of a model. */
export function disputeGas({ program, descriptors, inputs, outputs, answers }: Model): DisputeGas {
  const before = known.get(program);
  if (before) return before;
  const traceDepth = depthOf(program.nodes.length);
  const most = { claimant: 0, challenger: 0 };
  program.nodes.forEach((node, i) => {
    const gas = nodeGas(node, descriptors[i]!.length, traceDepth);
    most.claimant = Math.max(most.claimant, gas.claimant);
    most.challenger = Math.max(most.challenger, gas.challenger);
  });
  // A first answer has each output with its proof; comparing an input takes the roots of all.
  const proofs = opened(HASH_BYTES * outputs.length * (1 + traceDepth));
  const roots = opened(HASH_BYTES * Math.max(inputs.length, answers.length));
  const gas = {
    claimant: Math.min(most.claimant + proofs, MOST_DISPUTE_GAS.claimant),
    challenger: Math.min(most.challenger + roots, MOST_DISPUTE_GAS.challenger),
  };
  known.set(program, gas);
  return gas;
}
