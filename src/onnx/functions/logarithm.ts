import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { CANONICAL_NAN, INFINITY, NEGATIVE_INFINITY, SMALLEST_NORMAL } from '../ir/floatWords.ts';
import { polynomial } from './polynomial.ts';

/** ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** Bits of 2/3: mantissas are taken from [2/3, 4/3). */
const TWO_THIRDS_BITS = 0x3f2aaaab;

/** (ln(1 + f) - f) / f^2 on [-1/3, 1/3]; minimax, after N. Juffa's logf. */
const tail = (f: Expression): Expression =>
  polynomial(
    f,
    [
      -0.5, 0.333331972, -0.2499962, 0.200120345, -0.166846126, 0.139814854, -0.121483512, 0.140869141,
      -0.130310059,
    ],
  );

/**
 * ln x; -infinity at zeros, NaN below. Greatest error {@link ACCURACY}.log ulp over all binary32, subnormals
 * included.
 */
export function log(x: Expression): Expression {
  // Subnormals are scaled by 2^23 first.
  const isSmall = f32.lt(x, SMALLEST_NORMAL);
  const bits = select(isSmall, f32.mul(x, f32.of(2 ** 23)), x);
  const exponent = i32.shrS(i32.sub(bits, i32.of(TWO_THIRDS_BITS)), i32.of(23));
  const mantissa = i32.sub(bits, i32.shl(exponent, i32.of(23)));
  const e = f32.fromI32(i32.sub(exponent, select(isSmall, i32.of(23), i32.of(0))));
  const f = f32.sub(mantissa, f32.of(1));
  const low = f32.add(f32.mul(f32.mul(f, f), tail(f)), f32.mul(e, f32.of(LN2_LOW)));
  const value = f32.add(f32.mul(e, f32.of(LN2_HIGH)), f32.add(f, low));
  const special = select(
    f32.eq(x, f32.of(0)),
    NEGATIVE_INFINITY,
    select(f32.eq(x, INFINITY), INFINITY, CANONICAL_NAN),
  );
  return select(i32.and(f32.lt(f32.of(0), x), f32.lt(x, INFINITY)), value, special);
}

/** (2 atanh(s) - 2 s) / s^3 on s^2 <= 1/9: 2/3 + 2/5 s^2 + …, the last coefficient fitted. */
const atanhTail = (square: Expression): Expression =>
  polynomial(square, [2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11, 0.1875]);

/** `addend` + ln(1 + u) for u in [0, 1] and addend >= 0, by 2 atanh(u / (2 + u)). */
export function logOnePlusUnit(u: Expression, addend: Expression): Expression {
  const s = f32.div(u, f32.add(u, f32.of(2)));
  const square = f32.mul(s, s);
  // 2 s = u - u s; the small terms are summed first, so that only the last addition rounds at full size.
  const excess = f32.sub(f32.mul(u, s), f32.mul(f32.mul(s, square), atanhTail(square)));
  return f32.add(u, f32.sub(addend, excess));
}
