/** The newest block of a node, as it says. */
export interface Head {
  readonly number: number;
  /** Unix seconds of a header that came with the number, or with one near it; undefined if there was none. */
  readonly timestamp: number | undefined;
}

/** Blocks by which the heads of two nodes of one chain may differ without one of them being wrong. */
export const FAR_BLOCKS = 256;
/** Seconds by which a header may be later than this machine's clock. */
const AHEAD_SECONDS = 900;
const HOUR = 3600;

/** The middle one, or the lower of the two in the middle. */
export function lowerMedian<T extends number | bigint>(values: readonly T[]): T | undefined {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[(sorted.length - 1) >> 1];
}

/** Whether two heads cannot both be near the end of one chain. */
const contradict = (a: Head, b: Head): boolean =>
  Math.abs(a.number - b.number) > FAR_BLOCKS ||
  (a.timestamp !== undefined && b.timestamp !== undefined && Math.abs(a.timestamp - b.timestamp) > HOUR);

/**
 * Of two heads that contradict each other: one that came with a header counts more; then one whose header is not of the future;
 * then the later header; then the lower number.
 */
function outweighs(a: Head, b: Head, nowSeconds: number): boolean {
  if (a.timestamp === undefined || b.timestamp === undefined) {
    if (a.timestamp !== b.timestamp) return a.timestamp !== undefined;
    return a.number <= b.number;
  }
  const isFuture = ({ timestamp = 0 }: Head): boolean => timestamp > nowSeconds + AHEAD_SECONDS;
  if (isFuture(a) !== isFuture(b)) return !isFuture(a);
  if (Math.abs(a.timestamp - b.timestamp) > HOUR && !isFuture(a)) return a.timestamp > b.timestamp;
  return a.number <= b.number;
}

/**
 * Whether a node's head is believed.
 *
 * RULE: no head alone makes the others seem behind. One far above the median of the others is not believed; of two that
 * contradict each other, only the one that outweighs the other is.
 *
 * @param others heads of the other nodes that told of any
 * @param nowSeconds this machine's Unix time
 */
export function isBelieved(head: Head, others: readonly Head[], nowSeconds: number): boolean {
  const [only, ...more] = others;
  if (!only) return true;
  if (more.length === 0) return !contradict(head, only) || outweighs(head, only, nowSeconds);
  const number = lowerMedian(others.map((one) => one.number)) as number;
  if (head.number > number + FAR_BLOCKS) return false;
  const near = others.flatMap((one) =>
    one.timestamp !== undefined && Math.abs(one.number - head.number) <= FAR_BLOCKS ? [one.timestamp] : [],
  );
  const time = near.length > 1 ? lowerMedian(near) : undefined;
  return head.timestamp === undefined || time === undefined || Math.abs(head.timestamp - time) <= HOUR;
}

/** Whether some heads contradict each other, so that their headers have to decide. */
export const isContradictory = (heads: readonly Head[]): boolean =>
  heads.some((one) => heads.some((other) => contradict(one, other)));
