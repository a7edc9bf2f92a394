import { type InstructionName, instructionOf } from '../../scalar/instructions.ts';
import { branch, type Code, i32Const, simd, v128Const } from '../../wasm/assembler.ts';
import type { Value, Values } from './value.ts';

/**
 * The scalar instructions as WebAssembly, on one word or on four. Most are one opcode of each kind; WebAssembly's
 * floats are those of `scalar/instructions.ts` but for NaN, which is made canonical where its bits are looked at.
 */

/**
 * An instruction that only the engine has: words as pairs of signed 16-bit integers, the sum of both products.
 * No opcode of the instruction set is as large.
 */
export const DOT = 256;

export const arityOf = (opcode: number): number => (opcode === DOT ? 2 : instructionOf(opcode)!.arity);

/** Opcodes for one word and for four. */
type Pair = readonly [one: number, four: number];

const FLOATS: Partial<Record<InstructionName, Pair>> = {
  'f32.add': [0x92, 228],
  'f32.sub': [0x93, 229],
  'f32.mul': [0x94, 230],
  'f32.div': [0x95, 231],
  'f32.sqrt': [0x91, 227],
  'f32.min': [0x96, 232],
  'f32.max': [0x97, 233],
  'f32.nearest': [0x90, 106],
  'f32.floor': [0x8e, 104],
  'f32.ceil': [0x8d, 103],
  'f32.trunc': [0x8f, 105],
};

const FLOAT_COMPARISONS: Partial<Record<InstructionName, Pair>> = {
  'f32.eq': [0x5b, 65],
  'f32.lt': [0x5d, 67],
  'f32.le': [0x5f, 69],
};

const INTEGERS: Partial<Record<InstructionName, Pair>> = {
  'i32.add': [0x6a, 174],
  'i32.sub': [0x6b, 177],
  'i32.mul': [0x6c, 181],
  'i32.and': [0x71, 78],
  'i32.or': [0x72, 80],
  'i32.xor': [0x73, 81],
};

/** Those that yield truth of truth: 0 and 1, or no bits and all. */
const LOGIC: ReadonlySet<string> = new Set(['i32.and', 'i32.or', 'i32.xor']);

const INTEGER_COMPARISONS: Partial<Record<InstructionName, Pair>> = {
  'i32.eq': [0x46, 55],
  'i32.lt_s': [0x48, 57],
  'i32.lt_u': [0x49, 58],
};

/** The vector forms take one distance for all lanes. */
const SHIFTS: Partial<Record<InstructionName, Pair>> = {
  'i32.shl': [0x74, 171],
  'i32.shr_s': [0x75, 172],
  'i32.shr_u': [0x76, 173],
};

/** Whether it yields a float by computing one, so that a NaN among its results may be any. */
export const isFloatResult = (opcode: number): boolean =>
  opcode !== DOT && FLOATS[instructionOf(opcode)!.name as InstructionName] !== undefined;

/** x / 0 = 0 and x / -1 = -x, wrapping; WebAssembly traps on both. */
const divide = (a: Code, b: Code): Code =>
  branch(
    'i32',
    [...b, 0x45],
    i32Const(0),
    branch('i32', [...b, ...i32Const(-1), 0x46], [...i32Const(0), ...a, 0x6b], [...a, ...b, 0x6d]),
  );

/** x rem 0 = x; WebAssembly's -2^31 rem -1 is 0. */
const remainder = (a: Code, b: Code): Code => branch('i32', [...b, 0x45], a, [...a, ...b, 0x6f]);

const isNaNWord = ({ word }: Value): boolean => word !== undefined && (word & 0x7fffffff) > 0x7f800000;

/** Whether making NaN canonical later on does no harm to it: it is a float's result, or a word that is no NaN. */
const isLoose = (value: Value): boolean => !value.exact || (value.word !== undefined && !isNaNWord(value));

/** Four words from one expression for each. */
export const fromLanes = (lane: (i: number) => Code): Code => [
  ...lane(0),
  ...simd(17),
  ...[1, 2, 3].flatMap((i) => [...lane(i), ...simd(28), i]),
];

/**
 * f32.min or f32.max of four words and one that is known, by one comparison: `pmin(x, c) = c < x ? c : x` and
 * `pmax(x, c) = x < c ? c : x` yield NaN where x is NaN, and differ from minimum and maximum in zeros of unlike signs
 * only. For max(x, +0), a zero is added to x first, which makes it +0 if it was -0.
 */
function clamped(values: Values, name: InstructionName, a: Value, b: Value): Code | undefined {
  if (name !== 'f32.min' && name !== 'f32.max') return undefined;
  const [x, known] = b.word === undefined ? [b, a] : [a, b];
  if (known.word === undefined || isNaNWord(known)) return undefined;
  const bound = values.vectorFloat(known);
  if (name === 'f32.min')
    return known.word === 0x80000000 ? undefined : [...values.vectorFloat(x), ...bound, ...simd(234)];
  const zeroed = known.word === 0 ? [...bound, ...simd(228)] : [];
  return [...values.vectorFloat(x), ...zeroed, ...bound, ...simd(235)];
}

