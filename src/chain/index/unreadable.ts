import { explain } from '../messages/explain.ts';
import type { RawLog } from './events.ts';
import type { Gap, Numbered } from './gaps.ts';

/** Logs that are remembered. */
const REMEMBERED = 10_000;

/**
 * Logs of the contracts that cannot be decoded.
 *
 * INVARIANT: each is told of once and skipped; none keeps the others from being read.
 */
export class Unreadable {
  readonly #tell: (sentence: string) => void;
  readonly #told = new Set<string>();
  /** Requests and disputes whose first events are among them. */
  readonly #ids = new Set<string>();

  constructor(tell: (sentence: string) => void) {
    this.#tell = tell;
  }

  /** @param first the request or dispute that it would have made known */
  note(log: RawLog, failure: unknown, first: [Numbered, bigint] | undefined): void {
    const { blockNumber, blockHash, logIndex } = log;
    const place = `${blockHash}/${logIndex}`;
    if (this.#told.has(place)) return;
    if (this.#told.size >= REMEMBERED) {
      this.#told.clear();
      this.#ids.clear();
    }
    this.#told.add(place);
    if (first) this.#ids.add(first.join(' '));
    this.#tell(
      `a log in block ${Number(blockNumber)} cannot be decoded and is left out: ${explain(failure)}`,
    );
  }

  /** Whether the log that made a request or a dispute known is among them. */
  has(kind: Numbered, id: bigint): boolean {
    return this.#ids.has(`${kind} ${id}`);
  }

  /** Whether the node has given all of a gap, and none of it can be decoded: asking again is of no use. */
  isAll({ kind, first, last }: Gap): boolean {
    if (last - first >= BigInt(this.#ids.size)) return false;
    for (let id = first; id <= last; id++) if (!this.has(kind, id)) return false;
    return true;
  }
}
