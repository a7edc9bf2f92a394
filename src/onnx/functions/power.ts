import { type Expression, f32, i32, select, word } from '../ir/expression.ts';
import { CANONICAL_NAN, INFINITY, NEGATIVE_INFINITY, SMALLEST_NORMAL } from '../ir/floatWords.ts';
import { scaled } from './exponential.ts';
import { polynomial } from './polynomial.ts';

/** Keeps the upper 12 bits of a significand, so that products of two such numbers are exact. */
const UPPER = word(0xfffff000);
export const upper = (x: Expression): Expression => i32.and(x, UPPER);

/** A number as the exact sum of two floats, the first with 12 significant bits. */
export interface Pair {
  readonly high: Expression;
  readonly low: Expression;
}

/** Bits of 2/3: mantissas are taken from [2/3, 4/3). */
const TWO_THIRDS_BITS = 0x3f2aaaab;
/** 2 / (3 ln 2), and in two parts. */
const CP = 9.6179670095e-1;
const CP_HIGH = 9.619140625e-1;
const CP_LOW = -1.1736857402e-4;
/** ln 2, and in fdlibm's two parts; `exponential.ts` has Cephes's, and each error bound holds for its own parts. */
const LN2 = 6.9314718246e-1;
const LN2_HIGH = 6.93145752e-1;
const LN2_LOW = 1.42860654e-6;

/** log2 of a positive finite number to about 32 bits; the scheme of fdlibm's powf (Sun Microsystems, 1993). */
export function log2Pair(x: Expression): Pair {
  const isSmall = f32.lt(x, SMALLEST_NORMAL);
  const bits = select(isSmall, f32.mul(x, f32.of(2 ** 24)), x);
  const exponent = i32.shrS(i32.sub(bits, i32.of(TWO_THIRDS_BITS)), i32.of(23));
  const m = i32.sub(bits, i32.shl(exponent, i32.of(23)));
  const n = f32.fromI32(i32.sub(exponent, select(isSmall, i32.of(24), i32.of(0))));
  // s = (m - 1) / (m + 1) in two parts; ln m = 2 atanh s = 2/3 s (3 + s^2 + …).
  const u = f32.sub(m, f32.of(1));
  const v = f32.div(f32.of(1), f32.add(m, f32.of(1)));
  const s = f32.mul(u, v);
  const sHigh = upper(s);
  const tHigh = upper(f32.add(m, f32.of(1)));
  const tLow = f32.sub(m, f32.sub(tHigh, f32.of(1)));
  const sLow = f32.mul(v, f32.sub(f32.sub(u, f32.mul(sHigh, tHigh)), f32.mul(sHigh, tLow)));
  const square = f32.mul(s, s);
  const series = polynomial(
    square,
    [6.0000002384e-1, 4.2857143283e-1, 3.3333334327e-1, 2.7272811532e-1, 2.3066075146e-1, 2.0697501302e-1],
  );
  const r = f32.add(f32.mul(f32.mul(square, square), series), f32.mul(sLow, f32.add(sHigh, s)));
  const sHighSquare = f32.mul(sHigh, sHigh);
  const wHigh = upper(f32.add(f32.add(f32.of(3), sHighSquare), r));
  const wLow = f32.sub(r, f32.sub(f32.sub(wHigh, f32.of(3)), sHighSquare));
  const a = f32.mul(sHigh, wHigh);
  const b = f32.add(f32.mul(sLow, wHigh), f32.mul(wLow, s));
  const pHigh = upper(f32.add(a, b));
  const pLow = f32.sub(b, f32.sub(pHigh, a));
  const zHigh = f32.mul(f32.of(CP_HIGH), pHigh);
  const zLow = f32.add(f32.mul(f32.of(CP_LOW), pHigh), f32.mul(pLow, f32.of(CP)));
  const high = upper(f32.add(f32.add(zHigh, zLow), n));
  return { high, low: f32.sub(zLow, f32.sub(f32.sub(high, n), zHigh)) };
}

