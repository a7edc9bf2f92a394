import { wordOfF32 } from '../../src/scalar/machine.ts';
import { xorshift32 } from '../../src/scalar/xorshift32.ts';

/** Arguments at which binary32 functions fail first, as bit patterns; and pairs of them for powers. */

const SIGN = 0x80000000;
const FRACTION_BITS = 400n;

/** atan(1 / n) times 2^bits, by its series. */
function arctangentOfInverse(n: bigint, bits: bigint): bigint {
  let power = (1n << bits) / n;
  let sum = 0n;
  for (let i = 1n; power !== 0n; i += 2n, power = -power / (n * n)) sum += power / i;
  return sum;
}

/** 2 / pi times 2^bits; pi by J. Machin's formula, 16 atan(1/5) - 4 atan(1/239). */
export function twoOverPi(bits: bigint): bigint {
  const guard = bits + 64n;
  const pi = 16n * arctangentOfInverse(5n, guard) - 4n * arctangentOfInverse(239n, guard);
  return (1n << (bits + 1n + guard)) / pi;
}

/**
 * Floats that are closest to multiples of pi/2, where a reduction keeps the fewest digits: for each exponent the
 * denominators of the convergents of 2^exponent 2/pi, and their multiples that have 24 bits.
 */
function nearMultiplesOfHalfPi(): number[] {
  const ratio = twoOverPi(FRACTION_BITS);
  const words = new Set<number>();
  for (let exponent = -24; exponent <= 104; exponent++) {
    const shifted = exponent < 0 ? ratio >> BigInt(-exponent) : ratio << BigInt(exponent);
    let [a, b] = [1n << FRACTION_BITS, shifted & ((1n << FRACTION_BITS) - 1n)];
    for (let [before, q] = [0n, 1n]; q < 1n << 24n && b !== 0n; ) {
      const least = ((1n << 23n) + q - 1n) / q;
      for (const factor of [least, least + 1n]) {
        const integer = Number(q * factor);
        if (integer < 2 ** 24) words.add(wordOfF32(integer * 2 ** exponent));
      }
      [before, q] = [q, (a / b) * q + before];
      [a, b] = [b, a % b];
    }
  }
  return [...words];
}

/** Numbers where some function changes its formula, overflows, or becomes subnormal, 0 or constant. */
const ENDS = [
  0.25,
  0.3125,
  0.34657359,
  0.41421356,
  0.5,
  0.625,
  Math.LN2,
  0.921875,
  1.125,
  2.3561945,
  2.41421356,
  3.9192059,
  4,
  6,
  8.6643397,
  9.010913,
  17.32868,
  30,
  87.33654,
  88.02969,
  88.722839,
  89.415986,
  90,
  103.27893,
  103.97208,
  105,
  4096,
  1.8446743e19,
  1.70141183e38,
  1e38,
  3.4e38,
];

/** Seconds of an epoch, and such numbers with a period of an hour or a day. */
const TIMES = [
  1e9,
  1.2345e9,
  1.6e9,
  1.7e9,
  1.76438e9,
  2 ** 31,
  1.7e12,
  3600,
  86_400,
  1_000_003,
  131_072,
  102_943.7,
];

/** Where each function has its greatest error, from a run of scripts/accuracy.ts over every float. */
const WORST = [
  0x40a712fb, 0x40a64f39, 0x3eba2400, 0x3e8f66f6, 0x3f2da62d, 0x3f21d3dc, 0x40c79b3b, 0x3be2c1a1, 0x3ede8761,
  0x3f6bb754, 0x41cf5eda, 0x548e8df4, 0x3f001261, 0x3effdb10, 0x3ede6717, 0x3f8d3a92, 0x418a9bc3, 0x3f04afeb,
  0x3f840430, 0x3f30f725,
];

const around = (words: readonly number[], distance: number): number[] =>
  words.flatMap((word) => Array.from({ length: 2 * distance + 1 }, (_, i) => word + i - distance));

/** Bit patterns for one argument: both signs of all exponents, ends, neighbours of multiples of pi/2, NaN. */
export function hardArguments(): number[] {
  const exponents = Array.from({ length: 256 }, (_, i) => i << 23);
  const positive = [
    ...exponents.flatMap((base) => [0, 1, 2, 0x2aaaaa, 0x400000, 0x7ffffe, 0x7fffff].map((m) => base | m)),
    ...around(ENDS.map(wordOfF32), 8),
    ...around(TIMES.map(wordOfF32), 2),
    ...Array.from({ length: 500 }, (_, k) => wordOfF32((k + 1) * (Math.PI / 2))),
    ...WORST,
    ...nearMultiplesOfHalfPi(),
  ].filter((word) => word >= 0);
  return [...new Set(positive)].flatMap((word) => [word, (word | SIGN) >>> 0]);
}

/** Bases and exponents that are special, whole, odd beyond 2^23, at ends; every pair of them is tried. */
const SPECIAL_POWERS = [
  0,
  2 ** -149,
  2 ** -126,
  1e-40,
  1e-30,
  0.001,
  1 / 3,
  0.5,
  1 - 2 ** -24,
  1,
  1 + 2 ** -23,
  1.5,
  2,
  2.5,
  3,
  5,
  10,
  24,
  127,
  128,
  149,
  150,
  255,
  1001,
  2 ** 22 + 0.5,
  2 ** 23 + 1,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 25,
  2 ** 31,
  1e10,
  1e20,
  2 ** 127,
  3.4028234663852886e38,
  Number.POSITIVE_INFINITY,
  Number.NaN,
].map(Math.fround);

/** Every pair of special words, both signs each. */
export function* specialPairs(): Generator<[x: number, y: number]> {
  const words = SPECIAL_POWERS.map(wordOfF32).flatMap((word) => [word, (word | SIGN) >>> 0]);
  for (const x of words) for (const y of words) yield [x, y];
}

/**
 * Pairs from a seed, over both whole ranges: any two words, and pairs whose powers are spread over the logarithms of
 * all results, for any base, for bases near 1 and subnormal ones, for whole exponents, and at the ends of the range.
 */
export function* powerPairs(count: number, seed = 1): Generator<[x: number, y: number]> {
  const word = xorshift32((seed * 2654435761) >>> 0 || 1);
  const unit = (): number => word() / 2 ** 32;
  const view = new DataView(new ArrayBuffer(4));
  const float = (bits: number): number => {
    view.setUint32(0, bits);
    return view.getFloat32(0);
  };
  const exponentFor = (base: number, target: number): [number, number] => [
    base,
    wordOfF32(target / Math.log2(float(base))),
  ];
  const kinds: readonly (() => [number, number])[] = [
    () => [word(), word()],
    () => exponentFor(word() >>> 1, -152 + 282 * unit()),
    () => exponentFor(0x3f800000 + (word() % 0x20000) - 0x10000, -152 + 282 * unit()),
    () => exponentFor(0x3f800000 + (word() % 64) - 32, -152 + 282 * unit()),
    () => exponentFor(word() & 0x7fffff, -152 + 282 * unit()),
    () => exponentFor(word() >>> 1, [128, -126, -149, -150][word() & 3]! + 1e-4 * (unit() - 0.5)),
    () => {
      const whole = (word() % 300) - 150 || 1;
      return [wordOfF32(2 ** ((-152 + 282 * unit()) / whole) * (word() & 1 ? -1 : 1)), wordOfF32(whole)];
    },
  ];
  for (let i = 0; i < count; i++) yield kinds[i % kinds.length]!();
}
