import { type ClaimRecord, type World, windowEnd } from '../chain/contracts/world.ts';
import { type Alarm, alarmsIn, type Thresholds } from './alarms.ts';
import { type Forecast, forecast } from './forecast.ts';
import type { Verdicts } from './verdicts.ts';

/** Wrong claims that are remembered until it is seen what became of them. */
const MOST_REMEMBERED = 10_000;

/** Looks at worlds one after the other: what is forecast, and what is alarming. */
export class Monitor {
  readonly #verdicts: Verdicts;
  readonly #thresholds: Thresholds;
  /** Claims that were found wrong and had not been falsified when they were last seen. */
  readonly #wrong = new Map<bigint, ClaimRecord>();
  #final: Alarm[] = [];

  constructor(verdicts: Verdicts, thresholds: Thresholds) {
    this.#verdicts = verdicts;
    this.#thresholds = thresholds;
  }

  /**
   * @param find a claim by its id, whatever became of it
   * @param now Unix seconds
   */
  look(
    world: World,
    find: (claimId: bigint) => ClaimRecord | undefined,
    now: number,
  ): { readonly forecast: Forecast; readonly alarms: readonly Alarm[] } {
    const open = [...world.claims.values()].filter(({ status }) => status === 'open');
    const disputed = new Set([...world.disputes.values()].map(({ claim }) => claim.claimId));
    const isLate = (claim: ClaimRecord): boolean => windowEnd(claim) < now && !disputed.has(claim.claimId);
    this.#verdicts.look(
      open.filter((claim) => !isLate(claim)),
      open.filter(isLate),
    );
    this.#follow(open, find);
    const seen = forecast(world, (claim) => this.#verdicts.on(claim), now);
    return { forecast: seen, alarms: [...this.#final, ...alarmsIn(seen, this.#thresholds)] };
  }

  #follow(open: readonly ClaimRecord[], find: (claimId: bigint) => ClaimRecord | undefined): void {
    for (const [claimId, known] of this.#wrong) {
      const record = find(claimId);
      if (record?.status === 'open') continue;
      this.#wrong.delete(claimId);
      if (record?.status !== 'final' || record.outputs !== known.outputs) continue;
      const subject = `claim ${claimId}`;
      const sentence = `${subject} on request ${record.request.requestId}: it is wrong and has become final`;
      const alarm: Alarm = {
        ...{ name: 'false-claim-final', severity: 'critical', subject, sentence, deadline: undefined },
      };
      this.#final = [...this.#final, alarm].slice(-MOST_REMEMBERED);
    }
    for (const claim of open) {
      if (this.#verdicts.on(claim) !== 'wrong' || this.#wrong.size >= MOST_REMEMBERED) continue;
      this.#wrong.set(claim.claimId, claim);
    }
  }
}
