import type { IBreaker } from 'cockatiel';

/** Failures in a row, and their time, after which a node is left alone for a while, ms. */
const FAILURES = 5;
const FAILING_MS = 2_000;

/** Breaks after failures in a row that last: one that fails every other time is better asked again than left alone. */
export class LastingFailures implements IBreaker {
  state = { count: 0, since: 0 };

  success(): void {
    this.state = { count: 0, since: 0 };
  }

  failure(): boolean {
    const { count, since } = this.state;
    this.state = { count: count + 1, since: count === 0 ? Date.now() : since };
    return this.state.count >= FAILURES && Date.now() - this.state.since >= FAILING_MS;
  }
}
