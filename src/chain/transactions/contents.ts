import type { Due, Parcel } from './due.ts';
import type { Preparer } from './prepare.ts';
import { filler, keysIn, latestOf, type Slot, type TransactionContent } from './slot.ts';

/** Why a nonce that waits may need other content. */
export interface Need {
  /** Whether nothing that it carries is due any more. */
  readonly isStale: boolean;
  /** Whether a node refuses its present content. */
  readonly isRefused: boolean;
  /** Whether other nonces wait behind it, so that some transaction must use it up. */
  readonly isNeeded: boolean;
}

/** The dues, and the tools, from which the content of a nonce is prepared. */
export interface Supply {
  /** All that is due, by key. */
  readonly stated: ReadonlyMap<string, Due>;
  /** Finds dues that are in no nonce. */
  readonly unsent: () => readonly Parcel[];
  readonly preparer: Preparer;
  /** Address of the account. */
  readonly address: string;
}

/**
 * Chooses the content for the next attempt of a nonce. Content that a node may still accept is kept, and only its price
 * changes. Content that a node refused is prepared again. If it is refused again, the nonce gets other content.
 *
 * @returns undefined if the nonce stays as it is
 */
export async function contentFor(
  slot: Slot,
  { isStale, isRefused, isNeeded }: Need,
  supply: Supply,
): Promise<TransactionContent | undefined> {
  const latest = latestOf(slot);
  if (!isStale && latest && !isRefused) return latest;
  const canBeRemade = !isStale && slot.refusal === 'other';
  const again = canBeRemade && !slot.isRemade ? await prepareAgain(slot, supply) : undefined;
  // Of several calls that were refused together, each is tried alone before other content.
  const next = again ?? (canBeRemade ? await prepareUntried(slot, supply) : undefined);
  slot.isRemade = next !== undefined;
  const canBeCheaper = !isStale && slot.refusal === 'funds' && !slot.taken;
  return (
    next ??
    (await prepareOther(slot, isNeeded, supply)) ??
    (canBeRemade || canBeCheaper ? prepareAgain(slot, supply) : undefined)
  );
}

/** Prepares the first due of the latest content, alone: the node may object to the gas limit, or to several calls at once. */
async function prepareAgain(
  slot: Slot,
  { stated, preparer }: Supply,
): Promise<TransactionContent | undefined> {
  const keys = latestOf(slot)?.keys ?? [];
  if (keys.length > 1) preparer.setApart(keys);
  const due = keys.map((key) => stated.get(key)).find((one) => one !== undefined);
  return due && preparer.prepare([due]);
}

/** Prepares a due of the nonce that was not tried alone yet. */
async function prepareUntried(
  slot: Slot,
  { stated, preparer }: Supply,
): Promise<TransactionContent | undefined> {
  const tried = new Set(slot.attempts.flatMap(({ keys }) => (keys.length === 1 ? keys : [])));
  for (const key of new Set(keysIn(slot))) {
    const due = tried.has(key) ? undefined : stated.get(key);
    const content = due && (await preparer.prepare([due]));
    if (content) return content;
  }
  return undefined;
}

/** Prepares dues that are in no nonce yet. Without any, a nonce that others wait for gets a filler. */
async function prepareOther(
  slot: Slot,
  isNeeded: boolean,
  { unsent, preparer, address }: Supply,
): Promise<TransactionContent | undefined> {
  const own = new Set(keysIn(slot));
  for (const parcel of unsent().filter(([first]) => !own.has(first.key))) {
    const content = await preparer.prepare(parcel);
    if (!content) continue;
    for (const due of parcel) slot.dues.set(due.key, due);
    return content;
  }
  return isNeeded ? filler(slot.nonce, address) : undefined;
}
