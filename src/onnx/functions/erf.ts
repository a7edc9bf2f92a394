import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { SIGN } from '../ir/floatWords.ts';
import { exp } from './exponential.ts';
import { polynomial } from './polynomial.ts';

/** Below, erf(x) = x + x P(x^2); above, 1 - exp(-x - x Q(x)). Coefficients after N. Juffa's erff. */
const BOUNDARY = 0.921875;
const SMALL = [1.28379151e-1, -3.76124859e-1, 1.12818025e-1, -2.67667342e-2, 4.99339588e-3, -5.99104969e-4];
const LARGE = [
  1.28717512e-1, 6.34846687e-1, 1.06777847e-1, -2.42545605e-2, 3.88393435e-3, -3.8320868e-4, 1.7294893e-5,
];

/** The error function; ±1 at ±infinity. {@link ACCURACY}.erf ulp. */
export function erf(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const small = f32.add(x, f32.mul(x, polynomial(f32.mul(x, x), SMALL)));
  // Above 4 the result is 1.
  const t = f32.min(magnitude, f32.of(4));
  const large = f32.sub(f32.of(1), exp(f32.neg(f32.add(t, f32.mul(t, polynomial(t, LARGE))))));
  const signed = select(f32.eq(x, x), i32.or(large, i32.and(x, SIGN)), large);
  return select(f32.lt(magnitude, f32.of(BOUNDARY)), small, signed);
}
