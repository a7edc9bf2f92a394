/** Requests and disputes have ids without gaps, so a gap shows that an event is missing. */
export type Numbered = 'request' | 'dispute';

/** A stretch of ids that were never seen, and the blocks between which their events must be. */
export interface Gap {
  readonly first: bigint;
  readonly last: bigint;
  readonly fromBlock: number;
  readonly toBlock: number;
}

/**
 * Finds the ids that were never seen.
 *
 * @param seen the ids that were seen, in ascending order, with the blocks of their events
 * @param count how many there are by the chain itself
 * @param head the block at which it says so
 */
export function gapsBetween(
  seen: readonly { readonly id: number; readonly block: number }[],
  count: number,
  fromBlock: number,
  head: number,
): Gap[] {
  const gaps: Gap[] = [];
  let [id, block] = [0, fromBlock];
  for (const next of [...seen, { id: count + 1, block: head }]) {
    if (next.id > id + 1) {
      gaps.push({
        first: BigInt(id + 1),
        last: BigInt(next.id - 1),
        fromBlock: block,
        toBlock: next.block,
      });
    }
    [id, block] = [next.id, next.block];
  }
  return gaps;
}
