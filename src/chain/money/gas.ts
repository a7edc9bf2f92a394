/**
 * Gas that a service plans with: upper bounds over what test/snapshots/gas.json measures, for the worst course.
 */

/** A claimant's answers in one dispute: a demanded node of 220,610 gas and the dearest walk of some 410,000, and the end. */
export const CLAIMANT_DISPUTE_GAS = 1_000_000n;

/** A challenger's moves: the dearest walk and the dearest leaf that a program may have, some 1.6 M, and the end. */
export const CHALLENGER_DISPUTE_GAS = 2_200_000n;

const CHALLENGE_GAS = 100_000n;
/** Gas of a challenge, from the opening to the end. */
export const WHOLE_CHALLENGE_GAS = CHALLENGE_GAS + CHALLENGER_DISPUTE_GAS;

const CLAIM_GAS = 140_000n;
const FINALIZE_GAS = 130_000n;
/** A byte of calldata costs at most this (EIP-7623), and is hashed. */
const BYTE_GAS = 48n;
/** Answers up to this long are stored; a word of storage costs 22,100. */
const STORED_BYTES = 1024n;
const WORD_GAS = 22_100n;
/** Gas that a callback takes besides its own: its set-up, status and event, and what EIP-150 keeps back. */
const CALLBACK_OVERHEAD_GAS = 30_000n;

/** Gas of claiming an answer, at most. @param outputBytes of the answer as it travels */
export const claimGas = (outputBytes: number): bigint => CLAIM_GAS + BYTE_GAS * BigInt(outputBytes);

/** Gas of making a claim final, at most, without its callback. */
export function finalizeGas(outputBytes: number): bigint {
  const bytes = BigInt(outputBytes);
  const stored = bytes <= STORED_BYTES ? WORD_GAS * ((bytes + 31n) / 32n + 1n) : 0n;
  return FINALIZE_GAS + BYTE_GAS * bytes + stored;
}

/** Gas of a callback, at most. @param callbackGas as it was ordered */
export const callbackCost = (callbackGas: bigint): bigint =>
  (callbackGas * 64n) / 63n + CALLBACK_OVERHEAD_GAS;
