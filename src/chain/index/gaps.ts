/** Requests and disputes have ids without gaps, so a gap shows that an event is missing. */
export type Numbered = 'request' | 'dispute';

/** A stretch of ids that were never seen, and the blocks between which their events must be. */
export interface Gap {
  readonly kind: Numbered;
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
  kind: Numbered,
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
        kind,
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

/** Says in a sentence what a node leaves out. */
export function leftOut({ kind, first, last, fromBlock, toBlock }: Gap): string {
  const which = first === last ? `${kind} ${first}` : `${kind}s ${first} to ${last}`;
  return `the node leaves out the events of ${which}, which are in the blocks ${fromBlock} to ${toBlock}`;
}

/** A node leaves out events that are on its chain, so what it gives is not shown. */
export class EventsMissing extends Error {
  override name = 'EventsMissing';
  constructor(gap: Gap) {
    super(leftOut(gap));
  }
}

/** The same for a gap as long as its first id has not been seen. */
export const keyOf = ({ kind, first }: Gap): string => `${kind} ${first}`;

/** Counts the ids in gaps. */
export const idsIn = (gaps: readonly Gap[]): number =>
  gaps.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);

/**
 * Whether the events of a gap are in blocks that are read. Those before the first id seen may be in earlier blocks, unless
 * the first request was seen.
 */
export const isOwed = ({ kind, first }: Gap, gaps: readonly Gap[]): boolean =>
  first > 1n || (kind === 'dispute' && !gaps.some((one) => one.kind === 'request' && one.first === 1n));
