import { type Expression, i32, select, word } from '../ir/expression.ts';
import { MAGNITUDE, SIGN } from '../ir/floatWords.ts';
import { type Halves, halvesOfF32, isNaNAt, roundedToF32 } from './doubleBits.ts';

/** Integers near a binary64 that is given as two words, exactly. */
export type Direction = 'down' | 'up' | 'even';

const ONE = word(0x3ff00000);
const ONE_HALF = word(0x3fe00000);
const ZERO = i32.of(0);
const MAX_I32 = word(0x7fffffff);

const isNonZero = (x: Expression): Expression => i32.not(i32.eq(x, ZERO));

/** The exponent, without its bias. */
const exponentOf = (magnitude: Expression): Expression =>
  i32.sub(i32.shrU(magnitude, i32.of(20)), i32.of(1023));

/** 2^exponent as 64 bits. */
const bitAt = (exponent: Expression): Halves => {
  const isLow = i32.lt(exponent, i32.of(32));
  const bit = i32.shl(i32.of(1), i32.and(exponent, i32.of(31)));
  return { low: select(isLow, bit, ZERO), high: select(isLow, ZERO, bit) };
};

/** The nearest integer below, above, or on either side with ties to even, as binary64 with the sign of what it was. */
export function roundedToInteger({ low, high }: Halves, direction: Direction): Halves {
  const magnitude = i32.and(high, MAGNITUDE);
  const sign = i32.and(high, SIGN);
  const exponent = exponentOf(magnitude);
  // Between 1 and 2^52 some of the fraction's 52 bits stand behind the point: those below the unit.
  const unit = bitAt(i32.sub(i32.of(52), exponent));
  const below = {
    low: select(isNonZero(unit.low), i32.sub(unit.low, i32.of(1)), word(0xffffffff)),
    high: select(isNonZero(unit.high), i32.sub(unit.high, i32.of(1)), ZERO),
  };
  const rest = { low: i32.and(low, below.low), high: i32.and(magnitude, below.high) };
  const cut = { low: i32.xor(low, rest.low), high: i32.xor(magnitude, rest.high) };
  const isOdd = isNonZero(i32.or(i32.and(cut.low, unit.low), i32.and(cut.high, unit.high)));
  const isInexact = isNonZero(i32.or(rest.low, rest.high));
  const isAway = direction === 'down' ? isNonZero(sign) : i32.not(sign);
  const isUp =
    direction === 'even'
      ? isBeyondHalf(rest, bitAt(i32.sub(i32.of(51), exponent)), isOdd)
      : i32.and(isInexact, isAway);
  const sum = i32.add(cut.low, unit.low);
  const carried = i32.add(i32.add(cut.high, unit.high), i32.ltU(sum, cut.low));
  const isSomething = isNonZero(i32.or(magnitude, low));
  const isOne =
    direction === 'even'
      ? i32.or(i32.lt(ONE_HALF, magnitude), i32.and(i32.eq(magnitude, ONE_HALF), isNonZero(low)))
      : i32.and(isSomething, isAway);
  const isSmall = i32.lt(exponent, ZERO);
  // Numbers from 2^52 on are integers; infinities and NaN stay as they are, too.
  const isLarge = i32.lt(i32.of(51), exponent);
  const between = {
    low: select(isUp, sum, cut.low),
    high: select(isUp, carried, cut.high),
  };
  return {
    low: select(isSmall, ZERO, select(isLarge, low, between.low)),
    high: i32.or(sign, select(isSmall, select(isOne, ONE, ZERO), select(isLarge, magnitude, between.high))),
  };
}

const isBeyondHalf = (rest: Halves, half: Halves, isOdd: Expression): Expression => {
  const isSame = i32.eq(rest.high, half.high);
  const isTie = i32.and(isSame, i32.eq(rest.low, half.low));
  const isAbove = i32.or(i32.ltU(half.high, rest.high), i32.and(isSame, i32.ltU(half.low, rest.low)));
  return i32.or(isAbove, i32.and(isTie, isOdd));
};

/**
 * binary32 towards zero, with its last bit set if that dropped anything (round to odd): a format at least two bits
 * shorter rounds it as it would round the double (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008).
 */
export function roundedToOdd(halves: Halves): Expression {
  const magnitude = i32.and(halves.high, MAGNITUDE);
  const nearest = roundedToF32(halves);
  const wide = halvesOfF32(i32.and(nearest, MAGNITUDE));
  const isSame = i32.eq(wide.high, magnitude);
  const isExact = i32.and(isSame, i32.eq(wide.low, halves.low));
  const isAbove = i32.or(i32.lt(magnitude, wide.high), i32.and(isSame, i32.ltU(halves.low, wide.low)));
  const odd = i32.or(i32.sub(nearest, isAbove), i32.of(1));
  return select(i32.or(isExact, isNaNAt(magnitude, halves.low)), nearest, odd);
}

/** The integer towards zero, or the nearest int32; 0 for NaN, as the machine converts binary32. */
export function truncatedToI32({ low, high }: Halves): Expression {
  const magnitude = i32.and(high, MAGNITUDE);
  const exponent = exponentOf(magnitude);
  const isNegative = i32.lt(high, ZERO);
  // The upper 32 of the significand's 53 bits are enough for what is below 2^31.
  const significand = i32.or(SIGN, i32.or(i32.shl(magnitude, i32.of(11)), i32.shrU(low, i32.of(21))));
  const size = i32.shrU(significand, i32.and(i32.sub(i32.of(31), exponent), i32.of(31)));
  const signed = select(isNegative, i32.sub(ZERO, size), size);
  const end = select(isNegative, SIGN, MAX_I32);
  const inRange = select(i32.lt(exponent, i32.of(31)), signed, end);
  const number = select(i32.lt(exponent, ZERO), ZERO, inRange);
  return select(isNaNAt(magnitude, low), ZERO, number);
}

/** -1, a zero of the same sign, 1, or NaN. */
export function signOf({ low, high }: Halves): Halves {
  const magnitude = i32.and(high, MAGNITUDE);
  const sign = i32.and(high, SIGN);
  const isZero = i32.not(i32.or(magnitude, low));
  const size = select(isZero, ZERO, ONE);
  return { low: ZERO, high: select(isNaNAt(magnitude, low), word(0x7ff80000), i32.or(sign, size)) };
}
