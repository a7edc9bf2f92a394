import type { Reason } from '../../dispute/rules.ts';
import type { DisputeView } from '../../dispute/view.ts';
import type { Address, Dispute, Hex, Request } from './types.ts';

/**
 * Records of what happened on one deployment. All of them are snapshots: an event makes a new record, so what one look
 * at the chain has handed out never changes.
 */

/** Tensors as somebody gave them on chain: their bytes, one after the other, or their roots and where bytes may be. */
export type Tensors =
  /** The bytes may be read from disk when they are asked for. */
  | { readonly kind: 'bytes'; readonly bytes: Hex }
  | { readonly kind: 'roots'; readonly roots: readonly Hex[]; readonly uri: string };

export interface RequestRecord {
  readonly requestId: bigint;
  readonly request: Request;
  readonly input: Tensors;
  /** Closed: it takes no claims any more, but is not decided. */
  readonly status: 'open' | 'closed' | 'answered' | 'cancelled';
  /** Whether the callback ran: not yet, without success, or with it. */
  readonly callback: 'notRun' | 'failed' | 'done';
  /** Whether it is answered and its fee not paid yet, because an earlier claim may have earned it. */
  readonly feeHeld: boolean;
}

export interface ClaimRecord {
  readonly claimId: bigint;
  readonly claimant: Address;
  /** Commitment to the output. */
  readonly outputs: Hex;
  readonly answer: Tensors;
  /** Unix seconds. */
  readonly claimedAt: bigint;
  readonly request: RequestRecord;
  readonly status: 'open' | 'final' | 'falsified';
  /** Root of the claimant's trace, once it is fixed. */
  readonly traceRoot: Hex | undefined;
}

export interface DisputeRecord {
  readonly disputeId: bigint;
  readonly claim: ClaimRecord;
  readonly challenger: Address;
  readonly dispute: Dispute;
  /** The hash that the next move argues about. */
  readonly subject: Hex;
  /** The state of the dispute that both sides see. */
  readonly view: DisputeView;
  /** Transactions that moved it, oldest first. */
  readonly moves: readonly Hex[];
  readonly ended: { readonly winner: Address; readonly reason: Reason } | undefined;
}

/** A request, the claims on it and the disputes about those. */
export interface Case {
  readonly request: RequestRecord;
  readonly claims: ReadonlyMap<bigint, ClaimRecord>;
  readonly disputes: ReadonlyMap<bigint, DisputeRecord>;
}

export interface Block {
  readonly number: number;
  readonly hash: Hex;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

/** One deployment as of one block: what is still open, and what ended a short while ago. */
export interface World {
  readonly block: Block;
  /** Requests that are not decided, hold their fee, or have an open claim or dispute. */
  readonly requests: ReadonlyMap<bigint, RequestRecord>;
  /** Open claims. */
  readonly claims: ReadonlyMap<bigint, ClaimRecord>;
  /** Disputes that have not ended; the claim of one may be falsified by another. */
  readonly disputes: ReadonlyMap<bigint, DisputeRecord>;
  /** Everything of the above and what ended a short while ago, by the request's id. */
  readonly cases: ReadonlyMap<bigint, Case>;
  request(requestId: bigint): RequestRecord | undefined;
  claim(claimId: bigint): ClaimRecord | undefined;
  dispute(disputeId: bigint): DisputeRecord | undefined;
  /** All claims on a request, oldest first, whatever became of them. */
  claimsOn(requestId: bigint): readonly ClaimRecord[];
  /** All disputes about a claim, oldest first, whatever became of them. */
  disputesOn(claimId: bigint): readonly DisputeRecord[];
}

/** The last second in which a request cannot be cancelled, Unix seconds. */
export const patienceEnd = ({ requestedAt, terms }: Request): bigint => requestedAt + terms.patienceSeconds;

/** The last second in which a claim can be challenged, Unix seconds. */
export const windowEnd = ({ claimedAt, request }: Pick<ClaimRecord, 'claimedAt' | 'request'>): bigint =>
  claimedAt + request.request.terms.windowSeconds;

/** Names a claim and everything that its verdict depends on; a reorganisation may put another one in its place. */
export const verdictKey = ({ claimId, outputs, request: { request } }: ClaimRecord): string =>
  `${claimId}/${outputs}/${request.inputs}/${request.modelId}`;

/** Whether a claim of a case, a dispute of it, or the request itself can still change anybody's money. */
export const isOver = ({ request, claims, disputes }: Case): boolean =>
  (request.status === 'answered' || request.status === 'cancelled') &&
  !request.feeHeld &&
  ![...claims.values()].some(({ status }) => status === 'open') &&
  ![...disputes.values()].some(({ ended }) => !ended);
