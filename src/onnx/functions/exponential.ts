import { type Expression, f32, i32 } from '../ir/expression.ts';
import { polynomial } from './polynomial.ts';

const LOG2_E = Math.LOG2E;
/** ln 2 in two parts; the first has 9 bits, so that its product with the exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** 2^n for an integer n (as i32) in [-126, 127], from its exponent bits. */
const powerOfTwo = (n: Expression): Expression => i32.shl(i32.add(n, i32.of(127)), i32.of(23));

/** value * 2^n for n (as i32) in [-252, 254]; two factors, so that the one rounding is the result's own. */
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

/**
 * e^x. Greatest error ACCURACY.exp ulp over all binary32 (test/onnx/functions.test.ts); e^-inf = 0, subnormal
 * results are rounded once.
 */
export function exp(x: Expression): Expression {
  // Beyond these ends the result is 0 or infinity; NaN passes both.
  const inside = f32.min(f32.max(x, f32.of(-105)), f32.of(90));
  // x = n ln 2 + r with |r| <= ln 2 / 2, and r = high - low; the rounding of r only touches its square.
  const n = f32.nearest(f32.mul(inside, f32.of(LOG2_E)));
  const high = f32.sub(inside, f32.mul(n, f32.of(LN2_HIGH)));
  const low = f32.mul(n, f32.of(LN2_LOW));
  const r = f32.sub(high, low);
  const value = f32.add(f32.of(1), f32.add(high, f32.sub(f32.mul(f32.mul(r, r), tail(r)), low)));
  return scaled(value, i32.fromF32(n));
}
