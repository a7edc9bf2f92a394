import { hash } from 'node:crypto';
import type { LogPosition, RawLog } from './events.ts';

type Place = Pick<LogPosition | RawLog, 'blockNumber' | 'logIndex'>;

const keyOf = ({ blockNumber, logIndex }: Place): string => `${Number(blockNumber)}:${Number(logIndex)}`;

/**
 * Digests of the stored logs of recent blocks. Those blocks are read again at every look; a log that has not changed since it
 * was stored needs no decoding.
 */
export class RecentLogs {
  readonly #digests = new Map<string, string>();

  /** Whether the log stored last at this place is the same in every field. */
  has(log: RawLog): boolean {
    return this.#digests.get(keyOf(log)) === hash('sha256', JSON.stringify(log), 'base64');
  }

  add(log: RawLog): void {
    this.#digests.set(keyOf(log), hash('sha256', JSON.stringify(log), 'base64'));
  }

  /** Forgets the log at a place where something else is stored now. */
  drop(place: Place): void {
    this.#digests.delete(keyOf(place));
  }

  /** Forgets the logs before a block: those blocks are not read again. */
  dropBefore(block: number): void {
    for (const key of this.#digests.keys()) if (Number.parseInt(key, 10) < block) this.#digests.delete(key);
  }

  /** Forgets all logs, because what was stored may be gone. */
  clear(): void {
    this.#digests.clear();
  }
}
