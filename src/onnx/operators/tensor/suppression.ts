import { compareNumbers } from '../compareNumbers.ts';

/** Non-maximum suppression of known boxes, in float32 as the operator is defined. */

export interface SuppressionLimits {
  /** Boxes taken at most. */
  readonly most: number;
  /** Intersection over union above which a better box suppresses a box. */
  readonly overlap: number;
  /** Scores up to this one do not count. */
  readonly score: number | undefined;
  /** Boxes are centre and size rather than two corners. */
  readonly isCentred: boolean;
}

interface Extent {
  readonly low: number;
  readonly high: number;
}

interface Box {
  readonly x: Extent;
  readonly y: Extent;
}

const { fround, max, min } = Math;

function boxOf(given: readonly number[], isCentred: boolean): Box {
  const [a = 0, b = 0, c = 0, d = 0] = given;
  const around = (centre: number, size: number): Extent => ({
    low: fround(centre - fround(size / 2)),
    high: fround(centre + fround(size / 2)),
  });
  const between = (p: number, q: number): Extent => ({ low: min(p, q), high: max(p, q) });
  return isCentred ? { x: around(a, c), y: around(b, d) } : { x: between(b, d), y: between(a, c) };
}

const length = ({ low, high }: Extent): number => fround(high - low);
const areaOf = ({ x, y }: Box): number => fround(length(x) * length(y));
const common = (a: Extent, b: Extent): Extent => ({ low: max(a.low, b.low), high: min(a.high, b.high) });

/** Intersection over union; 0 for boxes without an area. */
function overlapOf(a: Box, b: Box): number {
  const shared = { x: common(a.x, b.x), y: common(a.y, b.y) };
  if (length(shared.x) <= 0 || length(shared.y) <= 0) return 0;
  const union = fround(fround(areaOf(a) + areaOf(b)) - areaOf(shared));
  return areaOf(a) <= 0 || areaOf(b) <= 0 || union <= 0 ? 0 : fround(areaOf(shared) / union);
}

/** Numbers of the boxes taken, from the best one down; of equal ones the first comes first. */
export function suppressed(
  boxes: readonly (readonly number[])[],
  scores: readonly number[],
  { most, overlap, score, isCentred }: SuppressionLimits,
): number[] {
  const all = boxes.map((box) => boxOf(box, isCentred));
  const candidates = scores
    .flatMap((rate, i) => (score === undefined || rate > score ? [i] : []))
    .sort((a, b) => compareNumbers(scores[b] as number, scores[a] as number) || a - b);
  const taken: number[] = [];
  for (const candidate of candidates) {
    if (taken.length >= most) break;
    const isFree = taken.every((other) => overlapOf(all[candidate] as Box, all[other] as Box) <= overlap);
    if (isFree) taken.push(candidate);
  }
  return taken;
}
