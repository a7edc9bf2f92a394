import { FORMATS, widen } from '../../onnx/floatFormats.ts';
import { TYPES } from '../../onnx/types.ts';

/**
 * Element types that tensor files may hold, under the names that ONNX gives them, and how to read and write one
 * element. Bytes are little-endian everywhere in memory.
 */
export interface FileElementType {
  readonly name: string;
  readonly bytes: 1 | 2 | 4 | 8;
  /** Code in .npy files, without its byte order; empty if they cannot hold the type. */
  readonly npy: string;
  /** `TensorProto.DataType`. */
  readonly onnx: number;
  readonly kind: 'float' | 'integer' | 'bool';
  /** Bits of an element where elements of less than a byte are packed, as in .pb files. */
  readonly bits: number;
  read(view: DataView, at: number): number | bigint;
}

type Row = readonly [
  string,
  FileElementType['bytes'],
  string,
  number,
  FileElementType['kind'],
  FileElementType['read'],
];

const SHORT_FLOATS = [
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float8e8m0',
  'float6e2m3',
  'float6e3m2',
  'float4e2m1',
] as const;

const bitsOfCode = new Map(Object.values(TYPES).map(({ code, bits }) => [code, bits]));

const rows: readonly Row[] = [
  ['float32', 4, 'f4', 1, 'float', (view, at) => view.getFloat32(at, true)],
  ['uint8', 1, 'u1', 2, 'integer', (view, at) => view.getUint8(at)],
  ['int8', 1, 'i1', 3, 'integer', (view, at) => view.getInt8(at)],
  ['uint16', 2, 'u2', 4, 'integer', (view, at) => view.getUint16(at, true)],
  ['int16', 2, 'i2', 5, 'integer', (view, at) => view.getInt16(at, true)],
  ['int32', 4, 'i4', 6, 'integer', (view, at) => view.getInt32(at, true)],
  ['int64', 8, 'i8', 7, 'integer', (view, at) => view.getBigInt64(at, true)],
  ['bool', 1, 'b1', 9, 'bool', (view, at) => view.getUint8(at)],
  ['float16', 2, 'f2', 10, 'float', (view, at) => widen(FORMATS.float16, view.getUint16(at, true))],
  // NumPy has none of these. In memory an integer of less than a byte takes one, and a float takes one with its code.
  ['int4', 1, '', 22, 'integer', (view, at) => view.getInt8(at)],
  ['uint4', 1, '', 21, 'integer', (view, at) => view.getUint8(at)],
  ['int2', 1, '', 26, 'integer', (view, at) => view.getInt8(at)],
  ['uint2', 1, '', 25, 'integer', (view, at) => view.getUint8(at)],
  ['bfloat16', 2, '', 16, 'float', (view, at) => widen(FORMATS.bfloat16, view.getUint16(at, true))],
  ...SHORT_FLOATS.map(
    (name): Row => [
      name,
      1,
      '',
      TYPES[name].code,
      'float',
      (view, at) => widen(FORMATS[name], view.getUint8(at)),
    ],
  ),
  ['float64', 8, 'f8', 11, 'float', (view, at) => view.getFloat64(at, true)],
  ['uint32', 4, 'u4', 12, 'integer', (view, at) => view.getUint32(at, true)],
  ['uint64', 8, 'u8', 13, 'integer', (view, at) => view.getBigUint64(at, true)],
];

export const ELEMENT_TYPES: readonly FileElementType[] = rows.map(([name, bytes, npy, onnx, kind, read]) => ({
  name,
  bytes,
  npy,
  onnx,
  kind,
  bits: bitsOfCode.get(onnx) ?? 8 * bytes,
  read,
}));

export function elementType(name: string): FileElementType {
  const found = ELEMENT_TYPES.find((type) => type.name === name);
  if (!found) throw new RangeError(`${name} is not an element type of tensor files`);
  return found;
}

/** A tensor as a file holds it: row-major, little-endian. */
export interface FileTensor {
  readonly type: FileElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Reverses the bytes of each element: big-endian files to memory. */
export function swapElements(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const inElement = at % elementBytes;
    swapped[at] = bytes[at - inElement + (elementBytes - 1 - inElement)] as number;
  }
  return swapped;
}
