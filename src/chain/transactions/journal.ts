import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { makeFolder } from '../../files/makeFolder.ts';
import type { Attempt, Slot } from './slot.ts';

/** Keeps signed transactions, so that a process that is killed finds them again. What it loses is only a cache. */
export interface Journal {
  read(): readonly { readonly nonce: number; readonly attempts: readonly Attempt[] }[];
  write(slots: readonly Slot[]): void;
}

export const noJournal: Journal = { read: () => [], write: () => undefined };

const wei = z.string().regex(/^\d+$/).transform(BigInt);
const hex = z.string().regex(/^0x[0-9a-fA-F]*$/);

const FILE = z.array(
  z.object({
    nonce: z.number().int().nonnegative(),
    attempts: z.array(
      z.object({
        hash: hex,
        raw: hex,
        to: hex,
        data: hex,
        valueWei: wei,
        gasLimit: wei,
        keys: z.array(z.string()),
        what: z.string(),
        isPrivate: z.boolean().default(false),
        sentAtBlock: z.number().int().nonnegative(),
        fees: z.object({ maxFeePerGas: wei, maxPriorityFeePerGas: wei }),
      }),
    ),
  }),
);

/**
 * A journal in a file. One that cannot be read counts as empty: the chain and the pool know the rest. One that cannot be
 * written stops nothing.
 *
 * @param onTrouble told why it cannot be written
 */
export function fileJournal(path: string, onTrouble: (failure: Error) => void = () => undefined): Journal {
  return {
    read: () => {
      try {
        return existsSync(path) ? FILE.parse(JSON.parse(readFileSync(path, 'utf8'))) : [];
      } catch {
        return [];
      }
    },
    write: (slots) => {
      const kept = slots.filter(({ attempts }) => attempts.length > 0);
      const plain = kept.map(({ nonce, attempts }) => ({ nonce, attempts }));
      const text = JSON.stringify(plain, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
      try {
        makeFolder(dirname(path));
        // A process that is killed in the middle leaves the old file.
        writeFileSync(`${path}.new`, text, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch (failure) {
        onTrouble(failure as Error);
      }
    },
  };
}
