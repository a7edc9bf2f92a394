import { levelsToReveal } from '../../dispute/rules.ts';
import { chunksOf } from '../../merkle/tensor.ts';
import { realNodes } from '../../onnx/index.ts';
import { depthOf, isCheckpoint } from '../../program/blocks.ts';
import { leafCost } from '../../program/cost.ts';
import { MAX_INTERVALS } from '../../program/limits.ts';
import { byteLengthOf, type LoopNode, type Node, type Program, sizeOf } from '../../program/node.ts';

/** Facts about a program, found without running it. */

/** The leaf of a node's worst dispute, by the static rule and this program's depth. */
export interface LeafBound {
  readonly witnessBytes: number;
  /** Gas of the whole transaction that has the chain run it. */
  readonly gas: number;
}

export interface NodeReport {
  readonly node: number;
  readonly kind: Node['kind'];
  readonly label: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Nodes that it reads. */
  readonly reads: readonly number[];
  readonly fold: readonly number[];
  /** `null` unless it is a loop. */
  readonly grain: number | null;
  /** Bytes of its tensor. */
  readonly bytes: number;
  /** Whether the root of a trace commits to its tensor. */
  readonly checkpoint: boolean;
  readonly descriptorBytes: number;
  /** `null` unless it is a loop: a constant or input is settled by its root alone. */
  readonly leaf: LeafBound | null;
  /** Answers that a claimant gives at most in a dispute about it. */
  readonly rounds: number;
}

// EIP-7623: a transaction costs 21,000 and the greater of 40 gas a byte of calldata (none zero), and 16 gas a byte
// with what it executes.
const TRANSACTION_GAS = 21_000;
const FLOOR_BYTE_GAS = 40;
const BYTE_GAS = 16;
/** Hashing and copying the openings, a byte; measured at 3.4k for 256 bytes with 20 siblings. */
const OPENING_BYTE_GAS = 5;
/** The move around the leaf: state, clock, ending the dispute, paying; what is given back for cleared storage is off. */
const MOVE_GAS = 45_000;
/** Calldata of the move besides witness and descriptor: the state, and what the claimant showed last. */
const MOVE_BYTES = 1_000;

function leafBound(loop: LoopNode, descriptorBytes: number, traceDepth: number): LeafBound {
  const { witnessBytes, computeGas } = leafCost(loop, descriptorBytes, traceDepth);
  const calldata = witnessBytes + descriptorBytes + MOVE_BYTES;
  const executed = BYTE_GAS * calldata + computeGas + OPENING_BYTE_GAS * witnessBytes + MOVE_GAS;
  return { witnessBytes, gas: TRANSACTION_GAS + Math.max(FLOOR_BYTE_GAS * calldata, executed) };
}

const revealsOf = (depth: number): number => {
  let reveals = 0;
  for (let left = depth; left > 0; left -= levelsToReveal(left)) reveals++;
  return reveals;
};

/** How often a claimant posts accumulators until an interval is at most a grain. */
function postsOf({ fold, grain }: LoopNode): number {
  let posts = 0;
  for (let steps = sizeOf(fold); steps > grain; steps = Math.max(grain, Math.ceil(steps / MAX_INTERVALS)))
    posts++;
  return posts;
}

/** Answers of the claimant down to the leaf: the trace, the tensor, the chunk, the fold. */
function roundsOf(node: Node, traceDepth: number): number {
  // The first answer commits to the trace, even if that has one node only.
  const trace = Math.max(1, revealsOf(traceDepth));
  if (node.kind !== 'loop') return trace;
  return trace + revealsOf(depthOf(chunksOf(byteLengthOf(node)))) + 1 + postsOf(node);
}

/** @returns a report on each node, except for those that only fill a block up */
export function inspectProgram(
  program: Program,
  descriptors: readonly Uint8Array[],
  labels: readonly string[],
): NodeReport[] {
  const traceDepth = depthOf(program.nodes.length);
  return realNodes(program).map((i) => {
    const node = program.nodes[i] as Node;
    const descriptorBytes = (descriptors[i] as Uint8Array).length;
    const loop = node.kind === 'loop' ? node : undefined;
    return {
      node: i,
      kind: node.kind,
      label: labels[i] ?? '',
      dtype: node.dtype,
      shape: node.shape,
      reads: [...new Set(loop?.operands.map(({ node: read }) => read) ?? [])],
      fold: loop?.fold ?? [],
      grain: loop?.grain ?? null,
      bytes: byteLengthOf(node),
      checkpoint: isCheckpoint(program, i),
      descriptorBytes,
      leaf: loop ? leafBound(loop, descriptorBytes, traceDepth) : null,
      rounds: roundsOf(node, traceDepth),
    };
  });
}
