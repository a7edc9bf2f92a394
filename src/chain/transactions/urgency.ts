import { larger } from '../bigints.ts';
import { byUrgency, type Due } from './due.ts';
import type { Prices } from './prices.ts';
import { keysIn, type Slot } from './slot.ts';

/** Urgency of a nonce and of those that wait behind it. */
export interface Urgency {
  readonly secondsLeft: bigint | undefined;
  /** The most that a unit of gas is worth to any of them. */
  readonly worth: bigint;
}

/**
 * Derives how urgent each nonce is. Nonces are mined in their order, so one is as urgent as the most urgent behind it.
 *
 * @param open by nonce, ascending
 * @param stated all that is due, by key
 */
export function urgencies(
  open: readonly Slot[],
  stated: ReadonlyMap<string, Due>,
  prices: Prices,
): ReadonlyMap<Slot, Urgency> {
  // Nothing new is sent before a foreign nonce is decided, so all that is due waits for it.
  const waiting = open.some(({ isForeign }) => isForeign) ? [...stated.values()] : [];
  let deadline = waiting.toSorted(byUrgency)[0]?.deadline;
  let worth = waiting.reduce((most, due) => larger(most, prices.worth(due)), 0n);
  const found = new Map<Slot, Urgency>();
  for (const slot of open.toReversed()) {
    for (const key of keysIn(slot)) {
      const due = stated.get(key);
      if (!due) continue;
      worth = larger(worth, prices.worth(due));
      if (due.deadline !== undefined && (deadline === undefined || due.deadline < deadline))
        deadline = due.deadline;
    }
    found.set(slot, { secondsLeft: prices.secondsLeft(deadline), worth });
  }
  return found;
}
