import { durationText } from './duration.ts';

/** The facts that decide health. Times are milliseconds, from any beginning. */
export interface Vitals {
  readonly startedAt: number;
  /** When the loop last came round, well or not; undefined before the first time. */
  readonly turnedAt: number | undefined;
  /** When a look at the chain last ended well. */
  readonly lookedAt: number | undefined;
  /** Looks that failed since the last one that ended well. */
  readonly failedLooks: number;
  /** Why the last look failed, in one sentence; undefined if it did not. */
  readonly failure: string | undefined;
  /** Age of the latest block that was read, by this machine's wall clock; below 0 if that is behind. */
  readonly headAgeMs: number | undefined;
  /** Ether that the account has, and what it must have to pay for all that is open; undefined without an account. */
  readonly funds: { readonly balanceWei: bigint; readonly reserveWei: bigint } | undefined;
  /** Disputes of this account whose model is not held, so that it cannot move. */
  readonly unplayable: readonly bigint[];
}

export interface HealthLimits {
  /** Longest turn of the loop before it is taken for hung. */
  readonly turnMs: number;
  /** Longest time since a look that ended well. */
  readonly lookMs: number;
  /** Looks that may fail in a row. */
  readonly failedLooks: number;
  /** Greatest age of the latest block; undefined where blocks come only when they are needed. */
  readonly headMs: number | undefined;
  /** Seconds by which this machine's clock may be behind the chain's. */
  readonly skewMs: number;
}

export const USUAL_LIMITS: HealthLimits = {
  turnMs: 120_000,
  lookMs: 60_000,
  failedLooks: 1,
  headMs: 120_000,
  skewMs: 15_000,
};

/** The reasons why the process is not alive, in sentences; none if it is. */
export function deathsOf({ startedAt, turnedAt }: Vitals, { turnMs }: HealthLimits, now: number): string[] {
  const since = now - (turnedAt ?? startedAt);
  return since > turnMs ? [`the loop has not come round for ${durationText(since)}`] : [];
}

/** The reasons why the program is not ready to keep a clock, in sentences; none if it is. */
export function obstaclesOf(vitals: Vitals, limits: HealthLimits, now: number): string[] {
  const { lookedAt, failedLooks, failure, headAgeMs, funds, unplayable } = vitals;
  const obstacles = deathsOf(vitals, limits, now);
  const why = failure === undefined ? '' : `: ${failure}`;
  if (lookedAt === undefined) obstacles.push(`the chain has not been read yet${why}`);
  else if (now - lookedAt > limits.lookMs) {
    obstacles.push(`the chain was last read ${durationText(now - lookedAt)} ago${why}`);
  } else if (failedLooks > limits.failedLooks) {
    obstacles.push(`the last ${failedLooks} looks at the chain failed${why}`);
  }
  if (headAgeMs !== undefined && limits.headMs !== undefined && headAgeMs > limits.headMs) {
    obstacles.push(
      `the latest block is ${durationText(headAgeMs)} old: the node is behind, the chain stands still, or this machine's clock is ahead`,
    );
  }
  if (headAgeMs !== undefined && -headAgeMs > limits.skewMs) {
    obstacles.push(`this machine's clock is ${durationText(-headAgeMs)} behind the chain's; set it by NTP`);
  }
  if (funds && funds.balanceWei === 0n) obstacles.push('the account has no ether');
  else if (funds && funds.balanceWei < funds.reserveWei) {
    obstacles.push('the account has less ether than the gas of what is open may cost');
  }
  for (const id of unplayable.slice(0, 10)) obstacles.push(`the model of dispute ${id} is not held`);
  return obstacles;
}
