import { hash } from 'node:crypto';
import type { RawLog } from './events.ts';

/** Position of a log in the chain. */
interface Position {
  readonly blockNumber: number | string;
  readonly logIndex: number | string;
}

const keyOf = ({ blockNumber, logIndex }: Position): string => `${Number(blockNumber)}:${Number(logIndex)}`;

/**
 * Digests of the stored logs of recent blocks. Those blocks are read again at every look; a log that has not changed since it
 * was stored needs no decoding.
 */
export class RecentLogs {
  readonly #digests = new Map<string, string>();

  /** Whether the log stored last at this position is the same in every field. */
  has(log: RawLog): boolean {
    return this.#digests.get(keyOf(log)) === hash('sha256', JSON.stringify(log), 'base64');
  }

  add(log: RawLog): void {
    this.#digests.set(keyOf(log), hash('sha256', JSON.stringify(log), 'base64'));
  }

  /** Forgets the log at a position where something else is stored now. */
  drop(position: Position): void {
    this.#digests.delete(keyOf(position));
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
