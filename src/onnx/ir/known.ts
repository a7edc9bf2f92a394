import { MAGNITUDE_BITS, SIGN_BIT } from '../../scalar/float32.ts';
import type { InstructionName } from '../../scalar/instructions.ts';
import { SEMANTICS } from '../../scalar/machine.ts';
import { I32_RANGE, type Range } from '../types.ts';

/**
 * Knowledge of a word before the program runs: an interval of int32 or of float32. The rules below follow the
 * instructions one by one (abstract interpretation over intervals; Cousot & Cousot, POPL 1977, section 9).
 */
export type Known = KnownInteger | KnownFloat | KnownWord;

export interface KnownInteger extends Range {
  readonly kind: 'integer';
  /** Nothing on the way here wrapped around, so the word is the number that the formula means. */
  readonly exact: boolean;
}

export interface KnownFloat extends FloatRange {
  readonly kind: 'float';
}

/** A literal, whose bits are an integer or a float depending on who reads them. */
export interface KnownWord {
  readonly kind: 'word';
  readonly word: number;
}

/** A closed interval of float32, and whether the value may be NaN instead. */
export interface FloatRange extends Range {
  readonly nan: boolean;
}

export const integer = (low: number, high: number, exact = true): KnownInteger => ({
  kind: 'integer',
  low,
  high,
  exact,
});

/** Any integer, which may have wrapped around. */
export const ANY: KnownInteger = integer(I32_RANGE.low, I32_RANGE.high, false);

const float = (low: number, high: number, nan = false): KnownFloat => ({ kind: 'float', low, high, nan });

export const ANY_FLOAT: KnownFloat = float(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, true);

const f32View = new DataView(new ArrayBuffer(4));
const f32OfBits = (word: number): number => {
  f32View.setUint32(0, word >>> 0);
  return f32View.getFloat32(0);
};

export function integerOf(known: Known): KnownInteger {
  if (known.kind === 'integer') return known;
  return known.kind === 'word' ? integer(known.word | 0, known.word | 0) : ANY;
}

export function floatOf(known: Known): KnownFloat {
  if (known.kind === 'float') return known;
  if (known.kind === 'integer') return ANY_FLOAT;
  const value = f32OfBits(known.word);
  return Number.isNaN(value) ? ANY_FLOAT : float(value, value);
}

/** One or the other. */
export function either(a: Known, b: Known): Known {
  if (a.kind === 'word' && b.kind === 'word' && a.word === b.word) return a;
  if (a.kind === 'float' || b.kind === 'float') {
    if (a.kind === 'integer' || b.kind === 'integer') return ANY;
    const [x, y] = [floatOf(a), floatOf(b)];
    return float(Math.min(x.low, y.low), Math.max(x.high, y.high), x.nan || y.nan);
  }
  const [x, y] = [integerOf(a), integerOf(b)];
  return integer(Math.min(x.low, y.low), Math.max(x.high, y.high), x.exact && y.exact);
}

/** The interval if it fits int32; else the words have wrapped around, and are any. */
export const fitted = (low: number, high: number, exact: boolean): KnownInteger =>
  low >= I32_RANGE.low && high <= I32_RANGE.high ? integer(low, high, exact) : ANY;

type Numbers = (x: number, y: number) => number;

function corners(a: Range, b: Range, f: Numbers): Range {
  const all = [f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)];
  // Not -0, which is no integer's sign.
  return { low: Math.min(...all) + 0, high: Math.max(...all) + 0 };
}

type IntegerRule = (a: KnownInteger, b: KnownInteger) => Range | undefined;

const byCorners =
  (f: Numbers): IntegerRule =>
  (a, b) =>
    corners(a, b, f);

/** The least 2^k - 1 that is not below `value`. */
const ones = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1)) - 1;

/** Bits that two numbers can have together, with their signs. */
function bits(a: Range, b: Range): Range {
  const most = ones(Math.max(a.high, b.high, -1 - a.low, -1 - b.low, 0));
  return { low: a.low < 0 || b.low < 0 ? -1 - most : 0, high: most };
}

