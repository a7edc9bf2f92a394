import { isNaNWord, SIGN_BIT } from '../../../scalar/float32.ts';
import type { InstructionName } from '../../../scalar/instructions.ts';
import { branch, type Code, i32Const, v128Const } from '../../../wasm/assembler.ts';
import { control, f32, f32x4, i16x8, i32, i32x4, v128 } from '../../../wasm/opcodes.ts';
import { isKernelOnly, type Operation } from '../../kernel/code.ts';
import type { WasmValue, WasmValues } from './values.ts';

/**
 * The operations of kernels as WebAssembly, on one word or on four. Most are one opcode for each. WebAssembly's floats are
 * those of `scalar/instructions.ts` except for NaN, which is made canonical before its bits are used.
 */

/** Opcodes for one word and for four. */
type Pair = readonly [one: Code, four: Code];

const FLOATS: Partial<Record<InstructionName, Pair>> = {
  'f32.add': [f32.add, f32x4.add],
  'f32.sub': [f32.sub, f32x4.sub],
  'f32.mul': [f32.mul, f32x4.mul],
  'f32.div': [f32.div, f32x4.div],
  'f32.sqrt': [f32.sqrt, f32x4.sqrt],
  'f32.min': [f32.min, f32x4.min],
  'f32.max': [f32.max, f32x4.max],
  'f32.nearest': [f32.nearest, f32x4.nearest],
  'f32.floor': [f32.floor, f32x4.floor],
  'f32.ceil': [f32.ceil, f32x4.ceil],
  'f32.trunc': [f32.trunc, f32x4.trunc],
};

const FLOAT_COMPARISONS: Partial<Record<InstructionName, Pair>> = {
  'f32.eq': [f32.eq, f32x4.eq],
  'f32.lt': [f32.lt, f32x4.lt],
  'f32.le': [f32.le, f32x4.le],
};

const INTEGERS: Partial<Record<InstructionName, Pair>> = {
  'i32.add': [i32.add, i32x4.add],
  'i32.sub': [i32.sub, i32x4.sub],
  'i32.mul': [i32.mul, i32x4.mul],
  'i32.and': [i32.and, v128.and],
  'i32.or': [i32.or, v128.or],
  'i32.xor': [i32.xor, v128.xor],
};

/** Operations closed over booleans in both encodings: words 0 and 1, and lanes of no bits and all bits. */
const LOGIC: ReadonlySet<string> = new Set(['i32.and', 'i32.or', 'i32.xor']);

const INTEGER_COMPARISONS: Partial<Record<InstructionName, Pair>> = {
  'i32.eq': [i32.eq, i32x4.eq],
  'i32.lt_s': [i32.lt_s, i32x4.lt_s],
  'i32.lt_u': [i32.lt_u, i32x4.lt_u],
};

/** The vector forms take one distance for all lanes. */
const SHIFTS: Partial<Record<InstructionName, Pair>> = {
  'i32.shl': [i32.shl, i32x4.shl],
  'i32.shr_s': [i32.shr_s, i32x4.shr_s],
  'i32.shr_u': [i32.shr_u, i32x4.shr_u],
};

/** Operations on words as pairs of 16-bit integers, which are only done in vectors. */
const PAIRS = {
  dot_i16x2: i32x4.dot_i16x8_s,
  'i16x2.shl': i16x8.shl,
  'i16x2.shr_s': i16x8.shr_s,
  'i16x2.shr_u': i16x8.shr_u,
} as const;

/** Whether an operation computes a float, so that a NaN among its results may be any. */
export const isFloatOperation = (operation: Operation): boolean =>
  !isKernelOnly(operation) && FLOATS[operation] !== undefined;

/** x / 0 = 0 and x / -1 = -x, wrapping; WebAssembly traps on both. */
const divide = (a: Code, b: Code): Code =>
  branch(
    'i32',
    [...b, ...i32.eqz],
    i32Const(0),
    branch(
      'i32',
      [...b, ...i32Const(-1), ...i32.eq],
      [...i32Const(0), ...a, ...i32.sub],
      [...a, ...b, ...i32.div_s],
    ),
  );

/** x rem 0 = x; WebAssembly's -2^31 rem -1 is 0. */
const remainder = (a: Code, b: Code): Code =>
  branch('i32', [...b, ...i32.eqz], a, [...a, ...b, ...i32.rem_s]);

const isNaNConstant = ({ word }: WasmValue): boolean => word !== undefined && isNaNWord(word);

/** Whether a value stays right if its NaNs are made canonical later: it is a float result, or a word that is no NaN. */
const isLoose = (value: WasmValue): boolean =>
  !value.exact || (value.word !== undefined && !isNaNConstant(value));

/** Four words from one expression for each. */
export const fromLanes = (lane: (i: number) => Code): Code => [
  ...lane(0),
  ...i32x4.splat,
  ...[1, 2, 3].flatMap((i) => [...lane(i), ...i32x4.replace_lane, i]),
];

/**
 * f32.min or f32.max of four words and a constant, by one comparison: `pmin(x, c) = c < x ? c : x` and
 * `pmax(x, c) = x < c ? c : x` yield NaN where x is NaN, and differ from minimum and maximum only for zeros of unlike
 * signs. For max(x, +0), a zero is added to x first, which turns -0 into +0.
 */
function clamped(values: WasmValues, name: InstructionName, a: WasmValue, b: WasmValue): Code | undefined {
  if (name !== 'f32.min' && name !== 'f32.max') return undefined;
  const [x, known] = b.word === undefined ? [b, a] : [a, b];
  if (known.word === undefined || isNaNConstant(known)) return undefined;
  const bound = values.vectorFloat(known);
  if (name === 'f32.min')
    return known.word === SIGN_BIT ? undefined : [...values.vectorFloat(x), ...bound, ...f32x4.pmin];
  const zeroed = known.word === 0 ? [...bound, ...f32x4.add] : [];
  return [...values.vectorFloat(x), ...zeroed, ...bound, ...f32x4.pmax];
}

