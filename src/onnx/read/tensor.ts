import type { onnx as schema } from 'onnx-proto';
import { LIMITS } from '../../program/limits.ts';
import { sizeOf } from '../../program/node.ts';
import { ensure, quoted } from '../errors.ts';
import { type FloatFormat, widen } from '../floatFormats.ts';
import { packedLength, signExtended, unpackBits } from '../packedBits.ts';
import { type ElementType, nameOfCode, rangeOfType, TYPES, typeOfCode } from '../types.ts';
import { IS_LITTLE_ENDIAN } from './byteOrder.ts';
import type { TensorValue } from './graph.ts';
import { rangeOfBytes } from './rangeOfBytes.ts';
import type { ByteSource } from './source.ts';

/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

/** A tensor of so many elements is not held while nothing needs it, if its type is one of weights. */
const FAR_ELEMENTS = 2 ** 17;
const FAR_TYPES: ReadonlySet<ElementType> = new Set([
  TYPES.float,
  TYPES.float16,
  TYPES.bfloat16,
  TYPES.int8,
  TYPES.uint8,
]);

/** The type with this code. @throws Refusal for one that cannot be held in 32 bits */
export function elementType(code: number): ElementType {
  const type = typeOfCode(code);
  ensure(type, `elements of type ${nameOfCode(code)} cannot run; integers, floats and bool can`);
  return type;
}

/** Reads a tensor's elements. @throws Refusal if they are missing, too many, or no values of their type */
export function readTensor(proto: schema.ITensorProto, source: ByteSource): TensorValue {
  const shape = (proto.dims ?? []).map(Number);
  const name = quoted(proto.name ?? '');
  const type = elementType(proto.dataType ?? 0);
  ensure(
    shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) &&
      sizeOf(shape) <= LIMITS.MAX_TENSOR_BYTES / 4,
    `tensor ${name} has the shape [${shape.slice(0, 16)}], which is too large`,
  );
  const size = sizeOf(shape);
  const isExternal = Number(proto.dataLocation ?? 0) === EXTERNAL;
  const given = proto.rawData;
  const length = packedLength(size, type.bits);
  const read = isExternal
    ? source.external(proto, length)
    : given && given.length > 0
      ? (from = 0, end = given.length): Uint8Array => given.subarray(from, end)
      : undefined;
  if (read && size >= FAR_ELEMENTS && FAR_TYPES.has(type) && (isExternal || given?.length === length)) {
    return {
      type,
      shape,
      isFar: true,
      get values() {
        return readRaw(read(), type, size, name);
      },
      ...(type.family === 'float' ? {} : { range: rangeOfBytes(read, length, type.signed) }),
    };
  }
  const values = read ? readRaw(read(), type, size, name) : readFields(proto, type, size, name);
  ensure(
    values.length === size,
    `tensor ${name} of shape [${shape}] has ${values.length} elements in place of ${size}`,
  );
  return { type, shape, values };
}

type Values = TensorValue['values'];

function readFields(proto: schema.ITensorProto, type: ElementType, size: number, name: string): Values {
  switch (type) {
    case TYPES.float:
      return Float32Array.from(proto.floatData ?? []);
    case TYPES.double:
      return Float64Array.from(proto.doubleData ?? []);
    case TYPES.int64:
      return Float64Array.from(proto.int64Data ?? [], Number);
    case TYPES.uint32:
    case TYPES.uint64:
      return inRange(Float64Array.from(proto.uint64Data ?? [], Number), type, name);
    default:
      return readInt32s(proto.int32Data ?? [], type, size, name);
  }
}

/** `int32_data`: integers, or the bits of floats, or several short elements in the lower byte of each. */
function readInt32s(data: readonly number[], type: ElementType, size: number, name: string): Values {
  if (type.family === 'bool') return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
  if (type.bits < 8) {
    const isPacked = type.bits !== 6;
    ensure(
      data.every((value) => value >= 0 && value < (isPacked ? 256 : 64)),
      `tensor ${name} has ${type.name} elements in numbers that are no bytes`,
    );
    if (isPacked) return unpacked(data, type, size, name);
  }
  if (!type.format) return inRange(Int32Array.from(data), type, name);
  const codes = 2 ** type.format.bits;
  // Codes may be given as signed numbers of as many bits.
  const misfit = data.find((code) => code < -codes / 2 || code >= codes);
  ensure(misfit === undefined, `tensor ${name} has the number ${misfit}, which is no code of a ${type.name}`);
  return widened(
    data.map((code) => code & (codes - 1)),
    type,
  );
}

