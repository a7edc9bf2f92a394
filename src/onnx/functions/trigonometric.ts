import { type Expression, f32, i32, select, word } from '../ir/expression.ts';
import { CANONICAL_NAN, INFINITY, SIGN } from '../ir/floatWords.ts';
import { polynomial } from './polynomial.ts';
import { upper } from './power.ts';
import { type Reduced, reduce } from './turns.ts';

/** The bits of {@link Reduced.turn} that say which quadrant: odd or even, and its half of the turn. */
const ODD = word(0x40000000);

/** sin r on |r| <= pi/4; minimax, Cephes sinf (Moshier). */
function sinOf({ r, main, low }: Reduced, square: Expression): Expression {
  const tail = polynomial(square, [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4]);
  return f32.add(main, f32.add(low, f32.mul(f32.mul(r, square), tail)));
}

/** cos r on |r| <= pi/4; minimax, Cephes cosf (Moshier). */
function cosOf(square: Expression): Expression {
  const tail = polynomial(square, [0.5, -4.166664568298827e-2, 1.388731625493765e-3, -2.443315711809948e-5]);
  return f32.sub(f32.of(1), f32.mul(square, tail));
}

/** The value with the sign of the last argument's upper bit turned; NaN where x is infinite or none. */
const signed = (x: Expression, value: Expression, sign: Expression): Expression =>
  select(i32.ltU(f32.abs(x), INFINITY), i32.xor(value, i32.and(sign, SIGN)), CANONICAL_NAN);

/** sin x for every x; NaN at infinities. {@link ACCURACY}.sin ulp. */
export function sin(x: Expression): Expression {
  const reduced = reduce(x);
  const square = f32.mul(reduced.r, reduced.r);
  const value = select(i32.and(reduced.turn, ODD), cosOf(square), sinOf(reduced, square));
  return signed(x, value, i32.xor(reduced.turn, x));
}

/** cos x for every x; NaN at infinities. {@link ACCURACY}.cos ulp. */
export function cos(x: Expression): Expression {
  const reduced = reduce(x);
  const square = f32.mul(reduced.r, reduced.r);
  const value = select(i32.and(reduced.turn, ODD), sinOf(reduced, square), cosOf(square));
  // cos is below 0 in quadrants 1 and 2; sin r has its own sign in 1 and 3.
  return signed(x, value, i32.add(reduced.turn, ODD));
}

/**
 * tan x for every x; NaN at infinities. In odd quadrants -1/tan r: the quotient's upper half, and what it leaves.
 * {@link ACCURACY}.tan ulp.
 */
export function tan(x: Expression): Expression {
  const { turn, r, main, low } = reduce(x);
  const square = f32.mul(r, r);
  // Minimax on |r| <= pi/4, Cephes tanf (Moshier).
  const tail = polynomial(
    square,
    [
      3.33331568548e-1, 1.33387994085e-1, 5.34112807005e-2, 2.44301354525e-2, 3.11992232697e-3,
      9.38540185543e-3,
    ],
  );
  const rest = f32.add(low, f32.mul(f32.mul(r, square), tail));
  const even = f32.add(main, rest);
  const high = upper(even);
  const inverse = f32.div(f32.of(-1), even);
  const inverseHigh = upper(inverse);
  const missing = f32.add(
    f32.add(f32.of(1), f32.mul(inverseHigh, high)),
    f32.mul(inverseHigh, f32.add(f32.sub(main, high), rest)),
  );
  const odd = f32.add(inverseHigh, f32.mul(inverse, missing));
  return signed(x, select(i32.and(turn, ODD), odd, even), x);
}