/** The value of an instruction on up to three values. */
export function instructionValue(values: Values, opcode: number, args: readonly Value[]): Value {
  const level = Math.max(0, ...args.map((value) => value.level));
  if (opcode === DOT) {
    const words = args.flatMap((value) => values.vectorBits(value));
    return values.define(level, 'v128', [...words, ...simd(186)]);
  }
  const name = instructionOf(opcode)!.name as InstructionName;
  return args.some(({ type }) => type === 'v128')
    ? four(values, name, level, args)
    : one(values, name, level, args);
}

function one(values: Values, name: InstructionName, level: number, args: readonly Value[]): Value {
  const [a, b, c] = args as [Value, Value, Value];
  const floats = () => args.flatMap((value) => values.float(value));
  const bits = () => args.flatMap((value) => values.bits(value));
  const float = FLOATS[name];
  if (float) return values.define(level, 'f32', [...floats(), float[0]], false);
  const comparison = FLOAT_COMPARISONS[name];
  if (comparison) return values.define(level, 'i32', [...floats(), comparison[0]]);
  const integer = INTEGERS[name] ?? INTEGER_COMPARISONS[name] ?? SHIFTS[name];
  if (integer) return values.define(level, 'i32', [...bits(), integer[0]]);
  switch (name) {
    case 'i32.div':
      return values.define(level, 'i32', divide(values.bits(a), values.bits(b)));
    case 'i32.rem':
      return values.define(level, 'i32', remainder(values.bits(a), values.bits(b)));
    case 'f32.from_i32':
      return values.define(level, 'f32', [...bits(), 0xb2]);
    case 'i32.from_f32':
      return values.define(level, 'i32', [...floats(), 0xfc, 0]);
    case 'select': {
      // Floats stay floats; a constant NaN is words, lest its payload be lost on the way.
      const isFloat = [b, c].some(({ type }) => type === 'f32') && ![b, c].some(isNaNWord);
      if (!isFloat)
        return values.define(level, 'i32', [...values.bits(b), ...values.bits(c), ...values.bits(a), 0x1b]);
      const both = isLoose(b) && isLoose(c);
      const word = (value: Value) => values.float(both ? value : values.exact(value));
      return values.define(level, 'f32', [...word(b), ...word(c), ...values.bits(a), 0x1b], !both);
    }
    default:
      throw new RangeError(`no code for ${name}`);
  }
}

function four(values: Values, name: InstructionName, level: number, args: readonly Value[]): Value {
  const [a, b, c] = args as [Value, Value, Value];
  const floats = () => args.flatMap((value) => values.vectorFloat(value));
  const bits = () => args.flatMap((value) => values.vectorBits(value));
  const vector = (code: Code, exact = true) => values.define(level, 'v128', code, exact);
  const truth = (code: Code): Value => {
    const mask = vector(code);
    const ones = v128Const(1, 1, 1, 1);
    return { ...vector([...values.use(mask), ...ones, ...simd(78)]), mask };
  };
  const clamp = clamped(values, name, a, b);
  if (clamp) return vector(clamp, false);
  const float = FLOATS[name];
  if (float) return vector([...floats(), ...simd(float[1])], false);
  const floatComparison = FLOAT_COMPARISONS[name];
  if (floatComparison) return truth([...floats(), ...simd(floatComparison[1])]);
  const integer = INTEGERS[name];
  if (integer && a.mask && b.mask && LOGIC.has(name)) {
    return truth([...values.use(a.mask), ...values.use(b.mask), ...simd(integer[1])]);
  }
  if (integer) return vector([...bits(), ...simd(integer[1])]);
  const comparison = INTEGER_COMPARISONS[name];
  if (comparison) return truth([...bits(), ...simd(comparison[1])]);
  const shift = SHIFTS[name];
  if (shift && b.type !== 'v128')
    return vector([...values.vectorBits(a), ...values.bits(b), ...simd(shift[1])]);
  if (shift) {
    return vector(fromLanes((i) => [...values.lane(a, i), ...values.lane(b, i), shift[0]]));
  }
  switch (name) {
    case 'i32.div':
      return vector(fromLanes((i) => divide(values.lane(a, i), values.lane(b, i))));
    case 'i32.rem':
      return vector(fromLanes((i) => remainder(values.lane(a, i), values.lane(b, i))));
    case 'f32.from_i32':
      return vector([...bits(), ...simd(250)]);
    case 'i32.from_f32':
      return vector([...floats(), ...simd(248)]);
    case 'select': {
      const both = isLoose(b) && isLoose(c);
      const word = (value: Value) => (both ? values.vectorFloat(value) : values.vectorBits(value));
      const zero = v128Const(0, 0, 0, 0);
      const isSet = a.mask ? values.use(a.mask) : [...values.vectorBits(a), ...zero, ...simd(56)];
      return vector([...word(b), ...word(c), ...isSet, ...simd(82)], !both);
    }
    default:
      throw new RangeError(`no code for ${name}`);
  }
}
