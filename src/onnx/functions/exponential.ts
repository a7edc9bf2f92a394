import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { polynomial } from './polynomial.ts';

const LOG2_E = Math.LOG2E;
/** ln 2 in two parts; the first has 9 bits, so that its product with the exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** 2^n for an integer n (as i32) in [-126, 127], from its exponent bits; 0 for -127. */
const powerOfTwo = (n: Expression): Expression => i32.shl(i32.add(n, i32.of(127)), i32.of(23));

/** value * 2^n for n (as i32) in [-254, 254]; two factors, so that the one rounding is the result's own. */
export function scaled(value: Expression, n: Expression): Expression {
  const half = i32.shrS(n, i32.of(1));
  return f32.mul(f32.mul(value, powerOfTwo(half)), powerOfTwo(i32.sub(n, half)));
}

/** (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2; minimax, Cephes expf (Moshier). */
const tail = (r: Expression): Expression =>
  polynomial(
    r,
    [5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4],
  );

interface Reduced {
  /** Whole multiples of ln 2, a float. */
  readonly n: Expression;
  /** e^rest - 1 for the rest, |rest| <= ln 2 / 2, as the sum of these. */
  readonly high: Expression;
  readonly low: Expression;
}

/** x = n ln 2 + r and r = high - low; the rounding of r only touches its square. */
function reduce(x: Expression): Reduced {
  const n = f32.nearest(f32.mul(x, f32.of(LOG2_E)));
  const high = f32.sub(x, f32.mul(n, f32.of(LN2_HIGH)));
  const low = f32.mul(n, f32.of(LN2_LOW));
  const r = f32.sub(high, low);
  return { n, high, low: f32.sub(f32.mul(f32.mul(r, r), tail(r)), low) };
}

/**
 * e^x. Greatest error ACCURACY.exp ulp over all binary32 (test/onnx/functions.test.ts); e^-inf = 0, subnormal
 * results are rounded once.
 */
export function exp(x: Expression): Expression {
  // Beyond these ends the result is 0 or infinity; NaN passes both. At the lower end both powers of two are exactly 0, because a
  // product that underflows is about a hundred times slower on x86, and causal attention masks half of its scores.
  const { n, high, low } = reduce(f32.min(f32.max(x, f32.of(-176)), f32.of(90)));
  return scaled(f32.add(f32.of(1), f32.add(high, low)), i32.fromF32(n));
}

/** (e^x - 1) / 2, which overflows only where sinh does. */
export function halfOfExpm1(x: Expression): Expression {
  // Below, the result is -1/2 to the last place.
  const { n, high, low } = reduce(f32.min(f32.max(x, f32.of(-30)), f32.of(90)));
  const less = f32.add(high, low);
  const power = i32.sub(i32.fromF32(n), i32.of(1));
  const factor = powerOfTwo(i32.min(power, i32.of(127)));
  const near = f32.add(f32.mul(factor, less), f32.sub(factor, f32.of(0.5)));
  return select(f32.lt(n, f32.of(30)), near, scaled(f32.add(f32.of(1), less), power));
}

/** e^x - 1, with all its digits near 0 as well. {@link ACCURACY}.expm1 ulp. */
export function expm1(x: Expression): Expression {
  const half = halfOfExpm1(x);
  return select(f32.eq(x, f32.of(0)), x, f32.add(half, half));
}
