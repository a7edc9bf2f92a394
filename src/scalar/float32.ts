/**
 * Words of binary32 that have a name (IEEE 754-2019, §3.4 and §6.2).
 *
 * | bits  | 31   | 30 to 23 | 22 to 0  |
 * | ----- | ---- | -------- | -------- |
 * | field | sign | exponent | fraction |
 */

/** The sign; alone it is -0. */
export const SIGN_BIT = 0x80000000;
/** Exponent and fraction: all but the sign. */
export const MAGNITUDE_BITS = 0x7fffffff;
export const EXPONENT_BITS = 0x7f800000;
export const FRACTION_BITS = 0x007fffff;

/** Number of bits in {@link FRACTION_BITS}. */
export const FRACTION_WIDTH = 23;
export const EXPONENT_BIAS = 127;

export const SMALLEST_NORMAL_BITS = 0x00800000;
export const POSITIVE_INFINITY_BITS = 0x7f800000;
export const NEGATIVE_INFINITY_BITS = 0xff800000;

/** The one NaN that a float instruction yields (quiet, positive, empty payload). */
export const CANONICAL_NAN_BITS = 0x7fc00000;

/** Whether a word is a NaN, of any sign and payload. */
export const isNaNWord = (word: number): boolean => (word & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS;

/** Whether a word is neither an infinity nor a NaN. */
export const isFiniteWord = (word: number): boolean => (word & EXPONENT_BITS) !== EXPONENT_BITS;
