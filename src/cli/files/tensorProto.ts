import onnxProto, { type onnx as schema } from 'onnx-proto';
import { InputError } from '../inputError.ts';
import { ELEMENT_TYPES, type ElementType, type FileTensor } from './elementTypes.ts';

/** ONNX TensorProto files (.pb), as the ONNX test suites hold their inputs and outputs. */

// A CommonJS package: its one value is the default export.
const { onnx } = onnxProto;

type Long = { toString(): string };

/** Elements given in a typed field instead of raw bytes; ONNX says which field holds which type. */
function typedElements(tensor: schema.TensorProto, type: ElementType): Uint8Array {
  const field = (): readonly (number | Long)[] => {
    if (type.name === 'float32') return tensor.floatData;
    if (type.name === 'float64') return tensor.doubleData;
    if (type.name === 'int64') return tensor.int64Data;
    if (type.name === 'uint32' || type.name === 'uint64') return tensor.uint64Data;
    // int32_data also holds the narrower integers, bool, and the bits of float16.
    return tensor.int32Data;
  };
  const values = field();
  const bytes = new Uint8Array(values.length * type.bytes);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    const at = i * type.bytes;
    if (type.name === 'float32') view.setFloat32(at, Number(value), true);
    else if (type.name === 'float64') view.setFloat64(at, Number(value), true);
    else if (type.bytes === 8) view.setBigInt64(at, BigInt(value.toString()), true);
    else if (type.bytes === 4) view.setInt32(at, Number(value), true);
    else if (type.bytes === 2) view.setInt16(at, Number(value), true);
    else view.setInt8(at, Number(value));
  });
  return bytes;
}

const isPacked = ({ name }: ElementType): boolean => name === 'int4' || name === 'uint4';

/** 4-bit integers, two in a byte with the first in the lower half, as one byte each. */
function unpacked(packed: Uint8Array, type: ElementType, count: number): Uint8Array {
  if (packed.length !== Math.ceil(count / 2)) return packed;
  return Uint8Array.from({ length: count }, (_, i) => {
    const half = ((packed[i >> 1] as number) >> (4 * (i & 1))) & 15;
    return type.name === 'int4' ? (half << 28) >> 28 : half;
  });
}

const packed = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(
    { length: Math.ceil(bytes.length / 2) },
    (_, i) => ((bytes[2 * i] as number) & 15) | (((bytes[2 * i + 1] ?? 0) & 15) << 4),
  );

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
  const stored = tensor.rawData?.length ? Uint8Array.from(tensor.rawData) : typedElements(tensor, type);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const data = isPacked(type) ? unpacked(stored, type, count) : stored;
  const expected = count * type.bytes;
  if (data.length !== expected) {
    throw new InputError(
      `${file}: ${type.name} [${shape.join(', ')}] takes ${expected} bytes, the file has ${data.length}`,
    );
  }
  return { type, shape, bytes: data };
}

export function writeTensorProto({ type, shape, bytes }: FileTensor, name: string): Uint8Array {
  const rawData = isPacked(type) ? packed(bytes) : bytes;
  return onnx.TensorProto.encode({ name, dims: [...shape], dataType: type.onnx, rawData }).finish();
}