/** @throws Refusal for an integer that its type does not have */
function inRange<T extends Int32Array | Float64Array>(values: T, type: ElementType, name: string): T {
  const { low, high } = rangeOfType(type);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    ensure(
      value >= low && value <= high,
      () => `tensor ${name} has the element ${value} at ${i}, which is no ${type.name}`,
    );
  }
  return values;
}

/** The numbers with these codes, in a table of its own for each short type. */
function widened(codes: ArrayLike<number>, { format }: ElementType): Float32Array {
  const of = format as FloatFormat;
  const table = tables.get(of) ?? Float32Array.from({ length: 2 ** of.bits }, (_, code) => widen(of, code));
  tables.set(of, table);
  return Float32Array.from(codes, (code) => table[code] as number);
}

const tables = new Map<FloatFormat, Float32Array>();

/** Elements of fewer than 8 bits. */
function unpacked(bytes: ArrayLike<number>, type: ElementType, size: number, name: string): Values {
  const length = packedLength(size, type.bits);
  ensure(
    bytes.length === length,
    `tensor ${name} of ${size} ${type.name} elements has ${bytes.length} bytes in place of ${length}`,
  );
  const codes = unpackBits(bytes, type.bits, size);
  if (type.format) return widened(codes, type);
  return type.signed ? Int8Array.from(codes, (code) => signExtended(code, type.bits)) : codes;
}

function readRaw(raw: Uint8Array, type: ElementType, size: number, name: string): Values {
  if (type.bits < 8) return unpacked(raw, type, size, name);
  const width = type.bits / 8;
  ensure(
    raw.length % width === 0,
    `${raw.length} bytes of raw data are no whole number of ${type.name} elements`,
  );
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = raw.length / width;
  const fill = <T extends Values>(into: T, read: (at: number) => number): T => {
    for (let i = 0; i < count; i++) into[i] = read(i * width);
    return into;
  };
  if (type.format)
    return widened(width === 1 ? raw : fill(new Int32Array(count), (at) => view.getUint16(at, true)), type);
  switch (type) {
    case TYPES.float:
      if (IS_LITTLE_ENDIAN) return new Float32Array(ownBytes(raw).buffer);
      return fill(new Float32Array(count), (at) => view.getFloat32(at, true));
    case TYPES.double:
      return fill(new Float64Array(count), (at) => view.getFloat64(at, true));
    case TYPES.int64:
      return fill(new Float64Array(count), (at) => Number(view.getBigInt64(at, true)));
    case TYPES.uint64:
      return fill(new Float64Array(count), (at) => Number(view.getBigUint64(at, true)));
    case TYPES.int32:
      return fill(new Int32Array(count), (at) => view.getInt32(at, true));
    case TYPES.uint32:
      return fill(new Float64Array(count), (at) => view.getUint32(at, true));
    case TYPES.int16:
      return fill(new Int32Array(count), (at) => view.getInt16(at, true));
    case TYPES.uint16:
      return fill(new Int32Array(count), (at) => view.getUint16(at, true));
    case TYPES.int8:
      // Wraps.
      return new Int8Array(ownBytes(raw).buffer);
    case TYPES.bool:
      // As in inputs, any byte but 0 is true.
      return Uint8Array.from(raw, (byte) => (byte === 0 ? 0 : 1));
    default:
      return ownBytes(raw);
  }
}

/** The bytes as all that their buffer has: copied, unless they are just that. A reader of files gives new ones each time. */
const ownBytes = (raw: Uint8Array): Uint8Array =>
  raw.constructor === Uint8Array && raw.byteLength === raw.buffer.byteLength ? raw : Uint8Array.from(raw);
