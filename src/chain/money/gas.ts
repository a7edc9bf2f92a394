import { type DisputeGas, disputeGas, MOST_DISPUTE_GAS } from '../../dispute/gas.ts';
import type { Role } from '../../dispute/move.ts';
import type { Model } from '../../merkle/model.ts';

/**
 * Gas that a service plans with: upper bounds over what test/snapshots/gas.json measures, for the worst course.
 */

/** A side's transactions in one dispute. @param model undefined if it is not held, or malformed */
export const sideGas = (model: Model | undefined, role: Role): bigint => {
  const gas: DisputeGas = model ? disputeGas(model) : MOST_DISPUTE_GAS;
  return BigInt(gas[role]);
};

const CHALLENGE_GAS = 100_000n;
/** Gas of a challenge, from the opening to the end. */
export const challengeGas = (model: Model | undefined): bigint =>
  CHALLENGE_GAS + sideGas(model, 'challenger');

const CLAIM_GAS = 140_000n;
const FINALIZE_GAS = 130_000n;
/** A byte of calldata costs at most this (EIP-7623), and is hashed. */
const BYTE_GAS = 48n;
/** Answers up to this long are kept, in one word of storage or, from 32 bytes on, as code. */
const KEPT_BYTES = 1024n;
const WORD_GAS = 22_100n;
/** Creating a contract, and a byte of its code (EVM), with what it takes to prepare it. */
const CREATE_GAS = 34_000n;
const CODE_BYTE_GAS = 202n;
/** Gas that a callback takes besides its own: its set-up, status and event, and what EIP-150 keeps back. */
const CALLBACK_OVERHEAD_GAS = 30_000n;

/** Gas of claiming an answer, at most. @param outputBytes of the answer as it travels */
export const claimGas = (outputBytes: number): bigint => CLAIM_GAS + BYTE_GAS * BigInt(outputBytes);

/** Gas of making a claim final, at most, without its callback. */
export function finalizeGas(outputBytes: number): bigint {
  const bytes = BigInt(outputBytes);
  const asCode = bytes > 31n ? CREATE_GAS + CODE_BYTE_GAS * bytes : 0n;
  const kept = bytes <= KEPT_BYTES ? WORD_GAS + asCode : 0n;
  return FINALIZE_GAS + BYTE_GAS * bytes + kept;
}

/** Gas of a callback, at most. @param callbackGas as it was ordered */
export const callbackCost = (callbackGas: bigint): bigint =>
  (callbackGas * 64n) / 63n + CALLBACK_OVERHEAD_GAS;
