import { takeLease } from '../../src/chain/transactions/lease.ts';

/** A process that tries to take a lease at a given instant, and says whether it got it. */

export interface Turn {
  readonly path: string;
  /** When to try, ms since 1970. */
  readonly atMs: number;
}

process.on('message', ({ path, atMs }: Turn) => {
  while (Date.now() < atMs);
  let isTaken = true;
  try {
    takeLease(path, '0x12');
  } catch {
    isTaken = false;
  }
  process.send?.(isTaken);
});
