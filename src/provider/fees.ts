import { payFeeCall } from '../chain/contracts/calls.ts';
import type { Contracts } from '../chain/contracts/contracts.ts';
import type { ClaimRecord } from '../chain/contracts/world.ts';
import type { Arranged } from '../chain/service/arrange.ts';
import type { Due } from '../chain/transactions/due.ts';

/**
 * Collects fees that are held: an answer's first claimant earns the fee, and another may have claimed the same before. Once
 * all those claims were falsified, the fee is due to this account's.
 *
 * @returns a function that says what is due to an account in the world as it is
 */
export function feeCollector(contracts: Contracts) {
  /** Final claims whose fee was paid, or is another's, so that each is asked about once. */
  const settled = new Set<string>();

  const isEarned = (made: ClaimRecord, me: string, { claimsOn }: Arranged): boolean => {
    if (made.claimant !== me || made.status !== 'final' || made.request.status !== 'answered') return false;
    const before = claimsOn(made.request).filter(
      ({ claimId, outputs }) => claimId < made.claimId && outputs === made.outputs,
    );
    return before.length > 0 && before.every(({ status }) => status === 'falsified');
  };

  return async (me: string, arranged: Arranged): Promise<Due[]> => {
    const dues: Due[] = [];
    const held = [...arranged.world.cases.values()].filter(({ request }) => request.feeHeld);
    for (const made of held.flatMap(({ claims }) => [...claims.values()])) {
      const key = `fee/${made.claimId}/${made.outputs}`;
      if (settled.has(key) || !isEarned(made, me, arranged)) continue;
      const { requestId, request } = made.request;
      const { feeHeld, answer } = await contracts.oracle.progress(requestId);
      const answering = arranged.world.claim((requestId << 32n) | answer);
      if (!feeHeld || answering?.outputs !== made.outputs) {
        settled.add(key);
        continue;
      }
      dues.push({
        key,
        what: `collecting the fee of request ${requestId}`,
        deadline: undefined,
        stakeWei: request.feeWei,
        populate: () => payFeeCall(contracts, made),
        mined: () => undefined,
      });
    }
    return dues;
  };
}
