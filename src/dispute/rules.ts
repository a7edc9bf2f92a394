import { wordReader } from '../engine/reference/word.ts';
import { countReveals } from '../program/blocks.ts';
import { CHUNK_BYTES, MAX_INTERVALS } from '../program/limits.ts';
import { inFold, narrowed, type Position, SIGNED } from './position.ts';

/** Why a dispute ended, in the order of `Reason` in `IDisputeGame.sol`. */
export const REASONS = [
  'ClaimantTimeout',
  'ChallengerTimeout',
  'WrongWord',
  'WrongConstant',
  'WrongInput',
  'WrongPadding',
  'WrongCheckpoint',
  'ClaimAlreadyFalsified',
  'WrongAnswer',
  'Malformed',
] as const;

export type Reason = (typeof REASONS)[number];

/** Levels of the next reveal: as few reveals as possible, of even sizes. */
export function levelsToReveal(depthLeft: number): number {
  if (depthLeft === 0) return 0;
  return Math.ceil(depthLeft / countReveals(depthLeft));
}

/** Division of a range of fold steps into intervals: their number, and the steps of each but the last. */
export function intervalsOf({ lo, hi, grain }: Position): { count: number; stride: number } {
  const stride = Math.max(grain, Math.ceil((hi - lo) / MAX_INTERVALS));
  return { count: Math.ceil((hi - lo) / stride), stride };
}

/** The fold positions strictly inside a stretch whose accumulators are posted. */
export function postedPositions(position: Position): number[] {
  const { count, stride } = intervalsOf(position);
  return Array.from({ length: count - 1 }, (_, i) => position.lo + (i + 1) * stride);
}

/** One of the intervals between posted accumulators. */
export function intervalAt(position: Position, words: Uint8Array, interval: number): Position {
  const { count, stride } = intervalsOf(position);
  if (!(interval >= 0 && interval < count)) throw new RangeError(`no interval ${interval} of ${count}`);
  const posted = decodeWords(words);
  const lo = position.lo + interval * stride;
  const before = interval === 0 ? position.accumulator : posted[interval - 1]!;
  return interval + 1 === count
    ? narrowed(position, lo, position.hi, before, position.word)
    : narrowed(position, lo, lo + stride, before, posted[interval]!);
}

/** An element of the disputed chunk: its whole fold, in phase Interval. */
export function elementAt(position: Position, chunk: Uint8Array, offset: number): Position {
  const bytes = position.format % SIGNED;
  const perChunk = CHUNK_BYTES / bytes;
  const count = position.lo / bytes;
  const element = position.index * perChunk + offset;
  if (!(offset >= 0 && offset < perChunk))
    throw new RangeError(`no element ${offset} in a chunk of ${perChunk}`);
  if (element >= count) throw new RangeError(`no element ${element} of ${count}`);
  const dtype = bytes === 4 ? 'i32' : position.format >= SIGNED ? 'i8' : 'u8';
  return inFold(position, element, wordReader(dtype, chunk)(offset));
}

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