/** 2^(high + low) for a sum in [-160, 140]. */
function exp2Pair({ high, low }: Pair): Expression {
  const n = f32.nearest(f32.add(high, low));
  const rest = f32.sub(high, n);
  const t = upper(f32.add(low, rest));
  const u = f32.mul(t, f32.of(LN2_HIGH));
  const v = f32.add(f32.mul(f32.sub(low, f32.sub(t, rest)), f32.of(LN2)), f32.mul(t, f32.of(LN2_LOW)));
  const z = f32.add(u, v);
  const w = f32.sub(v, f32.sub(z, u));
  const square = f32.mul(z, z);
  const p = polynomial(square, [1.6666667163e-1, -2.777777845e-3, 6.613755977e-5, -1.6533901999e-6]);
  const d = f32.sub(z, f32.mul(square, p));
  const r = f32.sub(f32.div(f32.mul(z, d), f32.sub(d, f32.of(2))), f32.add(w, f32.mul(z, w)));
  return scaled(f32.sub(f32.of(1), f32.sub(r, z)), i32.fromF32(n));
}

/** An exponent as {@link powFrom} takes it. */
export interface Exponent {
  /** Rounded to a float. */
  readonly value: Expression;
  /** Exactly the exponent, the first with 12 significant bits. */
  readonly parts: Pair;
  readonly isInteger: Expression;
  readonly isOdd: Expression;
}

export function floatExponent(y: Expression): Exponent {
  const half = f32.mul(y, f32.of(0.5));
  const isInteger = f32.eq(f32.floor(y), y);
  const high = upper(y);
  return {
    value: y,
    parts: { high, low: f32.sub(y, high) },
    isInteger,
    isOdd: i32.and(isInteger, i32.not(f32.eq(f32.floor(half), half))),
  };
}

/** An int32 as an exponent; beyond 2^24 no float is as odd as it. */
export function integerExponent(y: Expression): Exponent {
  const value = f32.fromI32(y);
  const high = upper(value);
  return {
    value,
    parts: { high, low: f32.fromI32(i32.sub(y, i32.fromF32(high))) },
    isInteger: i32.of(1),
    isOdd: i32.and(y, i32.of(1)),
  };
}

/**
 * x^y as IEEE 754-2019 `pow`: 1 for y = 0 and for x = 1, NaN for negative x and fractional y. Greatest measured
 * error {@link ACCURACY}.pow ulp.
 */
export const pow = (x: Expression, y: Expression): Expression =>
  powFrom(log2Pair(f32.abs(x)), x, floatExponent(y));

/** {@link pow} with log2 |x| computed elsewhere: the whole is more than one loop's code. */
export function powFrom(
  log: Pair,
  x: Expression,
  { value: y, parts, isInteger, isOdd }: Exponent,
): Expression {
  const magnitude = f32.abs(x);
  const low = f32.add(f32.mul(parts.low, log.high), f32.mul(y, log.low));
  const high = f32.mul(parts.high, log.high);
  // Zeros and infinities only have a direction: to 0 or to infinity.
  const isExtreme = i32.or(
    i32.or(f32.eq(x, f32.of(0)), f32.eq(magnitude, INFINITY)),
    f32.eq(f32.abs(y), INFINITY),
  );
  const direction = f32.mul(y, select(f32.lt(magnitude, f32.of(1)), NEGATIVE_INFINITY, INFINITY));
  const isFar = i32.or(isExtreme, f32.lt(f32.of(200), f32.abs(f32.add(high, low))));
  const far = select(isExtreme, direction, high);
  const clamped = f32.min(f32.max(far, f32.of(-160)), f32.of(140));
  const power = exp2Pair({
    high: select(isFar, clamped, high),
    low: select(isFar, f32.of(0), low),
  });
  // Negative x: odd integers y give the sign, other integers none, fractions NaN.
  const signed = i32.or(power, i32.and(x, i32.shl(isOdd, i32.of(31))));
  const isInvalid = i32.and(i32.and(f32.lt(x, f32.of(0)), i32.not(isInteger)), f32.lt(magnitude, INFINITY));
  const isNumber = i32.and(f32.eq(power, power), f32.eq(x, x));
  const value = select(i32.and(isNumber, i32.not(isInvalid)), signed, CANONICAL_NAN);
  const isOne = i32.or(
    i32.or(f32.eq(y, f32.of(0)), f32.eq(x, f32.of(1))),
    i32.and(f32.eq(magnitude, f32.of(1)), f32.eq(f32.abs(y), INFINITY)),
  );
  return select(isOne, f32.of(1), value);
}
