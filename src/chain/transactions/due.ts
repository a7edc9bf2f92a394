import type { ContractTransaction, TransactionReceipt } from 'ethers';

/** A transaction that a service owes to the chain in the state that it sees. It is stated again each pass until it shows. */
export interface Due {
  /** Names the state that it answers: the same key means the same transaction, which is never sent twice. */
  readonly key: string;
  /** Names it in messages: `moving (reveal) in dispute 5`. */
  readonly what: string;
  /** Last Unix second in which it is of use; undefined if it can wait. */
  readonly deadline: bigint | undefined;
  /** The loss, or missed gain, if it is never mined. */
  readonly stakeWei: bigint;
  /** Gas from here on until the stake is won, at most; left out if nothing more than usual is paid for it. */
  readonly gasLeft?: bigint;
  /** `game` if it is a call of DisputeGame, which may travel with others in one multicall. */
  readonly group?: 'game';
  /** Whether a stranger who sees it before it is mined could take what it earns. */
  readonly isPrivate?: boolean;
  /** Makes the call. @throws if there is nothing to send in this state */
  populate(): Promise<ContractTransaction>;
  /**
   * Told once, when it is mined and has not reverted.
   *
   * @param calls in that transaction, this one included
   */
  mined(receipt: TransactionReceipt, calls: number): void;
}

/**
 * Collects what is due, found at the same time.
 *
 * @throws the first failure, once nothing of it goes on
 */
export async function collected(
  parts: readonly (readonly Due[] | Promise<readonly Due[]>)[],
): Promise<Due[]> {
  const settled = await Promise.allSettled(parts);
  return settled.flatMap((part) => {
    if (part.status === 'rejected') throw part.reason;
    return part.value;
  });
}

/** Earliest deadline first, then the greatest stake; what can wait comes last. */
export function byUrgency(a: Due, b: Due): number {
  if (a.deadline !== b.deadline) {
    if (a.deadline === undefined) return 1;
    if (b.deadline === undefined) return -1;
    return a.deadline < b.deadline ? -1 : 1;
  }
  return a.stakeWei === b.stakeWei ? 0 : a.stakeWei > b.stakeWei ? -1 : 1;
}

/** Calls that travel together; a single one travels as it is. */
export type Parcel = readonly [Due, ...Due[]];

/**
 * Puts dues into parcels in their order: calls of the game go together, all others alone.
 *
 * @param dues in the order of their urgency
 * @param most calls in one parcel
 * @param isAlone whether a call of the game has to travel alone, because it failed in company
 */
export function parcels(dues: readonly Due[], most: number, isAlone: (due: Due) => boolean): Parcel[] {
  const made: [Due, ...Due[]][] = [];
  let open: [Due, ...Due[]] | undefined;
  for (const due of dues) {
    const joins = due.group === 'game' && !isAlone(due);
    if (joins && open && open.length < most) {
      open.push(due);
      continue;
    }
    const parcel: [Due, ...Due[]] = [due];
    made.push(parcel);
    if (joins) open = parcel;
  }
  return made;
}

/** The first due of each key. */
export const byKey = (dues: readonly Due[]): Map<string, Due> => {
  const found = new Map<string, Due>();
  for (const due of dues) if (!found.has(due.key)) found.set(due.key, due);
  return found;
};
