/** Successes at one size after which what was too large is tried again; doubles each time that was in vain. */
const FIRST_SUCCESSES_NEEDED = 50;

export interface SizeLimits {
  readonly first: number;
  readonly most: number;
}

/**
 * Learns the size of request that a node answers, in blocks of logs or calls of a batch. The size grows while the node
 * answers, falls back to the last answered size when it refuses, and approaches the limit by halves.
 */
export class LearnedSize {
  readonly #most: number;
  #size: number;
  /** The largest that was answered. */
  #good = 0;
  /** The least that was refused. */
  #bad = Number.POSITIVE_INFINITY;
  #successes = 0;
  #successesNeeded = FIRST_SUCCESSES_NEEDED;

  constructor({ first, most }: SizeLimits) {
    this.#most = most;
    this.#size = first;
  }

  /** The size of the next request, at least 1. */
  get size(): number {
    return this.#size;
  }

  /** @param asked what was answered */
  succeeded(asked: number): void {
    // A smaller piece at the end of what is wanted teaches nothing.
    if (asked < this.#size) return;
    this.#good = Math.max(this.#good, asked);
    if (++this.#successes >= this.#successesNeeded) {
      this.#successes = 0;
      this.#successesNeeded *= 2;
      this.#bad = Number.POSITIVE_INFINITY;
    }
    const next = this.#bad === Number.POSITIVE_INFINITY ? 2 * asked : Math.floor((asked + this.#bad) / 2);
    const isWorthwhile = next - asked > asked / 8;
    if (isWorthwhile) this.#size = Math.min(this.#most, next);
  }

  /**
   * @param asked what was refused as too large
   * @param hint what the node says that it allows, if it does
   */
  refused(asked: number, hint?: number): void {
    this.#successes = 0;
    this.#bad = Math.min(this.#bad, asked);
    if (this.#good >= asked) this.#good = 0;
    const isHelpful = hint !== undefined && hint >= 1 && hint < asked;
    this.#size = isHelpful ? hint : this.#good > 0 ? this.#good : Math.max(1, Math.floor(asked / 2));
    if (isHelpful) this.#bad = hint + 1;
  }

  /** Asks for less next time, for another reason than a limit of the node: time or memory. */
  shrink(size: number): void {
    this.#good = 0;
    this.#size = Math.max(1, Math.min(this.#size, Math.floor(size)));
  }
}
