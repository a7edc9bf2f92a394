import { formatUnits } from 'ethers';
import type { Address } from '../chain/contracts/types.ts';
import type { DisputeRecord, World } from '../chain/contracts/world.ts';
import { gasOf, type Report, WARNINGS } from '../chain/messages/report.ts';
import type { ChainClock } from '../chain/service/chainClock.ts';
import type { Verdict } from '../monitor/forecast.ts';
import { deathsOf, type HealthLimits, obstaclesOf, USUAL_LIMITS, type Vitals } from './health.ts';
import { heartbeat } from './heartbeat.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { OUTCOMES, Outcomes } from './outcomes.ts';
import type { Told } from './server.ts';
import { type Standing, standingOf } from './standing.ts';

/** State of one node. */
export interface EndpointFigures {
  /** Its address, without what is secret in it. */
  readonly endpoint: string;
  readonly isUsed: boolean;
  /** Blocks behind the best one; undefined while its latest block is not known. */
  readonly lagBlocks: number | undefined;
  /** Failures since the start. */
  readonly failures: number;
}

/** State of a queue of runs. */
export interface QueueStatus {
  /** Name and port of its server. */
  readonly queue: string;
  readonly isUp: boolean;
}

/** The state of the account's transactions and of the runs; unknown values are left out. */
export interface Status {
  readonly balanceWei?: bigint;
  readonly reserveWei?: bigint;
  readonly inFlight?: number;
  readonly oldestBlocks?: number;
  readonly foreign?: number;
  readonly endpoints?: readonly EndpointFigures[];
  readonly runsQueued?: number;
  readonly queue?: QueueStatus | undefined;
  readonly runs?: Readonly<Record<'done' | 'failed' | 'dropped', number>>;
}

export interface OverviewOptions {
  /** Undefined in a program without one, such as a monitor: nothing is shown of it then. */
  readonly account: Address | undefined;
  /** Decimals of the currency of bonds. */
  readonly decimals: number;
  /** Whether blocks come even when nobody sends anything. */
  readonly hasSteadyBlocks: boolean;
  readonly holds: (modelId: string) => boolean;
  readonly status: () => Status;
  /** Different failures that are going on. */
  readonly failures: () => number;
  /** This machine's wall clock, Unix milliseconds. */
  readonly unixMs?: () => number;
  /** Milliseconds, from any beginning, by a clock that nobody sets back. */
  readonly now?: () => number;
  /** Tells the chain's time. */
  readonly clock: Pick<ChainClock, 'now'>;
}

const ETHER_DECIMALS = 18;

const NOTHING: Standing = standingOf({ claims: new Map(), disputes: new Map() }, '', 0);

/** The status of a service: metrics, health and heartbeat, from what its passes see and do. */
export class Overview implements Told {
  readonly metrics: Metrics = createMetrics();
  readonly #options: Required<OverviewOptions>;
  readonly #limits: HealthLimits;
  readonly #startedAt: number;
  readonly #outcomes: Outcomes;
  readonly #verdicts = new Map<bigint, Verdict>();
  #world: World | undefined;
  #standing = NOTHING;
  #turnedAt: number | undefined;
  #lookedAt: number | undefined;
  #failedLooks = 0;
  /** Why the last look failed, if it did. */
  #failure: string | undefined;

