import type { Due, Parcel } from './due.ts';
import type { Preparer } from './prepare.ts';
import { filler, isRefused, keysIn, latestOf, type Slot, type TransactionContent } from './slot.ts';

/** Why a nonce that waits may need other content. */
export interface Need {
  /** Whether nothing that it carries is due any more. */
  readonly isStale: boolean;
  /** Whether others wait behind it, so that something must use it up. */
  readonly isNeeded: boolean;
  /** Blocks since its latest attempt. */
  readonly age: number;
}

/** What content is made of. */
export interface Supply {
  /** All that is due, by key. */
  readonly stated: ReadonlyMap<string, Due>;
  /** Finds dues that are in no nonce. */
  readonly unsent: () => readonly Parcel[];
  readonly preparer: Preparer;
  /** The account's own. */
  readonly address: string;
}

/**
 * What a nonce is to carry next: the same if it may be taken, at other prices; the same made anew if a node refused it; other
 * content if that was refused too.
 *
 * @returns undefined if it stays as it is
 */
export async function contentFor(
  slot: Slot,
  { isStale, isNeeded, age }: Need,
  supply: Supply,
): Promise<TransactionContent | undefined> {
  const latest = latestOf(slot);
  if (!isStale && latest && !isRefused(slot, age)) return latest;
  const canBeRemade = !isStale && slot.refusal === 'other';
  // Of several that were refused together, each is tried alone before anything else.
  const remade = canBeRemade && !slot.isRemade ? await anew(slot, supply) : undefined;
  const made = remade ?? (canBeRemade ? await sibling(slot, supply) : undefined);
  slot.isRemade = made !== undefined;
  const canBeCheaper = !isStale && slot.refusal === 'funds' && !slot.taken;
  return (
    made ??
    (await other(slot, isNeeded, supply)) ??
    (canBeRemade || canBeCheaper ? anew(slot, supply) : undefined)
  );
}

/** The first due of its latest content made anew, alone: a node may object to the gas limit, or to several at once. */
async function anew(slot: Slot, { stated, preparer }: Supply): Promise<TransactionContent | undefined> {
  const keys = latestOf(slot)?.keys ?? [];
  if (keys.length > 1) preparer.setApart(keys);
  const due = keys.map((key) => stated.get(key)).find((one) => one !== undefined);
  return due && preparer.prepare([due]);
}

/** A due of a nonce that was tried in company only, made anew alone. */
async function sibling(slot: Slot, { stated, preparer }: Supply): Promise<TransactionContent | undefined> {
  const tried = new Set(slot.attempts.flatMap(({ keys }) => (keys.length === 1 ? keys : [])));
  for (const key of new Set(keysIn(slot))) {
    const due = tried.has(key) ? undefined : stated.get(key);
    const content = due && (await preparer.prepare([due]));
    if (content) return content;
  }
  return undefined;
}

/** Content of dues that are in no nonce yet; if there are none and it is needed, what only uses the nonce up. */
async function other(
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