const conjunction: IntegerRule = (a, b) => {
  for (const [mask, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const isLowBits = mask.low === mask.high && mask.low >= 0 && ones(mask.low) === mask.low;
    if (isLowBits && other.low >= 0 && other.high <= mask.low) return other;
  }
  if (a.low < 0 && b.low < 0) return bits(a, b);
  return { low: 0, high: Math.min(a.low < 0 ? b.high : a.high, b.low < 0 ? a.high : b.high) };
};

/** Quotients truncate; a divisor of 0 gives 0. */
const quotient: IntegerRule = (a, b) => {
  const parts = [
    ...(b.low < 0 ? [{ low: b.low, high: Math.min(b.high, -1) }] : []),
    ...(b.high > 0 ? [{ low: Math.max(b.low, 1), high: b.high }] : []),
  ].map((part) => corners(a, part, (x, y) => Math.trunc(x / y)));
  const zero = b.low <= 0 && b.high >= 0 ? [{ low: 0, high: 0 }] : [];
  return hullOf([...parts, ...zero]);
};

/** Remainders have the dividend's sign; a divisor of 0 leaves the dividend. */
const remainder: IntegerRule = (a, b) => {
  if (b.low <= 0 && b.high >= 0) return { low: Math.min(0, a.low), high: Math.max(0, a.high) };
  const least = Math.min(Math.abs(b.low), Math.abs(b.high));
  if (a.low > -least && a.high < least) return a;
  const most = Math.max(Math.abs(b.low), Math.abs(b.high)) - 1;
  return { low: Math.max(Math.min(0, a.low), -most), high: Math.min(Math.max(0, a.high), most) };
};

const isDistance = (by: Range): boolean => by.low >= 0 && by.high <= 31;

const shiftLeft: IntegerRule = (a, by) => (isDistance(by) ? corners(a, by, (x, k) => x * 2 ** k) : undefined);

const shiftRight: IntegerRule = (a, by) =>
  isDistance(by) ? corners(a, by, (x, k) => Math.floor(x / 2 ** k)) : undefined;

/** Shifts words without a sign: a negative number is a large one. */
const shiftRightUnsigned: IntegerRule = (a, by) => {
  if (a.low >= 0) return shiftRight(a, by);
  return isDistance(by) && by.low > 0 ? { low: 0, high: 2 ** (32 - by.low) - 1 } : undefined;
};

const hullOf = (ranges: readonly Range[]): Range => ({
  low: Math.min(...ranges.map(({ low }) => low)),
  high: Math.max(...ranges.map(({ high }) => high)),
});

const INTEGER_RULES: Partial<Record<InstructionName, IntegerRule>> = {
  'i32.add': byCorners((x, y) => x + y),
  'i32.sub': byCorners((x, y) => x - y),
  'i32.mul': byCorners((x, y) => x * y),
  'i32.div': quotient,
  'i32.rem': remainder,
  'i32.and': conjunction,
  'i32.or': (a, b) => ({
    ...bits(a, b),
    ...(a.low >= 0 && b.low >= 0 ? { low: Math.max(a.low, b.low) } : {}),
  }),
  'i32.xor': bits,
  'i32.shl': shiftLeft,
  'i32.shr_s': shiftRight,
  'i32.shr_u': shiftRightUnsigned,
};

/** A comparison's result: 0, 1, or either if the intervals meet. */
const decided = (isTrue: boolean, isFalse: boolean, exact: boolean): KnownInteger =>
  integer(isTrue ? 1 : 0, isFalse ? 0 : 1, exact);

function compared(name: InstructionName, a: Known, b: Known): KnownInteger | undefined {
  if (name.startsWith('f32.')) {
    return name === 'f32.eq' || name === 'f32.lt' || name === 'f32.le' ? integer(0, 1) : undefined;
  }
  const [x, y] = [integerOf(a), integerOf(b)];
  const exact = x.exact && y.exact;
  if (name === 'i32.lt_s') return decided(x.high < y.low, x.low >= y.high, exact);
  if (name === 'i32.eq') {
    const single = x.low === x.high && y.low === y.high && x.low === y.low;
    return decided(single, x.high < y.low || y.high < x.low, exact);
  }
  if (name !== 'i32.lt_u') return undefined;
  // A check of bounds: a negative index must count as large there, so that is no mistake.
  return x.low >= 0 && y.low >= 0 ? decided(x.high < y.low, x.low >= y.high, exact) : integer(0, 1, exact);
}

const roundings: Partial<
  Record<InstructionName, readonly [low: (x: number) => number, high: (x: number) => number]>
> = {
  'f32.nearest': [Math.floor, Math.ceil],
  'f32.floor': [Math.floor, Math.floor],
  'f32.ceil': [Math.ceil, Math.ceil],
  'f32.trunc': [Math.trunc, Math.trunc],
};

/**
 * Rounding is monotone, so bounds of a result are results of bounds; binary64 in between changes nothing (Figueroa,
 * "When is double rounding innocuous?", 1995).
 */
function floatResult(name: InstructionName, a: Known, b: Known): KnownFloat {
  const x = floatOf(a);
  const rounding = roundings[name];
  if (rounding) return float(rounding[0](x.low), rounding[1](x.high), x.nan);
  if (name === 'f32.sqrt') return x.low < 0 ? ANY_FLOAT : float(f32Sqrt(x.low), f32Sqrt(x.high), x.nan);
  const y = floatOf(b);
  const nan = x.nan || y.nan;
  if (name === 'f32.min') return float(Math.min(x.low, y.low), Math.min(x.high, y.high), nan);
  if (name === 'f32.max') return float(Math.max(x.low, y.low), Math.max(x.high, y.high), nan);
  const arithmetic = ARITHMETIC[name];
  if (!arithmetic || (name === 'f32.div' && y.low <= 0 && y.high >= 0)) return ANY_FLOAT;
  const { low, high } = corners(x, y, arithmetic);
  // Of infinities, and of one and 0, some results are no numbers.
  if (Number.isNaN(low) || Number.isNaN(high)) return ANY_FLOAT;
  const ends = [x.low, x.high, y.low, y.high];
  return float(Math.fround(low), Math.fround(high), nan || !ends.every(Number.isFinite));
}

const ARITHMETIC: Partial<Record<InstructionName, Numbers>> = {
  'f32.add': (p, q) => p + q,
  'f32.sub': (p, q) => p - q,
  'f32.mul': (p, q) => p * q,
  'f32.div': (p, q) => p / q,
};

const f32Sqrt = (x: number): number => Math.fround(Math.sqrt(x));

/** Truncated, saturated; NaN is 0. */
function converted({ low, high, nan }: KnownFloat): KnownInteger {
  const whole = (value: number) => Math.min(I32_RANGE.high, Math.max(I32_RANGE.low, Math.trunc(value))) + 0;
  return integer(nan ? Math.min(0, whole(low)) : whole(low), nan ? Math.max(0, whole(high)) : whole(high));
}

/** Bit operations on a float: its negative, and its magnitude. */
function floatBits(name: InstructionName, a: Known, b: Known): KnownFloat | undefined {
  if (a.kind !== 'float' || b.kind !== 'word') return undefined;
  if (name === 'i32.xor' && b.word >>> 0 === SIGN_BIT) return float(-a.high, -a.low, a.nan);
  if (name !== 'i32.and' || b.word >>> 0 !== MAGNITUDE_BITS) return undefined;
  const most = Math.max(Math.abs(a.low), Math.abs(a.high));
  return float(a.low <= 0 && a.high >= 0 ? 0 : Math.min(Math.abs(a.low), Math.abs(a.high)), most, a.nan);
}

/** Bounds of an instruction's result (`select` apart, which depends on more than its operands' intervals). */
export function knownResult(name: InstructionName, args: readonly Known[]): Known {
  const [a = ANY, b = ANY] = args;
  if (args.every((arg) => arg.kind === 'word')) {
    const [x = 0, y = 0, z = 0] = args.map((arg) => arg.word);
    const folded = SEMANTICS[name](x, y, z);
    // Literals that wrap are how the machine's own tricks are written; only their word is known.
    return { kind: 'word', word: folded };
  }
  const comparison = compared(name, a, b);
  if (comparison) return comparison;
  if (name === 'f32.from_i32') {
    const { low, high } = integerOf(a);
    return float(Math.fround(low), Math.fround(high));
  }
  if (name === 'i32.from_f32') return converted(floatOf(a));
  const asFloat = floatBits(name, a, b) ?? (name.startsWith('f32.') ? floatResult(name, a, b) : undefined);
  if (asFloat) return asFloat;
  const rule = INTEGER_RULES[name];
  const [x, y] = [integerOf(a), integerOf(b)];
  const range = rule?.(x, y);
  return range ? fitted(range.low, range.high, x.exact && y.exact) : ANY;
}
