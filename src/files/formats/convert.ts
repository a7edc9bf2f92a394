import { firstOutside, isDouble, type Range, type TensorNumbers } from '../../onnx/index.ts';
import { I32_RANGE, rangeOfType, TYPES } from '../../onnx/types.ts';
import type { DType } from '../../program/node.ts';
import { ELEMENT_BYTES, sizeOf } from '../../program/node.ts';
import { InputError } from '../inputError.ts';
import { elementType, type FileElementType, type FileTensor } from './elementTypes.ts';

/** Name, type and shape of an input of a model. */
export interface InputSlot {
  readonly name: string;
  readonly dtype: DType;
  /** The type in the ONNX file, such as `int64`. */
  readonly onnxType: string;
  readonly shape: readonly number[];
  /** Values that it takes, if those are not all that the dtype has. */
  readonly range?: Range;
}

const NATIVE: Readonly<Record<DType, string>> = { f32: 'float32', i32: 'int32', i8: 'int8', u8: 'uint8' };

/** The file element type that a dtype is written as. */
export const fileTypeOf = (dtype: DType): FileElementType => elementType(NATIVE[dtype]);

const onnxTypeOf = ({ onnxType }: InputSlot) => TYPES[onnxType as keyof typeof TYPES];

/** The integers that an input takes: those of its range, or else of its ONNX type, that int32 has, too. */
function rangeOf(input: InputSlot): Range {
  const { low, high } = input.range ?? rangeOfType(onnxTypeOf(input));
  return { low: Math.max(low, I32_RANGE.low), high: Math.min(high, I32_RANGE.high) };
}

const outside = (where: string, element: number, value: number | bigint, { low, high }: Range): InputError =>
  new InputError(
    `${where}: element ${element} is ${value}, outside the ${low} … ${high} that the model takes`,
  );

const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** The greatest finite number of a float input's type. */
const greatestOf = (input: InputSlot): number => onnxTypeOf(input).format?.greatest ?? MAX_F32;

const MAX_F32 = 3.4028234663852886e38;

/** Whether a finite number rounds to more than the greatest one of a type. */
const isBeyond = (number: number, greatest: number): boolean =>
  Number.isFinite(number) && Math.abs(Math.fround(number)) > greatest;

function writeFloat(to: DataView, i: number, value: number | bigint, input: InputSlot, where: string): void {
  const number = Number(value);
  if (isBeyond(number, greatestOf(input))) {
    const { onnxType } = input;
    const name = onnxType === 'float' || onnxType === 'double' ? 'float32' : onnxType;
    throw new InputError(`${where}: element ${i} is ${value}, which is more than ${name} can hold`);
  }
  to.setFloat32(4 * i, number, true);
}

function writeInteger(
  to: DataView,
  i: number,
  value: number | bigint,
  input: InputSlot,
  where: string,
): void {
  const { dtype, onnxType } = input;
  const isBool = onnxType === 'bool';
  const range = rangeOf(input);
  // A program takes every byte but 0 for true, and so does this.
  if (!isBool && (value < range.low || value > range.high)) throw outside(where, i, value, range);
  if (isBool) to.setUint8(i, Number(value) === 0 ? 0 : 1);
  else if (dtype === 'i32') to.setInt32(4 * i, Number(value), true);
  else to.setInt8(i, Number(value));
}

/** Floats go to floats (float64 is rounded to nearest), integers and bool to integers that hold them. */
function convertElements({ type, bytes }: FileTensor, input: InputSlot, where: string): Uint8Array {
  const { dtype } = input;
  if ((type.kind === 'float') !== (dtype === 'f32')) {
    const want = fileTypeOf(dtype).name;
    throw new InputError(
      `${where}: holds ${type.name}, the model takes ${want}; convert it with astype("${want}")`,
    );
  }
  const count = bytes.length / type.bytes;
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const converted = new Uint8Array(count * ELEMENT_BYTES[dtype]);
  const to = new DataView(converted.buffer);
  const write = dtype === 'f32' ? writeFloat : writeInteger;
  for (let i = 0; i < count; i++) write(to, i, type.read(from, i * type.bytes), input, where);
  return converted;
}

