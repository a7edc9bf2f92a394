import { type Expression, f32, select } from '../ir/expression.ts';
import { withSignOf } from './hyperbolic.ts';
import { log } from './logarithm.ts';
import { polynomial } from './polynomial.ts';
import { upper } from './power.ts';

/** Bound from which z + sqrt(z^2 ± 1) is 2 z, to the last place of its logarithm. */
const FAR = 4096;

/**
 * ln(z + sqrt(z^2 + unit)) for z of about 1/2 or more (1 or more if `unit` is -1). What the square, the root and the
 * sum round away is kept, and added to the logarithm by its derivative.
 */
function logOfSum(z: Expression, unit: 1 | -1): Expression {
  const isFar = f32.lt(f32.of(FAR), z);
  const near = f32.min(z, f32.of(FAR));
  const high = upper(near);
  const low = f32.sub(near, high);
  const square = f32.mul(near, near);
  // z^2 = square + lost, exactly up to the last term's own rounding.
  const lost = f32.add(f32.sub(f32.mul(high, high), square), f32.mul(low, f32.add(high, near)));
  const moved = f32.add(square, f32.of(unit));
  const lostOfSum = unit === 1 ? f32.add(lost, f32.sub(f32.of(1), f32.sub(moved, square))) : lost;
  const root = f32.sqrt(moved);
  const rootHigh = upper(root);
  const rootLow = f32.sub(root, rootHigh);
  const rest = f32.sub(
    f32.sub(moved, f32.mul(rootHigh, rootHigh)),
    f32.mul(rootLow, f32.add(rootHigh, root)),
  );
  const isZero = f32.eq(root, f32.of(0));
  const correction = f32.div(f32.add(rest, lostOfSum), f32.add(root, root));
  const sum = f32.add(near, root);
  const greater = unit === 1 ? root : near;
  const smaller = unit === 1 ? near : root;
  const lostOfLast = f32.sub(smaller, f32.sub(sum, greater));
  const small = f32.div(f32.add(lostOfLast, select(isZero, f32.of(0), correction)), sum);
  return f32.add(log(select(isFar, z, sum)), select(isFar, f32.of(Math.LN2), small));
}

/** Inverse of sinh: a polynomial below 1/2 (Cephes asinhf), ln(|x| + sqrt(x^2 + 1)) above. {@link ACCURACY}.asinh ulp. */
export function asinh(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const square = f32.mul(x, x);
  const tail = polynomial(square, [-1.6666288134e-1, 7.4847586088e-2, -4.2699340972e-2, 2.0122003309e-2]);
  const small = f32.add(magnitude, f32.mul(magnitude, f32.mul(square, tail)));
  return withSignOf(x, select(f32.lt(magnitude, f32.of(0.5)), small, logOfSum(magnitude, 1)));
}

/** Inverse of cosh, NaN below 1: the series of sqrt(2 z) for z = x - 1 below 1.125. {@link ACCURACY}.acosh ulp. */
export function acosh(x: Expression): Expression {
  const z = f32.sub(x, f32.of(1));
  const root = f32.sqrt(f32.add(z, z));
  const tail = polynomial(z, [-1 / 12, 3 / 160, -5 / 896, 35 / 18432, -63 / 90112]);
  const near = f32.add(root, f32.mul(root, f32.mul(z, tail)));
  return select(f32.lt(x, f32.of(1.125)), near, logOfSum(x, -1));
}

/**
 * Inverse of tanh, NaN beyond ±1: a polynomial below 1/2 (Cephes atanhf), ln((1 + |x|) / (1 - |x|)) / 2 above.
 * {@link ACCURACY}.atanh ulp.
 */
export function atanh(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const square = f32.mul(x, x);
  const tail = polynomial(
    square,
    [3.33337300303e-1, 1.997821645e-1, 1.4669143173e-1, 8.24370301058e-2, 1.81740078349e-1],
  );
  const small = f32.add(magnitude, f32.mul(magnitude, f32.mul(square, tail)));
  // 1 - |x| is exact from 1/2 on; 1 + |x| and the quotient are not.
  const above = f32.add(f32.of(1), magnitude);
  const lost = f32.sub(magnitude, f32.sub(above, f32.of(1)));
  const below = f32.sub(f32.of(1), magnitude);
  const large = f32.mul(f32.of(0.5), f32.add(log(f32.div(above, below)), f32.div(lost, above)));
  return withSignOf(x, select(f32.lt(magnitude, f32.of(0.5)), small, large));
}
