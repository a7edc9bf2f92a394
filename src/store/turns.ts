/** A download, or the run of a claim, that waits for a slot or has one. */
export interface Turn {
  /** A bond of this account depends on it. */
  readonly isBonded: boolean;
  /** Times that it had a slot and was not done. */
  readonly tries: number;
  /** Unix seconds until which it is of use. */
  readonly deadline: number;
  readonly stakeWei: bigint;
}

/** A download that has a slot. */
export interface Running extends Turn {
  readonly startedAtMs: number;
  readonly bytes: number;
}

/** A download that has had a slot for so long may lose it to one that never had any, ms. */
const GIVE_WAY_MS = 30_000;

/**
 * Order in which downloads get slots: those that a bond of one's own depends on; then by tries, so that what cannot be had
 * waits for what may be; then by deadline and stake.
 */
export function byTurn(a: Turn, b: Turn): number {
  if (a.isBonded !== b.isBonded) return a.isBonded ? -1 : 1;
  if (a.tries !== b.tries) return a.tries - b.tries;
  if (a.deadline !== b.deadline) return a.deadline - b.deadline;
  return a.stakeWei === b.stakeWei ? 0 : a.stakeWei > b.stakeWei ? -1 : 1;
}

/**
 * The one that gets a slot now. The last slot is kept for one that never had any: the longest waiting, so that nobody
 * keeps it out with ever new ones of earlier deadlines.
 *
 * @param waiting in the order in which they were asked for
 * @param running number of those that have a slot
 */
export function nextTurn<T extends Turn>(
  waiting: readonly T[],
  running: number,
  slots: number,
): T | undefined {
  if (running >= slots) return undefined;
  if (running < slots - 1) {
    return waiting.reduce<T | undefined>(
      (first, one) => (first && byTurn(first, one) <= 0 ? first : one),
      undefined,
    );
  }
  return waiting.find(({ isBonded }) => isBonded) ?? waiting.find(({ tries }) => tries === 0);
}

/**
 * The download that loses its slot, where all are taken and one waits that never had any: the slowest of those that had
 * theirs for a while.
 *
 * @param nowMs the clock of {@link Running.startedAtMs}
 */
export function givesWay<T extends Running>(
  waiting: readonly Turn[],
  running: readonly T[],
  slots: number,
  nowMs: number,
): T | undefined {
  if (running.length < slots || !waiting.some(({ isBonded, tries }) => isBonded || tries === 0))
    return undefined;
  const speed = ({ bytes, startedAtMs }: Running): number => bytes / (nowMs - startedAtMs);
  const old = running.filter(({ isBonded, startedAtMs }) => !isBonded && nowMs - startedAtMs >= GIVE_WAY_MS);
  return old.toSorted((a, b) => speed(a) - speed(b))[0];
}
