import type { onnx as schema } from 'onnx-proto';
import { LIMITS } from '../../program/limits.ts';
import { sizeOf } from '../../program/node.ts';
import { ensure, quoted } from '../errors.ts';
import { type ElementType, nameOfCode, TYPES, typeOfCode } from '../types.ts';
import type { TensorValue } from './graph.ts';
import type { Source } from './source.ts';

/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

/** The type with this code. @throws Refusal for one that cannot be held in 32 bits */
export function elementType(code: number): ElementType {
  const type = typeOfCode(code);
  ensure(
    type,
    `elements of type ${nameOfCode(code)} cannot run; supported are ${Object.keys(TYPES).join(', ')}`,
  );
  return type;
}

/** Reads a tensor's elements. @throws Refusal if they are missing or too many */
export function readTensor(proto: schema.ITensorProto, source: Source): TensorValue {
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
  const raw = isExternal ? source.external(proto, Math.ceil((size * type.bits) / 8)) : proto.rawData;
  const values = raw && raw.length > 0 ? readRaw(raw, type, size) : readFields(proto, type, size);
  ensure(
    values.length === size,
    `tensor ${name} of shape [${shape}] has ${values.length} elements in place of ${size}`,
  );
  return { type, shape, values };
}

function readFields(proto: schema.ITensorProto, type: ElementType, size: number): TensorValue['values'] {
  switch (type) {
    case TYPES.float:
      return Float32Array.from(proto.floatData ?? []);
    case TYPES.double:
      return Float64Array.from(proto.doubleData ?? []);
    case TYPES.int64:
      return Float64Array.from(proto.int64Data ?? [], Number);
    case TYPES.uint32:
    case TYPES.uint64:
      return Float64Array.from(proto.uint64Data ?? [], Number);
    case TYPES.float16:
      return Float32Array.from(proto.int32Data ?? [], widenFloat16);
    case TYPES.bfloat16:
      return Float32Array.from(proto.int32Data ?? [], widenBfloat16);
    case TYPES.int4:
    case TYPES.uint4:
      return unpack(proto.int32Data ?? [], type, size);
    default:
      return Int32Array.from(proto.int32Data ?? []);
  }
}

/** Two numbers a byte, the lower four bits first; the last byte may hold one. */
function unpack(bytes: ArrayLike<number>, { signed }: ElementType, size: number): Int8Array {
  const values = Int8Array.from({ length: 2 * bytes.length }, (_, i) => {
    const nibble = ((bytes[i >> 1] as number) >> (4 * (i & 1))) & 15;
    return signed && nibble > 7 ? nibble - 16 : nibble;
  });
  return values.subarray(0, values.length === size + 1 ? size : values.length);
}

function readRaw(raw: Uint8Array, type: ElementType, size: number): TensorValue['values'] {
  if (type.bits === 4) return unpack(raw, type, size);
  const width = type.bits / 8;
  ensure(
    raw.length % width === 0,
    `${raw.length} bytes of raw data are no whole number of ${type.name} elements`,
  );
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = raw.length / width;
  const fill = <T extends TensorValue['values']>(into: T, read: (at: number) => number): T => {
    for (let i = 0; i < count; i++) into[i] = read(i * width);
    return into;
  };
  switch (type) {
    case TYPES.float:
      return fill(new Float32Array(count), (at) => view.getFloat32(at, true));
    case TYPES.double:
      return fill(new Float64Array(count), (at) => view.getFloat64(at, true));
    case TYPES.float16:
      return fill(new Float32Array(count), (at) => widenFloat16(view.getUint16(at, true)));
    case TYPES.bfloat16:
      return fill(new Float32Array(count), (at) => widenBfloat16(view.getUint16(at, true)));
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
      return new Int8Array(raw);
    default:
      return new Uint8Array(raw);
  }
}

const word = new DataView(new ArrayBuffer(4));

export const widenBfloat16 = (bits: number): number => {
  word.setUint32(0, (bits & 0xffff) << 16);
  return word.getFloat32(0);
};

/** IEEE 754 binary16 to a number, exactly. */
export function widenFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
