import type { Contracts } from '../../../chain/contracts/contracts.ts';
import { ZERO_ADDRESS } from '../../../chain/contracts/types.ts';
import type { ClaimRecord, RequestRecord } from '../../../chain/contracts/world.ts';
import type { ClaimJson, RequestJson } from '../../api.ts';
import { requestHash } from '../check/chain.ts';

/** Records of the index, made of what it said and checked against the chain. */

/** @throws Error if the chain has another request under this id */
export async function confirmRequest({ oracle }: Contracts, json: RequestJson): Promise<RequestRecord> {
  // RULE: amounts that are shown before something is signed are those that the chain knows.
  if ((await oracle.requestHash(json.id)) !== requestHash(json))
    throw new Error('the index tells of another request than the chain has');
  const { terms } = json;
  return {
    requestId: BigInt(json.id),
    request: {
      requester: json.requester,
      feeWei: BigInt(json.feeWei),
      modelId: json.model,
      inputs: json.inputs,
      requestedAt: BigInt(json.requestedAt),
      terms: {
        claimBondWei: BigInt(terms.claimBondWei),
        challengeBondWei: BigInt(terms.challengeBondWei),
        windowSeconds: BigInt(terms.windowSeconds),
        clockSeconds: BigInt(terms.clockSeconds),
        patienceSeconds: BigInt(terms.patienceSeconds),
        callbackGas: BigInt(terms.callbackGas),
        callbackFeeWei: BigInt(terms.callbackFeeWei),
        answerByRoot: terms.answerByRoot,
        provider: terms.provider ?? ZERO_ADDRESS,
        verifier: terms.verifier ?? ZERO_ADDRESS,
      },
    },
    input: { kind: 'roots', roots: [], uri: '' },
    status: json.status,
    callback: json.callback,
    feeHeld: json.feeHeld,
  };
}

/** A claim as far as a challenge names it. @throws Error as {@link confirmRequest} does */
export async function confirmClaim(
  contracts: Contracts,
  request: RequestJson,
  claim: ClaimJson,
): Promise<ClaimRecord> {
  return {
    claimId: BigInt(claim.id),
    claimant: claim.claimant,
    outputs: claim.outputs,
    answer: { kind: 'roots', roots: [], uri: '' },
    claimedAt: BigInt(claim.claimedAt),
    request: await confirmRequest(contracts, request),
    status: claim.status,
    traceRoot: claim.traceRoot ?? undefined,
  };
}
