import { inputLength, isDouble, type Range } from '../onnx/index.ts';
import { sizeOf } from '../program/node.ts';
import { xorshift32 } from '../scalar/xorshift32.ts';
import type { InputSlot } from './formats/convert.ts';

/** Both ends included, except for the upper one of floats. */
const RANDOM_RANGE: Readonly<Record<InputSlot['dtype'], Range>> = {
  f32: { low: -1, high: 1 },
  i32: { low: 0, high: 9 },
  i8: { low: -128, high: 127 },
  u8: { low: 0, high: 255 },
};

/** Range of random values: the input's own cut to the usual one of its dtype, or all of its own if they do not meet. */
export function randomRange(slot: InputSlot): Range {
  const { dtype, onnxType, range } = slot;
  const usual = onnxType === 'bool' ? { low: 0, high: 1 } : RANDOM_RANGE[isDouble(slot) ? 'f32' : dtype];
  if (!range) return usual;
  const both = { low: Math.max(usual.low, range.low), high: Math.min(usual.high, range.high) };
  return both.low <= both.high ? both : range;
}

/** Bytes for one input, uniform over {@link randomRange}; the same for the same seed anywhere. */
export function randomInput(slot: InputSlot, seed: number): Uint8Array {
  const { dtype, shape } = slot;
  const { low, high } = randomRange(slot);
  const next = xorshift32(seed);
  const count = sizeOf(shape);
  const bytes = new Uint8Array(inputLength(slot));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const word = next();
    const whole = low + (word % (high - low + 1));
    if (isDouble(slot)) view.setFloat64(8 * i, low + (word / 2 ** 32) * (high - low), true);
    else if (dtype === 'f32') view.setFloat32(4 * i, low + (word / 2 ** 32) * (high - low), true);
    else if (dtype === 'i32') view.setInt32(4 * i, whole, true);
    // Of a bit or a whole byte the upper bits, which are the most random ones.
    else if (high - low === 1) view.setUint8(i, low + (word >>> 31));
    else view.setUint8(i, high - low === 255 ? word >>> 24 : whole);
  }
  return bytes;
}
