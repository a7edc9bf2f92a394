import type { TransactionReceipt } from 'ethers';
import type { Move } from '../../dispute/move.ts';
import {
  challengeCall,
  claimByRootCall,
  claimCall,
  finalizeCall,
  reclaimCall,
  timeoutCall,
  withdrawCall,
} from '../contracts/calls.ts';
import { type Contracts, signerOf } from '../contracts/contracts.ts';
import { populateMove } from '../contracts/move.ts';
import type { Hex } from '../contracts/types.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord } from '../contracts/world.ts';
import { pay } from './payment.ts';
import { submit } from './submit.ts';

/**
 * The transactions of an account, one function each.
 * All of these throw Refused, with a sentence, if the chain would not take the transaction.
 */

/** Claims an answer under the bond that the request names. */
export function claim(
  contracts: Contracts,
  request: RequestRecord,
  output: Uint8Array,
): Promise<TransactionReceipt> {
  const transaction = async () => {
    const payment = await pay(contracts, request.request.terms.claimBondWei);
    return claimCall(contracts, request, output, payment);
  };
  return submit(signerOf(contracts), transaction(), `claiming on request ${request.requestId}`);
}

/**
 * Claims an answer by the roots of its tensors, for requests that want it so.
 *
 * @param uri where the tensors can be had
 */
export function claimByRoot(
  contracts: Contracts,
  request: RequestRecord,
  outputRoots: readonly Hex[],
  uri: string,
): Promise<TransactionReceipt> {
  const transaction = async () => {
    const payment = await pay(contracts, request.request.terms.claimBondWei);
    return claimByRootCall(contracts, request, outputRoots, uri, payment);
  };
  return submit(signerOf(contracts), transaction(), `claiming on request ${request.requestId}`);
}

/** Opens a dispute on a claim under the bond that the request names. */
export function challenge(contracts: Contracts, claim: ClaimRecord): Promise<TransactionReceipt> {
  const transaction = async () => {
    const payment = await pay(contracts, claim.request.request.terms.challengeBondWei);
    return challengeCall(contracts, claim, payment);
  };
  return submit(signerOf(contracts), transaction(), `challenging claim ${claim.claimId}`);
}

/**
 * Makes a claim final after its window.
 *
 * @param withCallback whether to run the requester's callback in the same transaction, for its fee
 */
export const finalize = (
  contracts: Contracts,
  claim: ClaimRecord,
  withCallback: boolean,
): Promise<TransactionReceipt> =>
  submit(
    signerOf(contracts),
    finalizeCall(contracts, claim, withCallback),
    `finalizing claim ${claim.claimId}`,
  );

/**
 * Makes a claim final at once, with a proof for the verifier that its request names.
 *
 * @param proof in the verifier's own encoding
 */
export function finalizeProven(
  contracts: Contracts,
  { claimId, request: { request }, outputs, answer }: ClaimRecord,
  proof: Hex,
  withCallback: boolean,
): Promise<TransactionReceipt> {
  const { oracle } = contracts;
  const transaction =
    answer.kind === 'bytes'
      ? oracle.finalizeProven.populateTransaction(
          claimId,
          request,
          outputs,
          answer.bytes,
          proof,
          withCallback,
        )
      : oracle.finalizeProvenByRoot.populateTransaction(
          claimId,
          request,
          [...answer.roots],
          proof,
          withCallback,
        );
  return submit(signerOf(contracts), transaction, `finalizing claim ${claimId} with a proof`);
}

/** Runs the callback of an answered request, the first time for its fee. @param claim the claim that answered it */
export function runCallback(
  contracts: Contracts,
  { request: { requestId, request }, answer }: ClaimRecord,
): Promise<TransactionReceipt> {
  const { oracle } = contracts;
  const transaction =
    answer.kind === 'bytes'
      ? oracle.runCallback.populateTransaction(requestId, request, answer.bytes)
      : oracle.runCallbackByRoot.populateTransaction(requestId, request, [...answer.roots]);
  const what = `running the callback of request ${requestId}`;
  return submit(signerOf(contracts), transaction, what);
}

/**
 * Takes back a request that nobody has answered, for its fees. While claims on it are open, it only closes to further ones.
 */
export const cancel = (
  contracts: Contracts,
  { requestId, request }: RequestRecord,
): Promise<TransactionReceipt> =>
  submit(
    signerOf(contracts),
    contracts.oracle.cancel.populateTransaction(requestId, request),
    `cancelling request ${requestId}`,
  );

/** Sends a move. It names the state that it answers, so it reverts if the dispute has moved on in the meantime. */
export function sendMove(
  contracts: Contracts,
  record: DisputeRecord,
  move: Move,
): Promise<TransactionReceipt> {
  const what = `moving (${move.kind}) in dispute ${record.disputeId}`;
  return submit(signerOf(contracts), populateMove(contracts, record, move), what);
}

/** Ends a dispute whose mover let its clock run out. */
export const timeout = (contracts: Contracts, dispute: DisputeRecord): Promise<TransactionReceipt> =>
  submit(
    signerOf(contracts),
    timeoutCall(contracts, dispute),
    `ending dispute ${dispute.disputeId} by the clock`,
  );

/** Gets the bond back from a dispute that another one overtook. */
export const reclaim = (contracts: Contracts, dispute: DisputeRecord): Promise<TransactionReceipt> =>
  submit(
    signerOf(contracts),
    reclaimCall(contracts, dispute),
    `reclaiming the bond of dispute ${dispute.disputeId}`,
  );

/** Takes out everything that the oracle owes to the account. */
export const withdraw = (contracts: Contracts): Promise<TransactionReceipt> =>
  submit(signerOf(contracts), withdrawCall(contracts), 'withdrawing');

/** Commitment to an output, as the registry computes it. */
export function commitOutput(contracts: Contracts, modelId: Hex, output: Uint8Array): Promise<Hex> {
  return contracts.registry.commitOutput(modelId, output);
}
