import type { IBackoff, IBackoffFactory, IBreaker } from 'cockatiel';

/** Failures in a row, and their time, after which a node is left alone for a while, ms. */
const FAILURES = 5;
const FAILING_MS = 2_000;
const LEFT_ALONE_MS = 2_000;

/** Breaks after failures in a row that last: one that fails every other time is better asked again than left alone. */
class LastingFailures implements IBreaker {
  state = { count: 0, since: 0 };
  readonly #now: () => number;

  /** @param now milliseconds, from any beginning */
  constructor(now: () => number) {
    this.#now = now;
  }

  success(): void {
    this.state = { count: 0, since: 0 };
  }

  failure(): boolean {
    const { count, since } = this.state;
    this.state = { count: count + 1, since: count === 0 ? this.#now() : since };
    return this.state.count >= FAILURES && this.#now() - this.state.since >= FAILING_MS;
  }
}

/**
 * A rest between two tries. cockatiel measures rests by the wall clock, which may be set back, so this one lasts for ever by
 * that clock until it is over by the other, and then no time.
 *
 * @param now milliseconds, from any beginning
 */
function restOf(ms: number, now: () => number): IBackoffFactory<unknown> {
  const next = (): IBackoff<unknown> => {
    const until = now() + ms;
    return {
      next,
      get duration() {
        return now() < until ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
    };
  };
  return { next };
}

/** Has a node whose failures last left alone for a while. @param now milliseconds, by a clock that nobody sets back */
export const whenFailuresLast = (now: () => number) => ({
  breaker: new LastingFailures(now),
  halfOpenAfter: restOf(LEFT_ALONE_MS, now),
});