/** Floats of any length as float64, exactly. Those beyond float32 would be infinite where they are computed with. */
function asDoubles({ type, bytes }: FileTensor, where: string): Uint8Array {
  if (type.kind !== 'float') {
    throw new InputError(
      `${where}: holds ${type.name}, the model takes float64; convert it with astype("float64")`,
    );
  }
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / type.bytes;
  const doubles = new DataView(new ArrayBuffer(8 * count));
  for (let i = 0; i < count; i++) {
    const number = Number(type.read(from, i * type.bytes));
    if (isBeyond(number, MAX_F32)) {
      throw new InputError(`${where}: element ${i} is ${number}, which is more than float32 can hold`);
    }
    doubles.setFloat64(8 * i, number, true);
  }
  return new Uint8Array(doubles.buffer);
}

/**
 * The bytes that a request carries for `input`: its elements in the model's dtype, little-endian, row-major.
 *
 * @param where what to call the tensor in messages
 * @throws InputError if shape or element type do not fit, or a number is out of the range of the input's type
 */
export function bytesForInput(tensor: FileTensor, input: InputSlot, where: string): Uint8Array {
  const { shape } = input;
  const same = tensor.shape.length === shape.length && tensor.shape.every((n, d) => n === shape[d]);
  if (!same) {
    const reshape = sizeOf(tensor.shape) === sizeOf(shape) ? '; reshape it' : '';
    throw new InputError(
      `${where}: has the shape ${listed(tensor.shape)}, input "${input.name}" takes ${listed(shape)}${reshape}`,
    );
  }
  // Bits are kept where nothing needs converting: a NaN's payload is part of the input.
  const isFull = KEPT[input.dtype].includes(input.onnxType);
  const isKept = isFull && tensor.type.name === NATIVE[input.dtype];
  const converted = () =>
    isDouble(input) ? asDoubles(tensor, where) : convertElements(tensor, input, where);
  const bytes = isKept ? tensor.bytes : converted();
  const first = input.range && firstOutside(bytes, input, input.range);
  if (first && input.range) throw outside(where, first.element, first.value, input.range);
  return bytes;
}

/** ONNX types that every word of the dtype which holds them is a value of. */
const KEPT: Readonly<Record<DType, readonly string[]>> = {
  f32: ['float', 'double'],
  i32: ['int32', 'int64'],
  i8: ['int8'],
  u8: ['uint8'],
};

/** The elements as numbers; 64-bit integers beyond 2^53 are rounded. */
export function numbersOf({ type, shape, bytes }: FileTensor): TensorNumbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    Number(type.read(view, i * type.bytes)),
  );
  return { shape, values };
}

/** Name, type and shape of an output of a model. */
export type OutputSlot = InputSlot;

/** ONNX types that hold every value of the dtype they are computed in, and go to files as themselves. */
const WIDENED: Readonly<Record<string, string>> = {
  int64: 'int64',
  int16: 'int16',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'bool',
  double: 'float64',
};

/** An output as its file holds it: in the model's own type where that loses nothing, in the program's otherwise. */
export function fileTensorOf({ dtype, shape, onnxType }: OutputSlot, bytes: Uint8Array): FileTensor {
  const type = elementType(WIDENED[onnxType] ?? NATIVE[dtype]);
  const from = fileTypeOf(dtype);
  if (type === from) return { type, shape, bytes };
  const count = sizeOf(shape);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const widened = new Uint8Array(count * type.bytes);
  const to = new DataView(widened.buffer);
  for (let i = 0; i < count; i++) {
    const value = Number(from.read(view, i * from.bytes));
    if (type.name === 'float64') to.setFloat64(8 * i, value, true);
    else if (type.bytes === 8) to.setBigInt64(8 * i, BigInt(value), true);
    else if (type.bytes === 4) to.setInt32(4 * i, value, true);
    else if (type.bytes === 2) to.setInt16(2 * i, value, true);
    else to.setUint8(i, value);
  }
  return { type, shape, bytes: widened };
}
