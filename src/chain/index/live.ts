import { requestOf } from '../contracts/types.ts';
import type { Block, Case, ClaimRecord, DisputeRecord, RequestRecord, World } from '../contracts/world.ts';
import { isOver } from '../contracts/world.ts';

const NONE: readonly never[] = [];

/** The cases that are kept in memory, and what is open among them. Each look hands the same maps out again. */
export class LiveCases {
  readonly #cases = new Map<bigint, Case>();
  readonly #requests = new Map<bigint, RequestRecord>();
  readonly #claims = new Map<bigint, ClaimRecord>();
  readonly #disputes = new Map<bigint, DisputeRecord>();
  /** The request of each dispute of a kept case. */
  readonly #requestOfDispute = new Map<bigint, bigint>();

  get cases(): ReadonlyMap<bigint, Case> {
    return this.#cases;
  }

  /** Puts a case in the place of the one that was kept for its request, if any. */
  set(requestId: bigint, next: Case | undefined): void {
    // Entries that stay keep their place, so that the maps stay in the order of first sight.
    this.#removeAllBut(requestId, next);
    if (!next) return;
    this.#cases.set(requestId, next);
    if (!isOver(next)) this.#requests.set(requestId, next.request);
    for (const claim of next.claims.values())
      if (claim.status === 'open') this.#claims.set(claim.claimId, claim);
    for (const dispute of next.disputes.values()) {
      this.#requestOfDispute.set(dispute.disputeId, requestId);
      if (!dispute.ended) this.#disputes.set(dispute.disputeId, dispute);
    }
  }

  #removeAllBut(requestId: bigint, next: Case | undefined): void {
    const known = this.#cases.get(requestId);
    if (!known) return;
    if (!next) this.#cases.delete(requestId);
    if (!next || isOver(next)) this.#requests.delete(requestId);
    for (const claimId of known.claims.keys()) {
      if (next?.claims.get(claimId)?.status !== 'open') this.#claims.delete(claimId);
    }
    for (const disputeId of known.disputes.keys()) {
      const one = next?.disputes.get(disputeId);
      if (!one || one.ended) this.#disputes.delete(disputeId);
      if (!one) this.#requestOfDispute.delete(disputeId);
    }
  }

  at(block: Block): World {
    const caseOfClaim = (claimId: bigint): Case | undefined => this.#cases.get(requestOf(claimId));
    return {
      block,
      requests: this.#requests,
      claims: this.#claims,
      disputes: this.#disputes,
      cases: this.#cases,
      request: (requestId) => this.#cases.get(requestId)?.request,
      claim: (claimId) => caseOfClaim(claimId)?.claims.get(claimId),
      dispute: (disputeId) => {
        const requestId = this.#requestOfDispute.get(disputeId);
        return requestId === undefined ? undefined : this.#cases.get(requestId)?.disputes.get(disputeId);
      },
      claimsOn: (requestId) => [...(this.#cases.get(requestId)?.claims.values() ?? NONE)],
      disputesOn: (claimId) =>
        [...(caseOfClaim(claimId)?.disputes.values() ?? NONE)].filter((one) => one.claim.claimId === claimId),
    };
  }
}
