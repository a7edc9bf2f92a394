import onnxProto, { type onnx as schema } from 'onnx-proto';
import { packBits, packedLength, signExtended, unpackBits } from '../../onnx/packedBits.ts';
import { TYPES } from '../../onnx/types.ts';
import { InputError } from '../inputError.ts';
import { ELEMENT_TYPES, type FileElementType, type FileTensor } from './elementTypes.ts';
import { isTensorProto } from './kinds.ts';

/** ONNX TensorProto files (.pb), as the ONNX test suites hold their inputs and outputs. */

// A CommonJS package: its one value is the default export.
const { onnx } = onnxProto;

type Long = { toString(): string };

/** More than any input can have. */
const MAX_ELEMENTS = 2 ** 31;

/** Elements given in a typed field instead of raw bytes; ONNX says which field holds which type. */
function typedElements(
  tensor: schema.TensorProto,
  type: FileElementType,
  count: number,
  file: string,
): Uint8Array {
  const field = (): readonly (number | Long)[] => {
    if (type.name === 'float32') return tensor.floatData;
    if (type.name === 'float64') return tensor.doubleData;
    if (type.name === 'int64') return tensor.int64Data;
    if (type.name === 'uint32' || type.name === 'uint64') return tensor.uint64Data;
    // int32_data also holds the narrower integers, bool, and the bits of floats.
    return tensor.int32Data;
  };
  const values = field();
  // Integers of 2 and 4 bits and floats of 4 are as tight in the lower byte of each number as in raw bytes.
  if (type.bits < 8 && type.bits !== 6) {
    return unpacked(
      Uint8Array.from(values, (value) => byteIn(value, file)),
      type,
      count,
      file,
    );
  }
  const bytes = new Uint8Array(values.length * type.bytes);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    const at = i * type.bytes;
    if (type.name === 'float32') view.setFloat32(at, Number(value), true);
    else if (type.name === 'float64') view.setFloat64(at, Number(value), true);
    else if (type.name === 'bool') view.setUint8(at, Number(value) === 0 ? 0 : 1);
    else if (type.bytes === 8) view.setBigInt64(at, BigInt(value.toString()), true);
    else {
      ensureHeld(Number(value), type, i, file);
      if (type.bytes === 4) view.setInt32(at, Number(value), true);
      else if (type.bytes === 2) view.setInt16(at, Number(value), true);
      else view.setInt8(at, Number(value));
    }
  });
  return bytes;
}

function byteIn(value: number | Long, file: string): number {
  const byte = Number(value);
  if (byte >= 0 && byte <= 255) return byte;
  throw new InputError(`${file}: holds the number ${byte} where packed elements take a byte`);
}

/** @throws InputError for a number that is not one of the type, or the code of one */
function ensureHeld(value: number, type: FileElementType, i: number, file: string): void {
  const { family, signed } = TYPES[ONNX_NAMES.get(type.onnx) as keyof typeof TYPES];
  // The codes of floats may be given with or without a sign.
  const isCode = family === 'float';
  const low = (signed && !isCode) || (isCode && type.bits >= 8) ? -(2 ** (type.bits - 1)) : 0;
  const high = signed && !isCode ? 2 ** (type.bits - 1) - 1 : 2 ** type.bits - 1;
  if (value >= low && value <= high) return;
  const what = isCode ? `no code of a ${type.name}` : `no ${type.name}`;
  throw new InputError(`${file}: element ${i} is ${value}, which is ${what}`);
}

const ONNX_NAMES = new Map(Object.entries(TYPES).map(([name, { code }]) => [code as number, name]));

/** Elements of less than a byte as one byte each: integers with their sign, floats by their codes. */
function unpacked(bytes: Uint8Array, type: FileElementType, count: number, file: string): Uint8Array {
  const length = packedLength(count, type.bits);
  if (bytes.length !== length) {
    throw new InputError(
      `${file}: ${count} elements of type ${type.name} take ${length} bytes, the file has ${bytes.length}`,
    );
  }
  const codes = unpackBits(bytes, type.bits, count);
  return isSigned(type) ? Uint8Array.from(codes, (code) => signExtended(code, type.bits)) : codes;
}

const isSigned = ({ name }: FileElementType): boolean => name === 'int2' || name === 'int4';

/**
 * @param file what to call the file in messages
 * @throws InputError if `bytes` are not a whole TensorProto with its data inside
 */
export function readTensorProto(bytes: Uint8Array, file: string): FileTensor {
  const tensor = (() => {
    try {
      return onnx.TensorProto.decode(bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError(`${file}: is not an ONNX TensorProto file, or is truncated (${reason})`);
    }
  })();
  if (!isTensorProto(bytes)) throw new InputError(`${file}: is not an ONNX TensorProto file`);
  if (tensor.externalData.length > 0) {
    throw new InputError(`${file}: keeps its data in another file; save the tensor with its data inside`);
  }
  const type = ELEMENT_TYPES.find(({ onnx: code }) => code === tensor.dataType);
  if (!type) {
    throw new InputError(`${file}: is not an ONNX TensorProto of numbers (element type ${tensor.dataType})`);
  }
  const shape = tensor.dims.map((extent) => Number(extent.toString()));
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    throw new InputError(`${file}: has the shape [${shape.join(', ')}], which is not a list of sizes`);
  }
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (count > MAX_ELEMENTS)
    throw new InputError(`${file}: has the shape [${shape.join(', ')}], which is too large`);
  const raw = tensor.rawData?.length ? Uint8Array.from(tensor.rawData) : undefined;
  const data = !raw
    ? typedElements(tensor, type, count, file)
    : type.bits < 8
      ? unpacked(raw, type, count, file)
      : raw;
  const expected = count * type.bytes;
  if (data.length !== expected) {
    throw new InputError(
      `${file}: ${type.name} [${shape.join(', ')}] takes ${expected} bytes, the file has ${data.length}`,
    );
  }
  return { type, shape, bytes: data };
}

export function writeTensorProto({ type, shape, bytes }: FileTensor, name: string): Uint8Array {
  const rawData = type.bits < 8 ? packBits(bytes, type.bits) : bytes;
  return onnx.TensorProto.encode({ name, dims: [...shape], dataType: type.onnx, rawData }).finish();
}
