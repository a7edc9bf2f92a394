/**
 * Binary floating-point formats of at most 16 bits. A program holds their values in binary32, which has all of them.
 *
 * Sources: IEEE 754-2019 (binary16); OCP 8-bit Floating Point Specification 1.0 (E4M3, E5M2); Noune et al., "8-bit
 * Numerical Formats for Deep Neural Networks", 2022 (FNUZ); OCP Microscaling Formats 1.0 (E2M1, E2M3, E3M2, E8M0).
 */
export interface FloatFormat {
  readonly bits: number;
  readonly exponentBits: number;
  readonly fractionBits: number;
  readonly bias: number;
  /** The greatest finite value. */
  readonly greatest: number;
  /** The result beyond the greatest finite value, unless a conversion saturates. */
  readonly overflow: 'infinity' | 'nan' | 'greatest';
  /** Whether the codes for infinity, NaN or both are those with a full exponent, one each, or that of -0. */
  readonly special: 'ieee' | 'full' | 'negative zero' | 'none';
}

const format = (
  exponentBits: number,
  fractionBits: number,
  bias: number,
  greatest: number,
  overflow: FloatFormat['overflow'],
  special: FloatFormat['special'],
): FloatFormat => ({
  bits: 1 + exponentBits + fractionBits,
  exponentBits,
  fractionBits,
  bias,
  greatest,
  overflow,
  special,
});

export const FORMATS = {
  float16: format(5, 10, 15, 65504, 'infinity', 'ieee'),
  bfloat16: format(8, 7, 127, 255 * 2 ** 120, 'infinity', 'ieee'),
  float8e4m3fn: format(4, 3, 7, 448, 'nan', 'full'),
  float8e4m3fnuz: format(4, 3, 8, 240, 'nan', 'negative zero'),
  float8e5m2: format(5, 2, 15, 57344, 'infinity', 'ieee'),
  float8e5m2fnuz: format(5, 2, 16, 57344, 'nan', 'negative zero'),
  float6e2m3: format(2, 3, 1, 7.5, 'greatest', 'none'),
  float6e3m2: format(3, 2, 3, 28, 'greatest', 'none'),
  float4e2m1: format(2, 1, 1, 6, 'greatest', 'none'),
  /** Powers of two: an exponent without sign and fraction. */
  float8e8m0: { ...format(8, 0, 127, 2 ** 127, 'nan', 'full'), bits: 8 },
} as const satisfies Readonly<Record<string, FloatFormat>>;

/** The value of a code, exactly. */
export function widen(of: FloatFormat, code: number): number {
  if (of === FORMATS.float8e8m0) return code === 255 ? Number.NaN : 2 ** (code - of.bias);
  const sign = (code >>> (of.bits - 1)) & 1 ? -1 : 1;
  const exponent = (code >>> of.fractionBits) & (2 ** of.exponentBits - 1);
  const fraction = code & (2 ** of.fractionBits - 1);
  const isFull = exponent === 2 ** of.exponentBits - 1;
  if (of.special === 'ieee' && isFull) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (of.special === 'full' && isFull && fraction === 2 ** of.fractionBits - 1) return Number.NaN;
  if (of.special === 'negative zero' && code === 2 ** (of.bits - 1)) return Number.NaN;
  const unit = 2 ** (1 - of.bias - of.fractionBits);
  return exponent === 0
    ? sign * fraction * unit
    : sign * (2 ** of.fractionBits + fraction) * unit * 2 ** (exponent - 1);
}

/** Whether a format has a number; where it has no NaN, none is exact. */
export function isExact(of: FloatFormat, value: number): boolean {
  if (Number.isNaN(value)) return of.special !== 'none';
  const magnitude = Math.abs(value);
  if (of === FORMATS.float8e8m0)
    return value >= 2 ** -of.bias && value <= of.greatest && value === 2 ** exponentOf(value);
  if (magnitude === Number.POSITIVE_INFINITY) return of.overflow === 'infinity';
  if (magnitude === 0) return of.special !== 'negative zero' || !Object.is(value, -0);
  const unit = 2 ** (Math.max(exponentOf(magnitude), 1 - of.bias) - of.fractionBits);
  return magnitude <= of.greatest && Number.isInteger(magnitude / unit);
}

const double = new DataView(new ArrayBuffer(8));

/** The exponent of a positive number that binary32 has, all of which are normal in binary64. */
function exponentOf(value: number): number {
  double.setFloat64(0, value);
  return (double.getUint32(0) >>> 20) - 1023;
}
