import type { Address } from '../chain/contracts/types.ts';
import type { DisputeRecord, World } from '../chain/contracts/world.ts';
import { sideOf } from './standing.ts';

/** Outcome of a dispute for this account: `overtaken` is neither won nor lost, its bond comes back. */
export type Outcome = 'won' | 'lost' | 'overtaken';

/** Disputes of one account that were open when this program last looked, until they end. */
export class Outcomes {
  readonly #account: Address;
  readonly #open = new Set<bigint>();

  constructor(account: Address) {
    this.#account = account;
  }

  /** Disputes that have ended since the look before, with how. Those that a reorganisation took away are none. */
  look({ disputes }: Pick<World, 'disputes'>, find: (id: bigint) => DisputeRecord | undefined): Outcome[] {
    const ended: Outcome[] = [];
    for (const id of this.#open) {
      const record = disputes.get(id) ?? find(id);
      if (record && !record.ended) continue;
      this.#open.delete(id);
      if (record?.ended) ended.push(this.#outcome(record.ended));
    }
    for (const record of disputes.values()) {
      if (!record.ended && sideOf(record, this.#account)) this.#open.add(record.disputeId);
    }
    return ended;
  }

  #outcome({ winner, reason }: NonNullable<DisputeRecord['ended']>): Outcome {
    if (reason === 'ClaimAlreadyFalsified') return 'overtaken';
    return winner === this.#account ? 'won' : 'lost';
  }
}
