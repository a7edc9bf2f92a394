import { EXPONENT_BIAS, FRACTION_BITS, FRACTION_WIDTH } from '../../scalar/float32.ts';
import { type FloatFormat, FORMATS } from '../floatFormats.ts';
import { type Expression, f32, i32, select, word } from '../ir/expression.ts';
import { CANONICAL_NAN, FRACTION, INFINITY, SIGN, SMALLEST_NORMAL } from '../ir/floatWords.ts';

/** Rounding to float formats of 16 bits and fewer, whose values are held in binary32; NaN is made canonical. */

const NEGATIVE_ZERO = SIGN;

export interface Rounding {
  /** Whether what is beyond the greatest finite value, infinities included, becomes that value. */
  readonly saturate?: boolean;
  /** Of E8M0 only: away from zero, towards it, or to the nearest value with ties upwards. */
  readonly mode?: 'up' | 'down' | 'nearest';
}

/** The word without its lowest bits, rounded to nearest in magnitude; a carry into the exponent is right. */
function withoutLowBits(x: Expression, bits: number): Expression {
  const odd = i32.and(i32.shrU(x, i32.of(bits)), i32.of(1));
  const up = i32.add(x, i32.add(i32.of(2 ** (bits - 1) - 1), odd));
  return i32.and(up, word(-(2 ** bits)));
}

/** The magnitude rounded to nearest, ties to even, as if the format's exponent had no upper end. */
function roundedMagnitude({ fractionBits, bias }: FloatFormat, magnitude: Expression): Expression {
  const normal = withoutLowBits(magnitude, FRACTION_WIDTH - fractionBits);
  // Subnormal numbers of a format with binary32's exponents are so in binary32, too.
  if (bias === EXPONENT_BIAS) return normal;
  // Subnormals are multiples of a unit: adding the number whose last place it is rounds to them.
  const anchor = f32.of(2 ** (1 - bias - fractionBits + FRACTION_WIDTH));
  const subnormal = f32.sub(f32.add(magnitude, anchor), anchor);
  return select(i32.lt(magnitude, f32.of(2 ** (1 - bias))), subnormal, normal);
}

/** A float rounded to a format: to nearest, ties to even (of E8M0 as `mode` says, upwards by default). */
export function toFormat(of: FloatFormat, { saturate = false, mode = 'up' }: Rounding = {}) {
  if (of === FORMATS.float8e8m0) return (x: Expression) => toPowerOfTwo(x, saturate, mode);
  const beyond =
    saturate || of.overflow === 'greatest'
      ? f32.of(of.greatest)
      : of.overflow === 'infinity'
        ? INFINITY
        : CANONICAL_NAN;
  // A format without NaN takes it for -0, as ONNX's reference implementation (ml_dtypes) does.
  const ofNaN = of.special === 'none' ? NEGATIVE_ZERO : CANONICAL_NAN;
  return (x: Expression): Expression => {
    const magnitude = f32.abs(x);
    const rounded = roundedMagnitude(of, magnitude);
    // Words of positive floats are ordered as the floats are; rounding may end at infinity itself.
    const isBeyond = i32.lt(f32.of(of.greatest), rounded);
    const bounded =
      beyond === INFINITY && of.bias === EXPONENT_BIAS ? rounded : select(isBeyond, beyond, rounded);
    const signed = i32.or(bounded, i32.and(x, SIGN));
    const held = of.special === 'negative zero' ? withoutNegativeZero(signed) : signed;
    // A NaN that is made here has no sign either.
    const isUndefined = beyond === CANONICAL_NAN ? i32.or(f32.isNaN(x), isBeyond) : f32.isNaN(x);
    return select(isUndefined, ofNaN, held);
  };
}

const withoutNegativeZero = (x: Expression): Expression => select(i32.eq(x, NEGATIVE_ZERO), word(0), x);

/** Exponents of E8M0's least and greatest value, as binary32 codes them; the least is subnormal there. */
const LEAST = word(0x00400000);
const GREATEST = word(0x7f000000);

/**
 * A power of two (E8M0), by the tables of ONNX's Cast: what is beyond the ends saturates or is NaN; numbers below zero
 * are undefined there, and NaN here.
 */
function toPowerOfTwo(x: Expression, saturate: boolean, mode: Required<Rounding>['mode']): Expression {
  const fraction = i32.and(x, FRACTION);
  const exponent = i32.and(x, INFINITY);
  // The addend carries from the fraction into the exponent if the number is to be rounded up.
  const carry = { up: FRACTION_BITS, down: 0, nearest: 0x00400000 }[mode];
  const normal = i32.and(i32.add(x, word(carry)), INFINITY);
  // Below 2^-126 there is 2^-127 only; between them the middle is 3 * 2^-128.
  const middle = { up: 0x00400001, down: 0x00800000, nearest: 0x00600000 }[mode];
  const subnormal = select(i32.lt(fraction, word(middle)), LEAST, SMALLEST_NORMAL);
  const rounded = select(i32.eq(exponent, word(0)), subnormal, normal);
  const isAbove = i32.lt(GREATEST, rounded);
  const bounded = saturate ? select(isAbove, GREATEST, rounded) : rounded;
  const isBelow = i32.lt(x, LEAST);
  const isNegative = f32.lt(x, word(0));
  const isUndefined = i32.or(f32.isNaN(x), saturate ? isNegative : i32.or(isAbove, isBelow));
  return select(isUndefined, CANONICAL_NAN, bounded);
}
