import { type Expression, f32, select } from '../ir/expression.ts';
import { withSignOf } from './hyperbolic.ts';
import { polynomial } from './polynomial.ts';
import { upper } from './power.ts';

/** pi / 2 as the sum of two floats. */
const HALF_PI = Math.fround(Math.PI / 2);
const HALF_PI_LOW = Math.PI / 2 - HALF_PI;
const HALF = f32.of(0.5);

/** (asin(s) - s) / s^3 on s^2 <= 1/4, in s^2; minimax, Cephes asinf (Moshier). */
const asinTail = (square: Expression): Expression =>
  polynomial(square, [1.6666752422e-1, 7.4953002686e-2, 4.5470025998e-2, 2.4181311049e-2, 4.2163199048e-2]);

/** s = sqrt(z) as the sum of two floats. */
function rootOf(z: Expression): {
  readonly high: Expression;
  readonly low: Expression;
  readonly root: Expression;
} {
  const root = f32.sqrt(z);
  const high = upper(root);
  const sum = f32.add(root, high);
  const low = f32.div(f32.sub(z, f32.mul(high, high)), select(f32.eq(sum, f32.of(0)), f32.of(1), sum));
  return { high, low, root };
}

/** The part that asin and acos share: below 1/2 a series in x, above it one in s = sqrt((1 - |x|) / 2). */
function seriesOf(x: Expression) {
  const magnitude = f32.abs(x);
  const isSmall = f32.lt(magnitude, HALF);
  const half = f32.mul(HALF, f32.sub(f32.of(1), magnitude));
  const { high, low, root } = rootOf(half);
  const square = select(isSmall, f32.mul(x, x), half);
  const tail = f32.mul(square, asinTail(square));
  const rest = f32.add(f32.mul(root, tail), low);
  return { magnitude, isSmall, high, tail, rest };
}

/** asin x, NaN beyond ±1; above 1/2 by asin x = pi/2 - 2 asin(sqrt((1 - x) / 2)). {@link ACCURACY}.asin ulp. */
export function asin(x: Expression): Expression {
  const { magnitude, isSmall, high, tail, rest } = seriesOf(x);
  const small = f32.add(magnitude, f32.mul(magnitude, tail));
  // pi/4 - high is exact; what is small is added last.
  const quarter = f32.sub(f32.of(HALF_PI / 2), high);
  const large = f32.add(
    f32.of(HALF_PI / 2),
    f32.sub(f32.sub(quarter, high), f32.sub(f32.add(rest, rest), f32.of(HALF_PI_LOW))),
  );
  return withSignOf(x, select(isSmall, small, large));
}

/** acos x, NaN beyond ±1. {@link ACCURACY}.acos ulp. */
export function acos(x: Expression): Expression {
  const { isSmall, high, tail, rest } = seriesOf(x);
  const small = f32.sub(f32.of(HALF_PI), f32.sub(x, f32.sub(f32.of(HALF_PI_LOW), f32.mul(x, tail))));
  const near = f32.add(high, rest);
  const positive = f32.add(near, near);
  const far = f32.sub(f32.of(HALF_PI), f32.add(high, f32.sub(rest, f32.of(HALF_PI_LOW))));
  const large = select(f32.lt(x, f32.of(0)), f32.add(far, far), positive);
  return select(isSmall, small, large);
}

/** tan(pi/8) and tan(3 pi/8). */
const NEAR = Math.SQRT2 - 1;
const FAR = Math.SQRT2 + 1;

/** atan x: the argument is brought below tan(pi/8); polynomial after Cephes atanf (Moshier). {@link ACCURACY}.atan ulp. */
export function atan(x: Expression): Expression {
  const magnitude = f32.abs(x);
  const isFar = f32.lt(f32.of(FAR), magnitude);
  const isNear = f32.le(magnitude, f32.of(NEAR));
  const choose = (near: Expression, middle: Expression, far: Expression): Expression =>
    select(isNear, near, select(isFar, far, middle));
  const one = f32.of(1);
  const sum = f32.add(magnitude, one);
  const numerator = choose(magnitude, f32.sub(magnitude, one), f32.of(-1));
  const denominator = choose(one, sum, magnitude);
  const t = f32.div(numerator, denominator);
  // The rounding error of the sum, carried over to the quotient.
  const lost = f32.mul(t, f32.div(f32.sub(magnitude, f32.sub(sum, one)), sum));
  const square = f32.mul(t, t);
  const tail = polynomial(square, [-3.33329491539e-1, 1.99777106478e-1, -1.38776856032e-1, 8.05374449538e-2]);
  const base = choose(f32.of(0), f32.of(HALF_PI / 2), f32.of(HALF_PI));
  const low = choose(f32.of(0), f32.sub(f32.of(HALF_PI_LOW / 2), lost), f32.of(HALF_PI_LOW));
  const value = f32.add(base, f32.add(t, f32.add(f32.mul(t, f32.mul(square, tail)), low)));
  return withSignOf(x, value);
}
