import { byStake, type Wish } from './wishes.ts';

/** Bounds on the room of all models together. */
export interface RoomLimits {
  readonly maxModels: number;
  readonly maxTotalBytes: number;
}

/**
 * The models that give way to one, so that there is room for it: those that nobody needs any more, then what failed tries
 * have left, then those with less at stake that are held or on their way. Nobody gives way in vain.
 *
 * @param bytes that it takes on disk
 * @param now Unix seconds
 * @returns undefined if there is no room for it even so
 */
export function givingWay(
  wishes: Iterable<Wish>,
  wish: Wish,
  bytes: number,
  { maxModels, maxTotalBytes }: RoomLimits,
  now: number,
): Wish[] | undefined {
  const others = [...wishes].filter((one) => one !== wish && (one.hasRoom || one.bytes > 0));
  let tooMany = others.filter(({ hasRoom }) => hasRoom).length + 1 - maxModels;
  let tooLarge = others.reduce((sum, one) => sum + one.bytes, bytes) - maxTotalBytes;
  const order = (one: Wish): number => {
    if (one.state !== 'fetching' && one.until < now) return 0;
    return one.state === 'wanted' ? 1 : 2;
  };
  const candidates = others
    .filter((one) => !one.isPinned && (order(one) < 2 || wish.isPinned || one.stakeWei < wish.stakeWei))
    .sort((a, b) => order(a) - order(b) || byStake(b, a));
  const giving: Wish[] = [];
  for (const one of candidates) {
    const helps = tooLarge > 0 || (tooMany > 0 && one.hasRoom);
    if (!helps) continue;
    giving.push(one);
    tooLarge -= one.bytes;
    if (one.hasRoom) tooMany--;
  }
  return tooLarge > 0 || tooMany > 0 ? undefined : giving;
}

/** Settles once a signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
