import { type Expression, f32, i32, type Literal, select, word } from '../ir/expression.ts';
import { FRACTION, SMALLEST_NORMAL } from '../ir/floatWords.ts';
import { upper } from './power.ts';

/**
 * Reduction of |x| by multiples of pi/2, exact for every float: the method of M. Payne and R. Hanek ("Radian reduction
 * for trigonometric functions", SIGNUM Newsletter 18, 1983). |x| is an integer of 24 bits times a power of two, so
 * that of 1 / (2 pi) only the 80 bits count that are neither whole turns nor too small. All of it is integer
 * arithmetic, which costs a fifth of floats on chain: this is cheaper there than Cody and Waite's reduction, which is
 * exact up to 10^5 only, and needs no second path.
 */
export interface Reduced {
  /** Whole turns and a half quadrant more, in units of 2^-32 turns: the upper two bits are the quadrant. */
  readonly turn: Expression;
  /** The rest, |r| <= pi/4, and as the sum of two floats. */
  readonly r: Expression;
  readonly main: Expression;
  readonly low: Expression;
}

/** The first 192 bits of 2 / pi after the point; one over a turn, 1 / (2 pi), is a quarter of it. */
export const TWO_OVER_PI = 0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041n;

/**
 * Bits 16 i to 16 i + 31 of 2^-24 / (2 pi): an integer of 24 bits times 2^-24 is at least 1/2, the least magnitude
 * that is reduced.
 */
const window = (i: number): Literal => word(Number((TWO_OVER_PI >> BigInt(186 - 16 * i)) & 0xffffffffn));

const FIELD = 23;
/** The exponent field of |x| less that of 1/2: from 0 to 128. */
const at = (...exponents: number[]): Literal => word(exponents.reduce((sum, e) => sum + e, 0) << FIELD);

/** Five windows, 16 bits apart, from that on which the exponent's multiple of 16 says; by its bits, as a barrel shifter. */
function windowsAt(exponent: Expression): Expression[] {
  // 128 is 7 * 16 + 16.
  const stage = (windows: readonly Expression[], distance: number): Expression[] => {
    const isSet = i32.and(exponent, at(16 * distance, 128));
    return windows.slice(distance).map((far, i) => select(isSet, far, windows[i] as Expression));
  };
  return [4, 2, 1].reduce<Expression[]>(
    stage,
    Array.from({ length: 12 }, (_, i) => window(i)),
  );
}

/** pi / 2 in units of 2^-32 quadrants, and as the sum of 12 bits and a float. */
const QUADRANT = Math.PI / 2 ** 33;
const QUADRANT_HIGH = Math.floor(QUADRANT * 2 ** 42) / 2 ** 42;
const QUADRANT_LOW = QUADRANT - QUADRANT_HIGH;

const upperHalf = (x: Expression): Expression => i32.shrU(x, i32.of(16));
const lowerHalf = (x: Expression): Expression => i32.and(x, i32.of(0xffff));

/** @param x any float; infinities and NaN give something */
export function reduce(x: Expression): Reduced {
  const magnitude = f32.abs(x);
  // Below, the quadrant is that of 1/2, and r is |x|.
  const least = f32.of(0.5);
  const clamped = f32.max(magnitude, least);
  const exponent = i32.sub(clamped, least);
  const integer = i32.or(i32.and(clamped, FRACTION), SMALLEST_NORMAL);
  const [high, low] = [upperHalf(integer), lowerHalf(integer)];

  // The exponent's rest, up to 16, shifts the windows: each holds 16 bits in front then, the first two are one word.
  const power = f32.min(i32.add(i32.and(exponent, at(15, 128)), at(127)), f32.of(2 ** 16));
  const factor = i32.fromF32(power);
  const [w0, w1, w2, w3, w4] = windowsAt(exponent).map((one) => i32.mul(one, factor)) as [
    Expression,
    Expression,
    Expression,
    Expression,
    Expression,
  ];
  const first = i32.or(i32.and(w0, word(0xffff0000)), upperHalf(w1));
  const [d2, d3, d4] = [upperHalf(w2), upperHalf(w3), upperHalf(w4)];

  // Columns of the product, in units of 2^-64, 2^-48 and 2^-32 turns; the last one wraps at whole turns.
  const low2 = i32.mul(low, d2);
  const low3 = i32.mul(low, d3);
  const third = i32.add(i32.add(lowerHalf(low3), i32.mul(high, d4)), upperHalf(i32.mul(low, d4)));
  const second = i32.add(i32.add(lowerHalf(low2), i32.mul(high, d3)), upperHalf(low3));
  const carry = upperHalf(i32.add(second, upperHalf(third)));
  const whole = i32.add(i32.add(i32.mul(integer, first), i32.mul(high, d2)), i32.add(upperHalf(low2), carry));
  const fraction = i32.add(i32.shl(second, i32.of(16)), third);

  // Without its upper two bits `whole` is the distance to the nearest multiple of pi/2, in 2^-32 quadrants.
  const distance = i32.shl(whole, i32.of(2));
  const front = upper(f32.fromI32(distance));
  const behind = f32.add(
    f32.fromI32(i32.sub(distance, i32.fromF32(front))),
    f32.mul(f32.fromI32(i32.shrU(fraction, i32.of(8))), f32.of(2 ** -22)),
  );
  const product = f32.add(f32.mul(front, f32.of(QUADRANT_LOW)), f32.mul(behind, f32.of(QUADRANT)));
  const isSmall = f32.lt(magnitude, least);
  const main = select(isSmall, magnitude, f32.mul(front, f32.of(QUADRANT_HIGH)));
  const rest = select(isSmall, f32.of(0), product);
  return { turn: i32.add(whole, word(0x20000000)), r: f32.add(main, rest), main, low: rest };
}
