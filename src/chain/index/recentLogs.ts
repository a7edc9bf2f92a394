import { hash } from 'node:crypto';
import type { RawLog } from './events.ts';

/** Where a log stands in the chain. */
interface Position {
  readonly blockNumber: number | string;
  readonly logIndex: number | string;
}

const keyOf = ({ blockNumber, logIndex }: Position): string => `${Number(blockNumber)}:${Number(logIndex)}`;

/** The last blocks are read at every look, and nearly all of their logs are stored as they are: those need no decoding. */
export class RecentLogs {
  readonly #digests = new Map<string, string>();

  /** Whether this very log, with all of its fields, is what was stored last at its position. */
  has(log: RawLog): boolean {
    return this.#digests.get(keyOf(log)) === hash('sha256', JSON.stringify(log), 'base64');
  }

  add(log: RawLog): void {
    this.#digests.set(keyOf(log), hash('sha256', JSON.stringify(log), 'base64'));
  }

  /** Something else is stored there now. */
  drop(position: Position): void {
    this.#digests.delete(keyOf(position));
  }

  /** Blocks before this one are not read again. */
  dropBefore(block: number): void {
    for (const key of this.#digests.keys()) if (Number.parseInt(key, 10) < block) this.#digests.delete(key);
  }

  /** What was stored may be gone. */
  clear(): void {
    this.#digests.clear();
  }
}
