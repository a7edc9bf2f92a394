import { encodeNode } from '../../program/codec.ts';
import { leafCost } from '../../program/cost.ts';
import { LIMITS, MAX_INTERVALS } from '../../program/limits.ts';
import { ELEMENT_BYTES, type LoopNode, sizeOf } from '../../program/node.ts';

/**
 * Chooses how many fold steps one leaf check executes: the fewest gas for the worst dispute, counting the rounds
 * that bring an interval down to a grain and the leaf's openings and arithmetic.
 */

/** Gas of one round inside an element: the claimant posts accumulators, the challenger picks. */
const ROUND_GAS = 75_000;
/** Gas of the proof's transaction besides the leaf: its base, the dispute's state, the settlement. */
const PROOF_GAS = 90_000;
/** Gas of one byte of calldata without zero bytes: along with execution, and the floor (EIP-7623). */
const BYTE_GAS = 16;
const FLOOR_BYTE_GAS = 40;
/** Gas of hashing one byte of an opening. */
const HASH_BYTE_GAS = 2;
/**
 * Arithmetic takes less than its bound, in sums of products 2,300 gas a step of at most 3,900. The bound is taken all the
 * same, except in tensors above 32 MiB, whose disputes are the longest of their models: there a round is not worth a bound.
 */
const USUAL_SHARE = 0.6;
const LONG_DISPUTE_BYTES = 2 ** 25;
/** Levels of the trace's tree in a model of usual size; only the static rule needs to take more. */
const TRACE_DEPTH = 8;

export interface Grained {
  readonly node: LoopNode;
  /** Gas of its worst dispute, from the element on. */
  readonly gas: number;
}

/** @returns the node with the grain that makes its worst dispute cheapest within the limits of a leaf */
export function withGrain(node: LoopNode): Grained {
  const descriptorBytes = encodeNode(node).length;
  const steps = Math.max(1, sizeOf(node.fold));
  const isLong = sizeOf(node.shape) * ELEMENT_BYTES[node.dtype] > LONG_DISPUTE_BYTES;
  let best = { grain: 1, gas: Number.POSITIVE_INFINITY };
  for (let rounds = 0, before = Number.POSITIVE_INFINITY; before > 1; rounds++) {
    // The least grain that this many rounds of at most 32 intervals reach.
    const grain = Math.ceil(steps / MAX_INTERVALS ** rounds);
    const made = { ...node, grain };
    const bound = leafCost(made, descriptorBytes);
    const usual = leafCost(made, descriptorBytes, TRACE_DEPTH);
    const bytes = descriptorBytes + usual.witnessBytes;
    const computeGas = isLong ? USUAL_SHARE * usual.computeGas : usual.computeGas;
    const execution = PROOF_GAS + computeGas + HASH_BYTE_GAS * usual.witnessBytes;
    const gas = rounds * ROUND_GAS + Math.max(execution + BYTE_GAS * bytes, FLOOR_BYTE_GAS * bytes);
    const fits =
      bound.witnessBytes <= LIMITS.MAX_LEAF_WITNESS_BYTES && bound.computeGas <= LIMITS.MAX_LEAF_COMPUTE_GAS;
    if (fits && gas < best.gas) best = { grain, gas };
    before = grain;
  }
  return { node: { ...node, grain: best.grain }, gas: best.gas };
}
