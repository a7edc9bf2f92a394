import { type Expression, f32, i32, select, word } from '../ir/expression.ts';
import { CANONICAL_NAN, FRACTION, INFINITY, MAGNITUDE, SIGN, SMALLEST_NORMAL } from '../ir/floatWords.ts';

/**
 * binary64 as two words, the lower half first, in integer arithmetic: rounding to binary32, widening to it, and keys
 * whose order is that of the numbers.
 */
export interface Halves<T = Expression> {
  readonly low: T;
  readonly high: T;
}

/** The exponent of binary64 less that of binary32, in the bits of an upper half. */
const REBIAS = (1023 - 127) * 2 ** 20;
/** The upper half of infinity in binary64. */
const INFINITY64 = word(0x7ff00000);

const isZero = (x: Expression): Expression => i32.eq(x, i32.of(0));
const isNonZero = (x: Expression): Expression => i32.not(isZero(x));

/** Whether halves are those of NaN, by the magnitude of the upper one. */
export const isNaNAt = (magnitude: Expression, low: Expression): Expression =>
  i32.or(i32.lt(INFINITY64, magnitude), i32.and(i32.eq(magnitude, INFINITY64), isNonZero(low)));

/** The nearest binary32, ties to even (IEEE 754-2019, formatOf-convertFormat). */
export function roundedToF32({ low, high }: Halves): Expression {
  const magnitude = i32.and(high, MAGNITUDE);
  const exponent = i32.sub(i32.shrU(magnitude, i32.of(20)), i32.of(1023 - 127));
  const lowest = i32.and(low, word(2 ** 29 - 1));
  // The sign and 8 bits of exponent take 9 bits instead of 12: the fraction moves up by 3.
  const shifted = i32.or(i32.shl(magnitude, i32.of(3)), i32.shrU(low, i32.of(29)));
  const cut = i32.sub(shifted, word(REBIAS * 8));
  const odd = i32.and(cut, i32.of(1));
  const up = i32.shrU(i32.add(lowest, i32.add(word(2 ** 28 - 1), odd)), i32.of(29));
  const normal = i32.add(cut, up);
  const bounded = select(i32.lt(exponent, i32.of(255)), normal, INFINITY);
  const finite = select(i32.lt(i32.of(0), exponent), bounded, subnormal(shifted, lowest, exponent));
  const signed = i32.or(finite, i32.and(high, SIGN));
  return select(isNaNAt(magnitude, low), CANONICAL_NAN, signed);
}

/** A number below binary32's normal ones: its significand of 24 bits, moved down and rounded with what is below it. */
function subnormal(shifted: Expression, lowest: Expression, exponent: Expression): Expression {
  const significand = i32.or(i32.and(shifted, FRACTION), SMALLEST_NORMAL);
  const by = i32.min(i32.sub(i32.of(1), exponent), i32.of(25));
  const kept = i32.shrU(significand, by);
  const rest = i32.sub(significand, i32.shl(kept, by));
  const half = i32.shl(i32.of(1), i32.sub(by, i32.of(1)));
  const isTieUp = i32.or(isNonZero(lowest), i32.and(kept, i32.of(1)));
  const isUp = i32.or(i32.lt(half, rest), i32.and(i32.eq(rest, half), isTieUp));
  return i32.add(kept, isUp);
}

/** A binary32 as binary64, exactly. */
export function halvesOfF32(x: Expression): Halves {
  const magnitude = f32.abs(x);
  const isSubnormal = i32.lt(magnitude, SMALLEST_NORMAL);
  // A binary32 subnormal is a normal binary64 number; times 2^64 it is normal in both.
  const scaled = select(isSubnormal, f32.mul(magnitude, f32.of(2 ** 64)), magnitude);
  const rebias = select(isSubnormal, word(REBIAS - 64 * 2 ** 20), word(REBIAS));
  const finite = select(isZero(magnitude), i32.of(0), i32.add(i32.shrU(scaled, i32.of(3)), rebias));
  const special = select(i32.eq(magnitude, INFINITY), INFINITY64, word(0x7ff80000));
  const upper = select(i32.lt(magnitude, INFINITY), finite, special);
  return { low: i32.shl(scaled, i32.of(29)), high: i32.or(upper, i32.and(x, SIGN)) };
}

