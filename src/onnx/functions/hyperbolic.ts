import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { SIGN } from '../ir/floatWords.ts';
import { halfOfExpm1 } from './exponential.ts';
import { polynomial } from './polynomial.ts';

/** `value` with the sign of x, -0 included; NaN keeps its bits. */
export const withSignOf = (x: Expression, value: Expression): Expression =>
  select(f32.eq(x, x), i32.or(value, i32.and(x, SIGN)), value);

/**
 * sinh |x|: a polynomial below 1 (Cephes sinhf), h + h / (2 h + 1) with h = (e^|x| - 1) / 2 above.
 * {@link ACCURACY}.sinh ulp.
 */
export function sinh(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const square = f32.mul(x, x);
  const tail = polynomial(square, [1.66667160211e-1, 8.33028376239e-3, 2.03721912945e-4]);
  const small = f32.add(magnitude, f32.mul(magnitude, f32.mul(square, tail)));
  const half = halfOfExpm1(magnitude);
  const inverse = f32.div(half, f32.add(f32.add(half, half), f32.of(1)));
  // At infinity the quotient of infinities is 0.
  const large = f32.add(half, select(f32.lt(half, f32.of(2 ** 60)), inverse, f32.of(0)));
  return withSignOf(x, select(f32.lt(magnitude, f32.of(1)), small, large));
}

/** cosh x = (e^|x| + e^-|x|) / 2. {@link ACCURACY}.cosh ulp. */
export function cosh(x: Expression): Expression {
  const half = f32.add(halfOfExpm1(f32.abs(x)), f32.of(0.5));
  return f32.add(half, f32.div(f32.of(0.25), half));
}
