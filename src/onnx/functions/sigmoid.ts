import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { SIGN } from '../ir/floatWords.ts';
import { exp } from './exponential.ts';
import { logOnePlusUnit } from './logarithm.ts';
import { polynomial } from './polynomial.ts';

/** 1 / (1 + e^-x), from e^-|x| so that the small tail keeps its digits. {@link ACCURACY}.sigmoid ulp. */
export function sigmoid(x: Expression): Expression {
  const one = f32.of(1);
  const e = exp(f32.neg(f32.abs(x)));
  const sum = f32.add(one, e);
  // The rounding error of 1 + e^-|x|, exactly: both subtractions are exact for 0 <= e <= 1.
  const lost = f32.sub(e, f32.sub(sum, one));
  const quotient = f32.div(select(f32.lt(x, f32.of(0)), e, one), sum);
  return f32.sub(quotient, f32.mul(quotient, f32.div(lost, sum)));
}

/** tanh x: a polynomial below 0.625 (Cephes tanhf), 1 - 2 / (e^2|x| + 1) above. {@link ACCURACY}.tanh ulp. */
export function tanh(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const square = f32.mul(x, x);
  const tail = polynomial(
    square,
    [-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3],
  );
  const small = f32.add(x, f32.mul(x, f32.mul(square, tail)));
  const large = f32.sub(
    f32.of(1),
    f32.div(f32.of(2), f32.add(exp(f32.add(magnitude, magnitude)), f32.of(1))),
  );
  const value = select(f32.lt(magnitude, f32.of(0.625)), small, large);
  // The sign is x's own (-0 included); NaN keeps its bits.
  return select(f32.eq(x, x), i32.or(value, i32.and(x, SIGN)), value);
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). {@link ACCURACY}.softplus ulp. */
export function softplus(x: Expression): Expression {
  return logOnePlusUnit(exp(f32.neg(f32.abs(x))), f32.max(x, f32.of(0)));
}
