import { type Expression, f32, i32, select, word } from '../ir/expression.ts';

/** Rounding to the 16-bit float types, whose values are held in binary32; ties to even, NaN made canonical. */

const CANONICAL_NAN = word(0x7fc00000);
const SIGN = word(0x80000000);
const INFINITY = word(0x7f800000);

/** The word without its lowest bits, rounded to nearest in magnitude; a carry into the exponent is right. */
function withoutLowBits(x: Expression, bits: number): Expression {
  const odd = i32.and(i32.shrU(x, i32.of(bits)), i32.of(1));
  const up = i32.add(x, i32.add(i32.of(2 ** (bits - 1) - 1), odd));
  return i32.and(up, word(-(2 ** bits)));
}

/** bfloat16: binary32 with 8 bits of precision in place of 24. */
export const toBfloat16 = (x: Expression): Expression =>
  select(f32.isNaN(x), CANONICAL_NAN, withoutLowBits(x, 16));

/** IEEE 754 binary16: 11 bits of precision, subnormal below 2^-14, infinite from 65520 on. */
export function toFloat16(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const normal = withoutLowBits(magnitude, 13);
  // Words of positive floats are ordered as the floats are: 65536 and above is infinity.
  const bounded = select(i32.lt(normal, f32.of(65536)), normal, INFINITY);
  // Subnormals are multiples of 2^-24, which is half's unit in the last place: adding it rounds to them.
  const half = f32.of(0.5);
  const subnormal = f32.sub(f32.add(magnitude, half), half);
  const rounded = select(i32.lt(magnitude, f32.of(2 ** -14)), subnormal, bounded);
  return select(f32.isNaN(x), CANONICAL_NAN, i32.or(rounded, i32.and(x, SIGN)));
}
