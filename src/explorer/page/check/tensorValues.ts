import { type DType, ELEMENT_BYTES } from '../../../program/node.ts';
import { floatText } from '../../floatText.ts';
import type { ElementValues } from './order.ts';

/** Values of a tensor that are shown. */
const MOST_VALUES = 12;

/** A tensor, and what it is for. */
export interface NamedTensor {
  /** Its role and number, such as `output 0`. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** One element of a tensor as people read it. */
export function valueAt(dtype: DType, bytes: Uint8Array, element: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case 'f32':
      return floatText(view.getFloat32(4 * element, true));
    case 'i32':
      return `${view.getInt32(4 * element, true)}`;
    case 'i8':
      return `${view.getInt8(element)}`;
    case 'u8':
      return `${view.getUint8(element)}`;
  }
}

/** The form of a tensor, such as `u8 [28, 28]`. */
export const formText = ({ dtype, shape }: Pick<NamedTensor, 'dtype' | 'shape'>): string =>
  shape.length === 0 ? dtype : `${dtype} [${shape.join(', ')}]`;

/** The first values of a tensor. */
export function valuesOf({ name, dtype, shape, bytes }: NamedTensor): ElementValues {
  const count = bytes.length / ELEMENT_BYTES[dtype];
  const values = Array.from({ length: Math.min(count, MOST_VALUES) }, (_, e) => valueAt(dtype, bytes, e));
  return { title: `${name}, ${formText({ dtype, shape })}`, values, count };
}
