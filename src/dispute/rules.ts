import { MAX_INTERVALS, MAX_REVEAL_LEVELS } from '../program/limits.ts';
import type { Position } from './position.ts';

/** Why a dispute ended, in the order of `Reason` in `IDisputeGame.sol`. */
export const REASONS = [
  'ClaimantTimeout',
  'ChallengerTimeout',
  'WrongWord',
  'WrongConstant',
  'WrongInput',
  'WrongPadding',
  'ClaimAlreadyFalsified',
] as const;

export type Reason = (typeof REASONS)[number];

/** How many levels a reveal opens: as equal parts of `depth` as fit in the fewest reveals. */
export function levelsToReveal(depth: number): number {
  if (depth === 0) return 0;
  const moves = Math.ceil(depth / MAX_REVEAL_LEVELS);
  return Math.ceil(depth / moves);
}

type Stretch = Pick<Position, 'lo' | 'hi' | 'grain'>;

/** Distance between the fold positions whose accumulators are posted. */
export const strideOf = ({ lo, hi, grain }: Stretch): number =>
  Math.max(grain, Math.ceil((hi - lo) / MAX_INTERVALS));

/** Into how many intervals a stretch is divided. */
export const intervalsOf = (stretch: Stretch): number =>
  Math.ceil((stretch.hi - stretch.lo) / strideOf(stretch));

/** The fold positions strictly inside a stretch whose accumulators are posted. */
export const postedPositions = (stretch: Stretch): number[] =>
  Array.from({ length: intervalsOf(stretch) - 1 }, (_, i) => stretch.lo + (i + 1) * strideOf(stretch));

/** Accumulators as they are posted: four bytes each, big-endian. */
export function encodeWords(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  return bytes;
}

export function decodeWords(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** One interval of a divided stretch: its ends, the word before it and the claimed word after it. */
export function intervalOf(position: Position, words: readonly number[], interval: number) {
  const stride = strideOf(position);
  const lo = position.lo + interval * stride;
  return {
    lo,
    hi: Math.min(position.hi, lo + stride),
    grain: position.grain,
    accumulator: interval === 0 ? position.accumulator : words[interval - 1]!,
    word: interval === words.length ? position.word : words[interval]!,
  };
}
