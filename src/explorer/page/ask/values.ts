import { type DType, ELEMENT_BYTES, sizeOf } from '../../../program/node.ts';

/** Numbers that a person types, as a tensor's bytes. */

/** The text is not a tensor of the expected type and shape. The message is one sentence. */
export class NotValues extends Error {
  override name = 'NotValues';
}

const RANGES: Readonly<Record<Exclude<DType, 'f32'>, readonly [low: number, high: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i8: [-128, 127],
  u8: [0, 255],
};

function write(view: DataView, dtype: DType, at: number, value: number): void {
  if (dtype === 'f32') view.setFloat32(4 * at, value, true);
  else if (dtype === 'i32') view.setInt32(4 * at, value, true);
  else if (dtype === 'i8') view.setInt8(at, value);
  else view.setUint8(at, value);
}

/**
 * A tensor from numbers with spaces or commas between them, in row-major order.
 *
 * @throws NotValues for too few or too many, and for what is no number of the type
 */
export function tensorOf(text: string, dtype: DType, shape: readonly number[]): Uint8Array {
  const words = text.split(/[\s,;]+/).filter((one) => one !== '');
  const size = sizeOf(shape);
  if (words.length !== size)
    throw new NotValues(`There are ${words.length} numbers, and the input takes ${size}.`);
  const bytes = new Uint8Array(size * ELEMENT_BYTES[dtype]);
  const view = new DataView(bytes.buffer);
  for (const [i, one] of words.entries()) {
    const value = Number(one);
    if (Number.isNaN(value)) throw new NotValues(`“${one.slice(0, 20)}” is no number.`);
    if (dtype !== 'f32') {
      const [low, high] = RANGES[dtype];
      if (!Number.isInteger(value) || value < low || value > high)
        throw new NotValues(`${value} is no whole number from ${low} to ${high}.`);
    }
    write(view, dtype, i, value);
  }
  return bytes;
}

/** Sides of a picture that a tensor may be: bytes, in rows of a few columns at least; undefined for any other. */
export function pictureIn(
  dtype: DType,
  shape: readonly number[],
): readonly [width: number, height: number] | undefined {
  const [height = 0, width = 0] = shape.slice(-2);
  const isPicture = dtype === 'u8' && width >= 8 && height >= 8 && width * height === sizeOf(shape);
  return isPicture && width <= 512 && height <= 512 ? [width, height] : undefined;
}
