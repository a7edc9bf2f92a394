import { xorshift32 } from '../../src/scalar/xorshift32.ts';

/**
 * Operand words for the scalar instructions, the same ones for every machine that must agree: all combinations of
 * {@link EXTREMES} first, then seeded random ones of the kinds that break arithmetic.
 */

/** A seeded generator of 32-bit words. */
export function randomWords(seed: number): () => number {
  const next = xorshift32(seed >>> 0 || 1);
  // The multiplication breaks up the linear relation between successive words.
  return () => Math.imul(next(), 0x9e3779b1) >>> 0;
}

const powersOfTwo = [
  0, 1, 2, 23, 64, 103, 104, 126, 127, 128, 129, 149, 150, 151, 157, 158, 159, 230, 231, 253, 254,
];

/** Words of which some is an edge for every instruction, read as f32 or as i32. */
export const EXTREMES: readonly number[] = [
  ...new Set(
    [
      // Zeros, subnormals, the least and greatest normal numbers, infinity.
      [0, 1, 2, 3, 0x3fffff, 0x400000, 0x400001, 0x7ffffe, 0x7fffff, 0x800000, 0x800001],
      [0x7f7fffff, 0x7f7ffffe, 0x7f800000],
      // NaN: signalling and quiet, with payloads.
      [0x7f800001, 0x7fa00000, 0x7fbfffff, 0x7fc00000, 0x7fc12345, 0x7fffffff],
      // Powers of two, and their neighbours.
      powersOfTwo.flatMap((e) => [-1, 0, 1].map((step) => (e << 23) + step)),
      // 0.5, 1, 1.5, 2.5, 3.5 and their neighbours: ties of rounding to an integer.
      [0x3f000000, 0x3fc00000, 0x40200000, 0x40600000].flatMap((x) => [x - 1, x, x + 1]),
      // Ties just below 2^23, integers at 2^23, 2^24 and 2^31.
      [0x4affffff, 0x4afffffd, 0x4b000001, 0x4b7fffff, 0x4b800001, 0x4effffff, 0x4f000001],
      // Significands that make ties and long carries.
      [0x3f800001, 0x3fffffff, 0x3fffffff, 0x3f555555, 0x3faaaaab, 0x33800000, 0x33800001, 0x337fffff],
    ]
      .flat()
      .flatMap((x) => [x >>> 0, (x ^ 0x80000000) >>> 0])
      // Small and large integers; 2^24 and 2^31 as i32, with neighbours.
      .concat([
        5, 7, 31, 32, 33, 0xffff, 0x10000, 0xffffff, 0x1000000, 0x1000001, 0x1000003, 0x7fffff80, 0x7fffffc0,
      ])
      .concat([0xffffffff, 0xfffffffe, 0xff000000, 0xfeffffff, 0x80000040, 0x80000080, 0x800000c0]),
  ),
];

type Words = readonly [a: number, b: number, c: number];

const f32 = (sign: number, exponent: number, fraction: number): number =>
  (((sign & 1) << 31) | (Math.max(0, Math.min(255, exponent)) << 23) | (fraction & 0x7fffff)) >>> 0;

const EDGE_EXPONENTS = [
  0, 1, 2, 22, 23, 24, 25, 99, 100, 101, 126, 127, 128, 149, 150, 151, 157, 158, 206, 207, 208, 229, 230, 231,
  232, 252, 253, 254, 255,
];
const EDGE_FRACTIONS = [
  0, 1, 2, 3, 0x2aaaaa, 0x3504f3, 0x3504f4, 0x3fffff, 0x400000, 0x400001, 0x555555, 0x7ffffe, 0x7fffff,
];

