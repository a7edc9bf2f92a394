import { f32OfWord } from '../../scalar/machine.ts';
import type { FloatRange } from '../ir/known.ts';
import type { Words } from '../ir/tensor.ts';
import { rangeOfBytes } from '../read/rangeOfBytes.ts';
import type { ElementType, Range } from '../types.ts';

/** Floats of a constant at most, for their bounds to be sought. */
const BOUNDED_FLOATS = 65_536;

/** Bounds of integers, or of floats where they are few. */
export function boundsOfWords(
  { family }: ElementType,
  words: Words,
): { range: Range | undefined; floats?: FloatRange } {
  if (family !== 'float')
    return {
      range:
        words instanceof Uint32Array
          ? hullOf(new Int32Array(words.buffer, words.byteOffset, words.length))
          : hullOfBytes(words),
    };
  if (words.length > BOUNDED_FLOATS) return { range: undefined };
  const floats = Array.from(words, f32OfWord);
  const numbers = floats.filter((value) => !Number.isNaN(value));
  const nan = numbers.length < floats.length;
  return { range: undefined, floats: { ...hullOf(numbers), nan } };
}

/** Smallest interval with these numbers, [0, 0] of none. */
function hullOf(values: ArrayLike<number>): Range {
  let [low, high] = [values[0] ?? 0, values[0] ?? 0];
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** The same of bytes. */
function hullOfBytes(words: Int8Array | Uint8Array): Range {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.length);
  return rangeOfBytes((from, end) => bytes.subarray(from, end), bytes.length, words instanceof Int8Array);
}
