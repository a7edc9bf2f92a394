import type { DType } from '../program/node.ts';
import { type FloatFormat, FORMATS } from './floatFormats.ts';

/**
 * ONNX element types (`TensorProto.DataType`) and how a program holds them: in a dtype of its own, in words.
 *
 * Types wider than 32 bits, and unsigned 32-bit integers, are held in i32 when the compiler can show that every
 * value fits. Floats of 16 bits and fewer are held in f32, which has all their values.
 */
export interface ElementType {
  readonly name: string;
  /** `TensorProto.DataType`. */
  readonly code: number;
  readonly dtype: DType;
  readonly family: 'float' | 'integer' | 'bool';
  /** Bits of the ONNX type. */
  readonly bits: number;
  readonly signed: boolean;
  /** Format, for floats with at most 16 bits. */
  readonly format?: FloatFormat;
}

const row = (
  name: string,
  code: number,
  dtype: DType,
  family: ElementType['family'],
  bits: number,
  signed: boolean,
): ElementType => ({ name, code, dtype, family, bits, signed });

const narrow = (name: keyof typeof FORMATS, code: number): ElementType => ({
  ...row(name, code, 'f32', 'float', FORMATS[name].bits, true),
  format: FORMATS[name],
});

export const TYPES = {
  float: row('float', 1, 'f32', 'float', 32, true),
  uint8: row('uint8', 2, 'u8', 'integer', 8, false),
  int8: row('int8', 3, 'i8', 'integer', 8, true),
  uint16: row('uint16', 4, 'i32', 'integer', 16, false),
  int16: row('int16', 5, 'i32', 'integer', 16, true),
  int32: row('int32', 6, 'i32', 'integer', 32, true),
  int64: row('int64', 7, 'i32', 'integer', 64, true),
  bool: row('bool', 9, 'u8', 'bool', 8, false),
  float16: narrow('float16', 10),
  double: row('double', 11, 'f32', 'float', 64, true),
  uint32: row('uint32', 12, 'i32', 'integer', 32, false),
  uint64: row('uint64', 13, 'i32', 'integer', 64, false),
  bfloat16: narrow('bfloat16', 16),
  float8e4m3fn: narrow('float8e4m3fn', 17),
  float8e4m3fnuz: narrow('float8e4m3fnuz', 18),
  float8e5m2: narrow('float8e5m2', 19),
  float8e5m2fnuz: narrow('float8e5m2fnuz', 20),
  uint4: row('uint4', 21, 'u8', 'integer', 4, false),
  int4: row('int4', 22, 'i8', 'integer', 4, true),
  float4e2m1: narrow('float4e2m1', 23),
  float8e8m0: narrow('float8e8m0', 24),
  uint2: row('uint2', 25, 'u8', 'integer', 2, false),
  int2: row('int2', 26, 'i8', 'integer', 2, true),
  float6e2m3: narrow('float6e2m3', 27),
  float6e3m2: narrow('float6e3m2', 28),
} as const;

const BY_CODE = new Map<number, ElementType>(Object.values(TYPES).map((type) => [type.code, type]));

const REFUSED: Readonly<Record<number, string>> = {
  0: 'undefined',
  8: 'string',
  14: 'complex64',
  15: 'complex128',
};

export const typeOfCode = (code: number): ElementType | undefined => BY_CODE.get(code);

export const nameOfCode = (code: number): string =>
  BY_CODE.get(code)?.name ?? REFUSED[code] ?? `number ${code}`;

/** A closed interval of integers. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Range of an integer type (as doubles: the ends of 64-bit types are rounded outwards). */
export const rangeOfType = (type: ElementType): Range =>
  type.family === 'bool'
    ? { low: 0, high: 1 }
    : type.signed
      ? { low: -(2 ** (type.bits - 1)), high: 2 ** (type.bits - 1) - 1 }
      : { low: 0, high: 2 ** type.bits - 1 };

/** Whether values of an integer type may leave the 32 bits in which a program holds them. */
export const isNarrowed = ({ family, bits, signed }: ElementType): boolean =>
  family === 'integer' && (bits > 32 || (bits === 32 && !signed));

export const I32_RANGE: Range = { low: -(2 ** 31), high: 2 ** 31 - 1 };

export const contains = (outer: Range, inner: Range): boolean =>
  outer.low <= inner.low && inner.high <= outer.high;
