import type { Address } from '../chain/contracts/types.ts';
import type { DisputeRecord, World } from '../chain/contracts/world.ts';
import { lossIn } from '../monitor/forecast.ts';
import { sideOf } from './standing.ts';

/** Outcomes of a dispute for this account: `overtaken` is neither won nor lost, its bond comes back. */
export const OUTCOMES = ['won', 'lost', 'overtaken'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A dispute that has ended, and the bonds in it, in the currency's smallest unit. */
export interface Ended {
  readonly outcome: Outcome;
  /** Part of the other side's bond that this account got. */
  readonly wonWei: bigint;
  /** Its own bond, if that is gone. */
  readonly lostWei: bigint;
}

/** Disputes of one account that were open when this program last looked, until they end. */
export class Outcomes {
  readonly #account: Address;
  readonly #open = new Set<bigint>();

  constructor(account: Address) {
    this.#account = account;
  }

  /** Disputes that have ended since the look before, with how. Those that a reorganisation took away are none. */
  look({ disputes }: Pick<World, 'disputes'>, find: (id: bigint) => DisputeRecord | undefined): Ended[] {
    const ended: Ended[] = [];
    for (const id of this.#open) {
      const record = disputes.get(id) ?? find(id);
      if (record && !record.ended) continue;
      this.#open.delete(id);
      if (record?.ended) ended.push(this.#ended(record, record.ended));
    }
    for (const record of disputes.values()) {
      if (!record.ended && sideOf(record, this.#account)) this.#open.add(record.disputeId);
    }
    return ended;
  }

  #ended(record: DisputeRecord, { winner, reason }: NonNullable<DisputeRecord['ended']>): Ended {
    if (reason === 'ClaimAlreadyFalsified') return { outcome: 'overtaken', wonWei: 0n, lostWei: 0n };
    const { bondWei, winsWei } = lossIn(record, winner === record.challenger ? 'claimant' : 'challenger');
    return winner === this.#account
      ? { outcome: 'won', wonWei: winsWei, lostWei: 0n }
      : { outcome: 'lost', wonWei: 0n, lostWei: bondWei };
  }
}
