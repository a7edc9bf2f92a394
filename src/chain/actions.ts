import type { Signer, TransactionReceipt } from 'ethers';
import { type Contracts, DeploymentError } from './contracts.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord } from './history.ts';
import { submit } from './submit.ts';
import type { Hex } from './types.ts';

/**
 * What an account does besides moving in a dispute, one transaction each.
 * All of these throw Refused, with a sentence, if the chain would not take the transaction.
 */

/** @throws DeploymentError if the contracts were opened for reading only */
export function signerOf({ signer }: Contracts): Signer {
  if (!signer)
    throw new DeploymentError('sending takes an account; these contracts were opened for reading only');
  return signer;
}

/** Claims an answer under the bond that the request names. */
export function claim(
  contracts: Contracts,
  { requestId, request }: RequestRecord,
  output: Uint8Array,
): Promise<TransactionReceipt> {
  const value = request.terms.claimBondWei;
  return submit(
    signerOf(contracts),
    contracts.oracle.claim.populateTransaction(requestId, request, output, { value }),
    `claiming on request ${requestId}`,
  );
}

/** Opens a dispute on a claim under the bond that the request names. */
export function challenge(
  contracts: Contracts,
  { claimId, request, outputs }: ClaimRecord,
): Promise<TransactionReceipt> {
  const value = request.request.terms.challengeBondWei;
  return submit(
    signerOf(contracts),
    contracts.oracle.challenge.populateTransaction(claimId, request.request, outputs, { value }),
    `challenging claim ${claimId}`,
  );
}

/** Makes a claim final after its window. */
export function finalize(
  contracts: Contracts,
  { claimId, request, output }: ClaimRecord,
): Promise<TransactionReceipt> {
  return submit(
    signerOf(contracts),
    contracts.oracle.finalize.populateTransaction(claimId, request.request, output),
    `finalizing claim ${claimId}`,
  );
}

/** Ends a dispute whose mover let its clock run out. */
export function timeout(
  contracts: Contracts,
  { disputeId, dispute, subject }: DisputeRecord,
): Promise<TransactionReceipt> {
  return submit(
    signerOf(contracts),
    contracts.game.timeout.populateTransaction(disputeId, dispute, subject),
    `ending dispute ${disputeId} by the clock`,
  );
}

/** Gets the bond back from a dispute that another one overtook. */
export function reclaim(
  contracts: Contracts,
  { disputeId, dispute, subject }: DisputeRecord,
): Promise<TransactionReceipt> {
  return submit(
    signerOf(contracts),
    contracts.game.reclaim.populateTransaction(disputeId, dispute, subject),
    `reclaiming the bond of dispute ${disputeId}`,
  );
}

/** Takes out everything that the oracle owes to the account. */
export function withdraw(contracts: Contracts): Promise<TransactionReceipt> {
  return submit(signerOf(contracts), contracts.oracle.withdraw.populateTransaction(), 'withdrawing');
}

/** Commitment to an output, as the registry computes it. */
export function commitOutput(contracts: Contracts, modelId: Hex, output: Uint8Array): Promise<Hex> {
  return contracts.registry.commitOutput(modelId, output);
}
