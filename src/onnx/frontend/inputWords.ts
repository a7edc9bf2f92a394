import { type DType, ELEMENT_BYTES, sizeOf } from '../../program/node.ts';

/** An input as its user sees it: its dtype, its type in the file, and the shape it has there. */
export interface InputType {
  readonly dtype: DType;
  readonly onnxType: string;
  readonly shape: readonly number[];
}

/** Whether an input is given by float64s, each of which is two words of its dtype. */
export const isDouble = ({ dtype, onnxType }: Pick<InputType, 'dtype' | 'onnxType'>): boolean =>
  onnxType === 'double' && dtype === 'i32';

/** Bytes that an input is given by: 8 an element for a double, else the width of its dtype. */
export const inputLength = (input: InputType): number =>
  sizeOf(input.shape) * (isDouble(input) ? 8 : ELEMENT_BYTES[input.dtype]);
