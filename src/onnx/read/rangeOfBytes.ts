import type { Range } from '../types.ts';

/** Bytes that are looked at together, and let go of before the next ones. */
const PART_BYTES = 2 ** 18;

/**
 * Smallest interval with all of so many bytes, signed or not; [0, 0] of none.
 *
 * @param read reads the bytes from one to the one before another
 */
export function rangeOfBytes(
  read: (from: number, end: number) => Uint8Array,
  length: number,
  signed: boolean,
): Range {
  if (length === 0) return { low: 0, high: 0 };
  const seen = new Uint8Array(256);
  for (let from = 0; from < length; from += PART_BYTES) {
    const bytes = read(from, Math.min(length, from + PART_BYTES));
    for (let i = 0; i < bytes.length; i++) seen[bytes[i]!] = 1;
  }
  const numbers = [...seen.keys()]
    .filter((code) => seen[code] === 1)
    .map((code) => (signed ? (code << 24) >> 24 : code));
  return { low: Math.min(...numbers), high: Math.max(...numbers) };
}