  constructor(options: OverviewOptions) {
    this.#options = { unixMs: Date.now, now: () => performance.now(), ...options };
    this.#startedAt = this.#options.now();
    this.#outcomes = new Outcomes(options.account ?? '');
    this.#limits = options.hasSteadyBlocks ? USUAL_LIMITS : { ...USUAL_LIMITS, headMs: undefined };
    const { lastPass, disputesEnded, warnings } = this.metrics;
    // A node that was never read is noticed as late as one that is read no more.
    lastPass.set(this.#options.unixMs() / 1000);
    if (options.account === undefined) return;
    // Alert rules see the first of a kind only as an increase from 0.
    for (const outcome of OUTCOMES) disputesEnded.inc({ outcome }, 0);
    for (const about of WARNINGS) warnings.inc({ about }, 0);
  }

  get registry() {
    return this.metrics.registry;
  }

  /** A pass has read the chain. */
  observe(world: World, find: (disputeId: bigint) => DisputeRecord | undefined): void {
    const { account, decimals, clock } = this.#options;
    const { metrics } = this;
    this.#world = world;
    for (const id of this.#verdicts.keys()) {
      if (world.claims.get(id)?.status !== 'open') this.#verdicts.delete(id);
    }
    for (const { outcome, wonWei, lostWei } of this.#outcomes.look(world, find)) {
      metrics.disputesEnded.inc({ outcome });
      metrics.bondsWon.inc(Number(formatUnits(wonWei, decimals)));
      metrics.bondsLost.inc(Number(formatUnits(lostWei, decimals)));
    }
    const standing = standingOf(world, account ?? '', Number(clock.now()));
    this.#standing = standing;
    metrics.headBlock.set(world.block.number);
    metrics.headTimestamp.set(Number(world.block.timestamp));
    metrics.openClaims.set(standing.openClaims);
    metrics.openWindows.set(standing.openWindows);
    metrics.claimsUnverified.set(this.#count('unknown'));
    this.showClock(standing.clocks[0]);
    if (account === undefined) return;
    metrics.ownClaims.set(standing.ownClaims);
    metrics.ownDisputes.set(standing.ownDisputes);
    metrics.movesDue.set(standing.clocks.length);
    metrics.movesOverdue.set(standing.overdue);
    metrics.bondsAtStake.set(Number(formatUnits(standing.bondsAtStakeWei, decimals)));
  }

  report(report: Report): void {
    const { metrics } = this;
    metrics.reports.inc({ kind: report.kind });
    if (report.kind === 'warned') metrics.warnings.inc({ about: report.about });
    metrics.gasUsed.inc(Number(gasOf(report) ?? 0n));
    if (report.kind === 'verified') this.judged(report.claim.claimId, 'right');
    if (report.kind === 'challenged') this.judged(report.claim.claimId, 'wrong');
    if (report.kind === 'unverified') this.judged(report.claim.claimId, 'unknown');
  }

  /** A claim was run again, or could not be. */
  judged(claimId: bigint, verdict: Verdict): void {
    this.#verdicts.set(claimId, verdict);
    this.metrics.claimsChecked.inc({ verdict });
  }

  /** The clock that matters most; undefined if none runs. */
  showClock(clock: { readonly secondsLeft: number; readonly clockSeconds: number } | undefined): void {
    const { leastClock, leastClockRatio } = this.metrics;
    leastClock.remove();
    leastClockRatio.remove();
    if (!clock) return;
    leastClock.set(clock.secondsLeft);
    leastClockRatio.set(clock.secondsLeft / clock.clockSeconds);
  }

  /** A pass has ended. @param ms it took @param failure one sentence that says why it failed; undefined if it did not */
  turned(ms: number, failure?: string): void {
    const { metrics } = this;
    const outcome = failure === undefined ? 'done' : 'failed';
    this.#failure = failure;
    this.#turnedAt = this.#options.now();
    this.#failedLooks = outcome === 'done' ? 0 : this.#failedLooks + 1;
    if (outcome === 'done') this.#lookedAt = this.#turnedAt;
    metrics.passes.inc({ outcome });
    metrics.passSeconds.observe(ms / 1000);
    if (outcome === 'done') metrics.lastPass.set(this.#options.unixMs() / 1000);
    metrics.failures.set(this.#options.failures());
    const status = this.#options.status();
    this.#showStatus(status);
    this.#showEndpoints(status.endpoints ?? []);
  }

  deaths(): readonly string[] {
    return deathsOf(this.#vitals(), this.#limits, this.#options.now());
  }

  obstacles(): readonly string[] {
    return obstaclesOf(this.#vitals(), this.#limits, this.#options.now());
  }

  /** The current activity, or the reason for none. */
  heartbeat(): string {
    const { now, clock, status, failures } = this.#options;
    const { inFlight = 0, runsQueued = 0 } = status();
    const checked = this.#count('right') + this.#count('wrong');
    const failedLooks = this.#failedLooks;
    const blindMs = now() - (this.#lookedAt ?? this.#startedAt);
    const isBlind = blindMs > this.#limits.lookMs || failedLooks > this.#limits.failedLooks;
    return heartbeat(
      this.#standing,
      {
        ...{ checked, unverified: this.#count('unknown'), pending: inFlight, runs: runsQueued },
        ...{ failures: failures(), failedLooks, blindMs: isBlind ? blindMs : 0 },
      },
      Number(clock.now()),
    );
  }

  #count(verdict: Verdict): number {
    return [...this.#verdicts.values()].filter((one) => one === verdict).length;
  }

  #vitals(): Vitals {
    const { status, holds, unixMs } = this.#options;
    const { balanceWei, reserveWei = 0n } = status();
    return {
      ...{ startedAt: this.#startedAt, turnedAt: this.#turnedAt, lookedAt: this.#lookedAt },
      ...{ failedLooks: this.#failedLooks, failure: this.#failure },
      headAgeMs: this.#world && unixMs() - 1000 * Number(this.#world.block.timestamp),
      funds: balanceWei === undefined ? undefined : { balanceWei, reserveWei },
      unplayable: this.#standing.clocks
        .filter(({ modelId }) => !holds(modelId))
        .map(({ disputeId }) => disputeId),
    };
  }

  #showEndpoints(endpoints: readonly EndpointFigures[]): void {
    const { endpointUp, endpointLag, endpointFailures } = this.metrics;
    for (const { endpoint, isUsed, lagBlocks, failures } of endpoints) {
      endpointUp.set({ endpoint }, isUsed ? 1 : 0);
      if (lagBlocks === undefined) endpointLag.remove({ endpoint });
      else endpointLag.set({ endpoint }, lagBlocks);
      endpointFailures.set({ endpoint }, failures);
    }
  }

  #showStatus(status: Status): void {
    const { metrics } = this;
    const { balanceWei, reserveWei, inFlight, oldestBlocks, foreign, runsQueued, runs, queue } = status;
    if (queue) metrics.queueUp.set({ queue: queue.queue }, queue.isUp ? 1 : 0);
    if (balanceWei !== undefined) metrics.balance.set(Number(formatUnits(balanceWei, ETHER_DECIMALS)));
    if (runsQueued !== undefined) metrics.runsQueued.set(runsQueued);
    for (const [outcome, count] of Object.entries(runs ?? {})) metrics.runs.set({ outcome }, count);
    // Until a look has ended well, the rest is 0 because nothing was counted.
    if (this.#lookedAt === undefined) return;
    if (reserveWei !== undefined) metrics.reserve.set(Number(formatUnits(reserveWei, ETHER_DECIMALS)));
    if (inFlight !== undefined) metrics.pending.set(inFlight);
    if (foreign !== undefined) metrics.foreign.set(foreign);
    if (inFlight && oldestBlocks !== undefined) metrics.pendingAge.set(oldestBlocks);
    else metrics.pendingAge.remove();
  }
}
