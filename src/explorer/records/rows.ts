import { type Address, claimNumber, requestOf, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import {
  type ClaimRecord,
  type DisputeRecord,
  type RequestRecord,
  windowEnd,
} from '../../chain/contracts/world.ts';
import { decodeClock, lastTimestamp } from '../../dispute/clock.ts';
import { explainOutcome } from '../../dispute/explain.ts';
import { MOVERS, type Phase } from '../../dispute/position.ts';
import {
  type ClaimJson,
  type DisputeJson,
  type EndJson,
  MOST_ROOTS,
  type RequestJson,
  type Side,
  type TurnJson,
} from '../api.ts';

/** Records of the index as JSON. */

const optional = (address: Address): string | null => (address === ZERO_ADDRESS ? null : address);

/** Counts that a request has beside what its own record says. */
export type RequestCounts = Pick<RequestJson, 'claims' | 'falsified' | 'disputes' | 'openDisputes'>;

export function requestRow(
  { requestId, request, input, status, callback, feeHeld }: RequestRecord,
  counts: RequestCounts,
): RequestJson {
  const { terms } = request;
  return {
    id: `${requestId}`,
    model: request.modelId,
    requester: request.requester,
    feeWei: `${request.feeWei}`,
    requestedAt: Number(request.requestedAt),
    ...{ status, callback, feeHeld },
    inputs: request.inputs,
    inputUri: input.kind === 'roots' ? input.uri : null,
    inputRoots: input.kind === 'roots' ? input.roots.slice(0, MOST_ROOTS) : null,
    terms: {
      claimBondWei: `${terms.claimBondWei}`,
      challengeBondWei: `${terms.challengeBondWei}`,
      windowSeconds: Number(terms.windowSeconds),
      clockSeconds: Number(terms.clockSeconds),
      patienceSeconds: Number(terms.patienceSeconds),
      callbackGas: Number(terms.callbackGas),
      callbackFeeWei: `${terms.callbackFeeWei}`,
      answerByRoot: terms.answerByRoot,
      provider: optional(terms.provider),
      verifier: optional(terms.verifier),
    },
    ...counts,
  };
}

export function claimRow(claim: ClaimRecord): ClaimJson {
  const { claimId, claimant, claimedAt, status, outputs, answer, traceRoot, request } = claim;
  return {
    id: `${claimId}`,
    request: `${requestOf(claimId)}`,
    number: claimNumber(claimId),
    claimant,
    claimedAt: Number(claimedAt),
    windowEnd: Number(windowEnd(claim)),
    status,
    bondWei: `${request.request.terms.claimBondWei}`,
    outputs,
    answerUri: answer.kind === 'roots' ? answer.uri : null,
    traceRoot: traceRoot ?? null,
  };
}

/** Phases in which the position names the node that is disputed. */
const WITH_NODE: readonly Phase[] = ['TensorReveal', 'TensorPick', 'Chunk', 'Element', 'Fold', 'Interval'];

function turnOf({ dispute, view, claim }: DisputeRecord): TurnJson {
  const { phase } = view.position;
  const clock = decodeClock(dispute.clock);
  const mover: Side = phase === 'None' ? 'claimant' : MOVERS[phase];
  return {
    mover,
    deadline: lastTimestamp(clock, mover),
    claimantSecondsLeft: clock.claimantSecondsLeft,
    challengerSecondsLeft: clock.challengerSecondsLeft,
    isOvertaken: claim.status === 'falsified',
  };
}

function endOf({ ended, challenger }: DisputeRecord): EndJson | null {
  if (!ended) return null;
  const winner: Side = ended.winner === challenger ? 'challenger' : 'claimant';
  const isOvertaken = ended.reason === 'ClaimAlreadyFalsified';
  return { winner, reason: ended.reason, isOvertaken, sentence: explainOutcome(winner, ended.reason) };
}

export function disputeRow(record: DisputeRecord): DisputeJson {
  const { disputeId, claim, challenger, view, moves } = record;
  const { phase, nodeIndex } = view.position;
  const { modelId, terms } = claim.request.request;
  return {
    id: `${disputeId}`,
    claim: `${claim.claimId}`,
    request: `${claim.request.requestId}`,
    model: modelId,
    claimant: claim.claimant,
    challenger,
    claimBondWei: `${terms.claimBondWei}`,
    challengeBondWei: `${terms.challengeBondWei}`,
    phase,
    node: WITH_NODE.includes(phase) ? nodeIndex : null,
    turn: record.ended ? null : turnOf(record),
    ended: endOf(record),
    moves: moves.length,
  };
}
