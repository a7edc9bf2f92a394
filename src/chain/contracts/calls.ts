import type { ContractTransaction } from 'ethers';
import type { Contracts } from './contracts.ts';
import type { Hex } from './types.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord } from './world.ts';

/** Calls of the oracle and the game that are no moves, not sent yet. */

/** Ether that a payment sends along. */
export interface Payment {
  readonly value: bigint;
}

export const claimCall = (
  { oracle }: Contracts,
  { requestId, request }: RequestRecord,
  output: Uint8Array,
  payment: Payment,
): Promise<ContractTransaction> => oracle.claim.populateTransaction(requestId, request, output, payment);

/** @param uri where the tensors can be had */
export const claimByRootCall = (
  { oracle }: Contracts,
  { requestId, request }: RequestRecord,
  outputRoots: readonly Hex[],
  uri: string,
  payment: Payment,
): Promise<ContractTransaction> =>
  oracle.claimByRoot.populateTransaction(requestId, request, [...outputRoots], uri, payment);

export const challengeCall = (
  { oracle }: Contracts,
  { claimId, request, outputs }: ClaimRecord,
  payment: Payment,
): Promise<ContractTransaction> =>
  oracle.challenge.populateTransaction(claimId, request.request, outputs, payment);

/** @param withCallback whether to run the requester's callback in the same transaction, for its fee */
export const finalizeCall = (
  { oracle }: Contracts,
  { claimId, request: { request }, outputs, answer }: ClaimRecord,
  withCallback: boolean,
): Promise<ContractTransaction> =>
  answer.kind === 'bytes'
    ? oracle.finalize.populateTransaction(claimId, request, outputs, answer.bytes, withCallback)
    : oracle.finalizeByRoot.populateTransaction(claimId, request, [...answer.roots], withCallback);

/** Credits a fee that is held. @param claim any claim of the answer's output */
export const payFeeCall = (
  { oracle }: Contracts,
  { request: { requestId, request }, outputs }: ClaimRecord,
): Promise<ContractTransaction> => oracle.payFee.populateTransaction(requestId, request, outputs);

export const timeoutCall = (
  { game }: Contracts,
  { disputeId, dispute, subject }: DisputeRecord,
): Promise<ContractTransaction> => game.timeout.populateTransaction(disputeId, dispute, subject);

export const reclaimCall = (
  { game }: Contracts,
  { disputeId, dispute, subject }: DisputeRecord,
): Promise<ContractTransaction> => game.reclaim.populateTransaction(disputeId, dispute, subject);

export const withdrawCall = ({ oracle }: Contracts): Promise<ContractTransaction> =>
  oracle.withdraw.populateTransaction();