/** Kinds of random rows; each takes a generator and yields operands. */
const KINDS: readonly ((next: () => number) => Words)[] = [
  // Any bits: exponents spread uniformly.
  (next) => [next(), next(), next()],
  // Near-cancellation: the negative, some units in the last place away.
  (next) => {
    const a = next();
    return [a, ((a ^ 0x80000000) + (next() % 9) - 4) >>> 0, next()];
  },
  // The same sign or not, exponents at most 26 apart: everything that alignment can do.
  (next) => {
    const e = next() % 256;
    return [f32(next(), e, next()), f32(next(), e + (next() % 53) - 26, next()), next()];
  },
  // b is half a unit in the last place of a, or next to that: ties of sums.
  (next) => {
    const e = 25 + (next() % 230);
    const b = f32(next(), e - 24, 0) + (next() % 3) - 1;
    return [f32(next(), e, next()), b >>> 0, next()];
  },
  // Twelve or thirteen significant bits: ties of products, exact quotients and roots.
  (next) => {
    const short = () => f32(next(), 100 + (next() % 56), next() & 0x7ff800);
    return [short(), short(), short()];
  },
  // Products at the edge of the subnormals.
  (next) => {
    const e = next() % 127;
    return [f32(next(), e, next()), f32(next(), 104 - e + (next() % 26), next()), next()];
  },
  // Products at the edge of infinity.
  (next) => {
    const e = 127 + (next() % 128);
    return [f32(next(), e, next()), f32(next(), 380 - e + (next() % 4), next()), next()];
  },
  // Quotients at the edge of the subnormals.
  (next) => {
    const e = next() % 130;
    return [f32(next(), e, next()), f32(next(), e + 124 + (next() % 28), next()), next()];
  },
  // Quotients at the edge of infinity.
  (next) => {
    const e = 125 + (next() % 130);
    return [f32(next(), e, next()), f32(next(), e - 125 - (next() % 5), next()), next()];
  },
  // Subnormals with few significant bits, and numbers that bring them back.
  (next) => [f32(next(), 0, next() >>> (9 + (next() % 23))), f32(next(), next() % 255, next()), next()],
  // Near the integers: fractions of a few bits.
  (next) => [f32(next(), 120 + (next() % 40), next() << (next() % 23)), f32(next(), 127, next()), next()],
  // Small integers, negative ones too, and shift distances.
  (next) => [(next() % 2001) - 1000, (next() % 67) - 33, next()].map((x) => x >>> 0) as unknown as Words,
  // Integers of every length.
  (next) => [next() >>> (next() % 32), next() >>> (next() % 32), next() & 1],
  // Around perfect squares, under exponents of both parities: roots that are nearly halfway between two floats.
  (next) => {
    const root = 2896.3 + (next() % 1200);
    const fraction = Math.round(root) ** 2 - 2 ** 23 + (next() % 5) - 2;
    return [f32(0, 126 + (next() % 3), fraction), f32(next(), 1 + (next() % 254), next()), next()];
  },
  // Exponents at which aligning, normalising and converting take another way, with fractions of long carries.
  (next) => {
    const exponent = () => EDGE_EXPONENTS[next() % EDGE_EXPONENTS.length] as number;
    const fraction = () => EDGE_FRACTIONS[next() % EDGE_FRACTIONS.length] as number;
    return [f32(next(), exponent(), fraction()), f32(next(), exponent(), fraction()), next()];
  },
  // Ends of int32, powers of two and distances of 31 to 33, beside each other.
  (next) => {
    const edge = () =>
      ((next() & 1 ? 1 << (next() % 32) : [0, 31, 32, 33, 0xff000001][next() % 5]!) - (next() % 3) + 1) >>> 0;
    return [edge(), edge(), next()];
  },
  // Equal operands, and a zero condition.
  (next) => {
    const a = next();
    return [a, a, 0];
  },
  // An extreme beside anything.
  (next) => [EXTREMES[next() % EXTREMES.length] as number, next(), next()],
  (next) => [next(), EXTREMES[next() % EXTREMES.length] as number, next()],
];

/**
 * `count` rows of three words: the combinations of {@link EXTREMES} that an instruction of that arity can tell
 * apart (for a third operand, a few of them), then rows of every kind in turn.
 */
export function operandRows(arity: 1 | 2 | 3, count: number, seed: number): Uint32Array {
  const rows = new Uint32Array(3 * count);
  let at = 0;
  const push = (row: Words) => {
    if (at < rows.length) rows.set(row, at);
    at += 3;
  };
  const seconds = arity === 1 ? [0] : EXTREMES;
  const thirds = arity === 3 ? [0, 0x7fc12345, 0x80000000] : [0];
  for (const a of EXTREMES) for (const b of seconds) for (const c of thirds) push([a, b, c]);
  const next = randomWords(seed);
  for (let i = 0; at < rows.length; i++) push((KINDS[i % KINDS.length] as (typeof KINDS)[number])(next));
  return rows;
}
