import { larger } from '../bigints.ts';
import type { Block } from '../contracts/world.ts';

/**
 * Unix seconds. The next block's timestamp is unknown: a quiet chain's latest block may be old. So what might still be in
 * time is tried by `earliest`, what might be due is tried by `latest`, and the chain refuses what is not.
 */
export interface Times {
  /** The latest block's. */
  readonly earliest: bigint;
  /** The latest block's, and what has passed here since it came. */
  readonly latest: bigint;
}

export const systemClock = (): bigint => BigInt(Math.floor(Date.now() / 1000));

/**
 * Tells the chain's time from its blocks: that of the latest one, and the time that has passed since it was first seen. This
 * machine's clock, which may be wrong, counts only until the first block comes, because nobody knows how old the one is
 * that was there at the start.
 */
export class ChainClock {
  readonly #machine: () => bigint;
  readonly #elapsedMs: () => number;
  #block: Block | undefined;
  #seenAtMs = 0;
  #hasNews = false;

  /** @param machine this machine's idea of now, Unix seconds; @param elapsedMs milliseconds, from any beginning */
  constructor(machine: () => bigint = systemClock, elapsedMs: () => number = () => performance.now()) {
    this.#machine = machine;
    this.#elapsedMs = elapsedMs;
  }

  /** Learns the latest block. */
  see(block: Block): Times {
    if (this.#block?.hash !== block.hash) {
      this.#hasNews = this.#block !== undefined;
      this.#block = block;
      this.#seenAtMs = this.#elapsedMs();
    }
    return { earliest: block.timestamp, latest: this.now() };
  }

  /** Unix seconds. */
  now(): bigint {
    const machine = this.#machine();
    if (!this.#block) return machine;
    const { timestamp } = this.#block;
    if (this.#hasNews) return timestamp + BigInt(Math.floor((this.#elapsedMs() - this.#seenAtMs) / 1000));
    return larger(machine, timestamp);
  }
}
