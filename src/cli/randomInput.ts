import { ELEMENT_BYTES, sizeOf } from '../program/node.ts';
import type { InputSlot } from './files/convert.ts';

/** Seeded 32-bit generator: Marsaglia, "Xorshift RNGs" (2003), triple 13, 17, 5. */
export function xorshift32(seed: number): () => number {
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** What {@link randomInput} fills an input with, for telling the user. */
export const RANDOM_RANGE = { f32: '-1 … 1', i32: '0 … 9', i8: '-128 … 127', u8: '0 … 255' } as const;

/** Bytes for one input, uniform over {@link RANDOM_RANGE}; the same for the same seed anywhere. */
export function randomInput({ dtype, onnxType, shape }: InputSlot, seed: number): Uint8Array {
  const next = xorshift32(seed);
  const count = sizeOf(shape);
  const bytes = new Uint8Array(count * ELEMENT_BYTES[dtype]);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const word = next();
    if (dtype === 'f32') view.setFloat32(4 * i, word / 2 ** 31 - 1, true);
    else if (dtype === 'i32') view.setInt32(4 * i, word % 10, true);
    else view.setUint8(i, onnxType === 'bool' ? word >>> 31 : word >>> 24);
  }
  return bytes;
}