/** The value of an operation on up to three values. */
export function operationValue(
  values: WasmValues,
  operation: Operation,
  args: readonly WasmValue[],
): WasmValue {
  const level = Math.max(0, ...args.map((value) => value.level));
  if (isKernelOnly(operation)) {
    const [first, second] = args as [WasmValue, WasmValue];
    const by = operation === 'dot_i16x2' ? values.vectorBits(second) : values.bits(second);
    return values.define(level, 'v128', [...values.vectorBits(first), ...by, ...PAIRS[operation]]);
  }
  return args.some(({ type }) => type === 'v128')
    ? four(values, operation, level, args)
    : one(values, operation, level, args);
}

function one(
  values: WasmValues,
  name: InstructionName,
  level: number,
  args: readonly WasmValue[],
): WasmValue {
  const [a, b, c] = args as [WasmValue, WasmValue, WasmValue];
  const floats = () => args.flatMap((value) => values.float(value));
  const bits = () => args.flatMap((value) => values.bits(value));
  const float = FLOATS[name];
  if (float) return values.define(level, 'f32', [...floats(), ...float[0]], false);
  const comparison = FLOAT_COMPARISONS[name];
  if (comparison) return values.define(level, 'i32', [...floats(), ...comparison[0]]);
  const integer = INTEGERS[name] ?? INTEGER_COMPARISONS[name] ?? SHIFTS[name];
  if (integer) return values.define(level, 'i32', [...bits(), ...integer[0]]);
  switch (name) {
    case 'i32.div':
      return values.define(level, 'i32', divide(values.bits(a), values.bits(b)));
    case 'i32.rem':
      return values.define(level, 'i32', remainder(values.bits(a), values.bits(b)));
    case 'f32.from_i32':
      return values.define(level, 'f32', [...bits(), ...f32.convert_i32_s]);
    case 'i32.from_f32':
      return values.define(level, 'i32', [...floats(), ...i32.trunc_sat_f32_s]);
    case 'select': {
      // Floats stay floats; a constant NaN is words, lest its payload be lost on the way.
      const isFloat = [b, c].some(({ type }) => type === 'f32') && ![b, c].some(isNaNConstant);
      if (!isFloat)
        return values.define(level, 'i32', [
          ...values.bits(b),
          ...values.bits(c),
          ...values.bits(a),
          ...control.select,
        ]);
      const both = isLoose(b) && isLoose(c);
      const word = (value: WasmValue) => values.float(both ? value : values.exact(value));
      return values.define(
        level,
        'f32',
        [...word(b), ...word(c), ...values.bits(a), ...control.select],
        !both,
      );
    }
    default:
      throw new RangeError(`no code for ${name}`);
  }
}

function four(
  values: WasmValues,
  name: InstructionName,
  level: number,
  args: readonly WasmValue[],
): WasmValue {
  const [a, b, c] = args as [WasmValue, WasmValue, WasmValue];
  const floats = () => args.flatMap((value) => values.vectorFloat(value));
  const bits = () => args.flatMap((value) => values.vectorBits(value));
  const vector = (code: Code, exact = true) => values.define(level, 'v128', code, exact);
  const truth = (code: Code): WasmValue => {
    const mask = vector(code);
    const ones = v128Const(1, 1, 1, 1);
    return { ...vector([...values.use(mask), ...ones, ...v128.and]), mask };
  };
  const clamp = clamped(values, name, a, b);
  if (clamp) return vector(clamp, false);
  const float = FLOATS[name];
  if (float) return vector([...floats(), ...float[1]], false);
  const floatComparison = FLOAT_COMPARISONS[name];
  if (floatComparison) return truth([...floats(), ...floatComparison[1]]);
  const integer = INTEGERS[name];
  if (integer && a.mask && b.mask && LOGIC.has(name)) {
    return truth([...values.use(a.mask), ...values.use(b.mask), ...integer[1]]);
  }
  if (integer) return vector([...bits(), ...integer[1]]);
  const comparison = INTEGER_COMPARISONS[name];
  if (comparison) return truth([...bits(), ...comparison[1]]);
  const shift = SHIFTS[name];
  if (shift && b.type !== 'v128') return vector([...values.vectorBits(a), ...values.bits(b), ...shift[1]]);
  if (shift) {
    return vector(fromLanes((i) => [...values.lane(a, i), ...values.lane(b, i), ...shift[0]]));
  }
  switch (name) {
    case 'i32.div':
      return vector(fromLanes((i) => divide(values.lane(a, i), values.lane(b, i))));
    case 'i32.rem':
      return vector(fromLanes((i) => remainder(values.lane(a, i), values.lane(b, i))));
    case 'f32.from_i32':
      return vector([...bits(), ...f32x4.convert_i32x4_s]);
    case 'i32.from_f32':
      return vector([...floats(), ...i32x4.trunc_sat_f32x4_s]);
    case 'select': {
      const both = isLoose(b) && isLoose(c);
      const word = (value: WasmValue) => (both ? values.vectorFloat(value) : values.vectorBits(value));
      const zero = v128Const(0, 0, 0, 0);
      const isSet = a.mask ? values.use(a.mask) : [...values.vectorBits(a), ...zero, ...i32x4.ne];
      return vector([...word(b), ...word(c), ...isSet, ...v128.bitselect], !both);
    }
    default:
      throw new RangeError(`no code for ${name}`);
  }
}