/** An int32 as binary64, exactly. */
export function halvesOfI32(x: Expression): Halves {
  const isNegative = i32.lt(x, i32.of(0));
  const magnitude = select(isNegative, i32.sub(i32.of(0), x), x);
  const [upper, lower] = [i32.shrU(magnitude, i32.of(8)), i32.and(magnitude, i32.of(255))];
  // Both parts have at most 24 bits; the lower one stands right below the upper one's bits.
  const wide = halvesOfF32(f32.fromI32(upper));
  const exponent = i32.sub(i32.shrU(wide.high, i32.of(20)), i32.of(1023 - 8));
  const distance = i32.sub(i32.of(52), exponent);
  const isLow = i32.lt(distance, i32.of(32));
  const low = i32.or(wide.low, select(isLow, i32.shl(lower, distance), i32.of(0)));
  const carried = select(
    isLow,
    i32.shrU(lower, i32.sub(i32.of(32), distance)),
    i32.shl(lower, i32.sub(distance, i32.of(32))),
  );
  const high = i32.or(i32.add(wide.high, word(8 * 2 ** 20)), carried);
  const small = halvesOfF32(f32.fromI32(magnitude));
  const isSmall = isZero(upper);
  const sign = select(isNegative, SIGN, i32.of(0));
  return { low: select(isSmall, small.low, low), high: i32.or(select(isSmall, small.high, high), sign) };
}

/** Greater than the upper halves of all keys of numbers. */
const NAN_KEY = 0x7fffffff;

/** A key: upper halves compare as signed numbers, then lower ones as unsigned. Zeros have one key, and NaN has one. */
export function keyOf({ low, high }: Halves): Halves {
  const magnitude = i32.and(high, MAGNITUDE);
  const isNothing = isZero(i32.or(magnitude, low));
  const negative = i32.shrS(high, i32.of(31));
  const upper = select(isNothing, i32.of(0), i32.xor(high, i32.and(negative, MAGNITUDE)));
  const lower = select(isNothing, i32.of(0), i32.xor(low, negative));
  const isUndefined = isNaNAt(magnitude, low);
  return { low: select(isUndefined, i32.of(0), lower), high: select(isUndefined, i32.of(NAN_KEY), upper) };
}

/** The number with a key; a zero has lost its sign. */
export function halvesOfKey({ low, high }: Halves): Halves {
  const negative = i32.shrS(high, i32.of(31));
  return { low: i32.xor(low, negative), high: i32.xor(high, i32.and(negative, MAGNITUDE)) };
}

/** Halves of a number, as signed words. */
export function halvesOfNumber(value: number): Halves<number> {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return { high: view.getInt32(0), low: view.getInt32(4) };
}

/** The key of a number, as signed words. */
export function keyOfNumber(value: number): Halves<number> {
  if (Number.isNaN(value)) return { high: NAN_KEY, low: 0 };
  const { high, low } = halvesOfNumber(value === 0 ? 0 : value);
  return high < 0 ? { high: high ^ NAN_KEY, low: ~low } : { high, low };
}

const isBelow = (a: Halves, b: Halves): Expression =>
  i32.or(i32.lt(a.high, b.high), i32.and(i32.eq(a.high, b.high), i32.ltU(a.low, b.low)));

/** Comparisons of keys; all are false where one is that of NaN, but for `isBelow`, to which NaN is the greatest. */
export const keys = {
  isBelow,
  /** Keys of the opposite order, in which NaN is the greatest, too. */
  reversed: (a: Halves): Halves => {
    const mask = select(keys.isNumber(a), word(0xffffffff), i32.of(0));
    return { low: i32.xor(a.low, mask), high: i32.xor(a.high, mask) };
  },
  isNumber: (a: Halves): Expression => i32.not(i32.eq(a.high, i32.of(NAN_KEY))),
  lt: (a: Halves, b: Halves): Expression => i32.and(isBelow(a, b), keys.isNumber(b)),
  le: (a: Halves, b: Halves): Expression => i32.and(i32.not(isBelow(b, a)), keys.isNumber(b)),
  eq: (a: Halves, b: Halves): Expression =>
    i32.and(i32.and(i32.eq(a.high, b.high), i32.eq(a.low, b.low)), keys.isNumber(a)),
} as const;
