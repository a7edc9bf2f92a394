import { topicOf } from '../chain/messages/topic.ts';
import { durationText } from './duration.ts';

/** A failure that is going on; all times in ms. */
interface Lasting {
  /** The sentence, as it was met last. */
  sentence: string;
  readonly since: number;
  last: number;
  /** The time at which it is told again, and the interval to the time after that. */
  nextAt: number;
  pauseMs: number;
}

const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** Time without it after which a failure is over. */
const OVER_MS = 90_000;
/** Failures that are followed at once; a stranger can cause as many as he pays for. */
const MOST_FOLLOWED = 1000;
/** Failures told in one minute; the rest are counted. */
const MOST_A_MINUTE = 60;
const MINUTE_MS = 60_000;

/**
 * Tells failures when they begin, again after 1, 2, 4 … minutes and then every hour while they last, and once when they
 * are over.
 */
export class Failures {
  readonly #tell: (sentence: string) => void;
  readonly #tellOver: (sentence: string) => void;
  readonly #now: () => number;
  /** Failures that last, by topic. */
  readonly #lasting = new Map<string, Lasting>();
  #minute = { startedAt: Number.NEGATIVE_INFINITY, told: 0, left: 0 };

  /** @param now milliseconds, from any beginning */
  constructor(
    tell: (sentence: string) => void,
    tellOver: (sentence: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#tell = tell;
    this.#tellOver = tellOver;
    this.#now = now;
  }

  /** Failures that are going on. */
  get count(): number {
    return this.#lasting.size;
  }

  /** A failure was met; one that differs in its amounts alone is the same. */
  met(sentence: string): void {
    const now = this.#now();
    const topic = topicOf(sentence);
    const known = this.#lasting.get(topic);
    if (!known) {
      if (this.#lasting.size >= MOST_FOLLOWED) this.#lasting.delete([...this.#lasting.keys()][0] as string);
      const nextAt = now + FIRST_PAUSE_MS;
      this.#lasting.set(topic, { sentence, since: now, last: now, nextAt, pauseMs: FIRST_PAUSE_MS });
      this.#say(sentence);
      return;
    }
    known.last = now;
    known.sentence = sentence;
    if (now < known.nextAt) return;
    known.pauseMs = Math.min(2 * known.pauseMs, LONGEST_PAUSE_MS);
    known.nextAt = now + known.pauseMs;
    this.#say(`${sentence} (for ${durationText(now - known.since)})`);
  }

  /** Everything due was gone through: what was not met for a while is over. */
  passed(): void {
    const now = this.#now();
    for (const [topic, { sentence, since, last }] of this.#lasting) {
      if (now - last < OVER_MS) continue;
      this.#lasting.delete(topic);
      // A failure that was met once only is not reported as over.
      if (last > since) this.#tellOver(`over after ${durationText(last - since)}: ${sentence}`);
    }
  }

  /** All are over; whoever calls this tells so. */
  clear(): void {
    this.#lasting.clear();
  }

  #say(sentence: string): void {
    const now = this.#now();
    if (now >= this.#minute.startedAt + MINUTE_MS) {
      const { left } = this.#minute;
      this.#minute = { startedAt: now, told: 0, left: 0 };
      if (left > 0) this.#tell(`${left} more failures in the minute before were not told`);
    }
    if (++this.#minute.told > MOST_A_MINUTE) this.#minute.left++;
    else this.#tell(sentence);
  }
}
