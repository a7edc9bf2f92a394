import type { DisputeRecord } from '../contracts/world.ts';
import type { Listener } from '../messages/report.ts';
import type { Arranged } from './arrange.ts';

/** Tells of disputes that an account has lost. */
export class Losses {
  #open = new Map<bigint, DisputeRecord>();

  /**
   * Looks what became of disputes that were open in the last pass.
   *
   * @param own disputes of the account that are known now, open or ended
   */
  look(own: readonly DisputeRecord[], me: string, { endedOn }: Arranged, listen: Listener): void {
    for (const { disputeId, claim } of this.#open.values()) {
      const ended = endedOn(claim).find((one) => one.disputeId === disputeId)?.ended;
      if (!ended || ended.winner === me) continue;
      const sentence = `dispute ${disputeId}: lost to ${ended.winner} (${ended.reason})`;
      listen({ kind: 'warned', about: 'lost', sentence });
    }
    this.#open = new Map(own.filter(({ ended }) => !ended).map((one) => [one.disputeId, { ...one }]));
  }
}
