import { CANONICAL_NAN_BITS } from './float32.ts';
import { type InstructionName, instructionOf } from './instructions.ts';

/** One instruction: opcode and the slots that it reads. Its result goes to the next free slot. */
export interface Step {
  readonly opcode: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const view = new DataView(new ArrayBuffer(4));

/** The binary32 value of a word, as the JavaScript number that equals it. */
export const f32OfWord = (word: number): number => {
  view.setUint32(0, word);
  return view.getFloat32(0);
};

/** The word of a number rounded to binary32 (nearest, ties to even), every NaN made canonical. */
export const wordOfF32 = (value: number): number => {
  if (Number.isNaN(value)) return CANONICAL_NAN_BITS;
  view.setFloat32(0, value);
  return view.getUint32(0);
};

const bool = (condition: boolean): number => (condition ? 1 : 0);

/** IEEE 754-2019 roundToIntegralTiesToEven. */
const nearest = (x: number): number => {
  // binary32 values of 2^23 and above (and NaN) are integers already.
  if (!(Math.abs(x) < 0x800000)) return x;
  const magnitude = Math.abs(x) + 0x10000000000000 - 0x10000000000000;
  return x < 0 || Object.is(x, -0) ? -magnitude : magnitude;
};

// One binary64 operation on binary32 values, rounded once more to binary32, is the correctly rounded binary32
// operation for + - * / and sqrt: 53 >= 2 * 24 + 2 (Figueroa, "When is double rounding innocuous?", 1995).
const f32Unary = (f: (x: number) => number) => (a: number) => wordOfF32(f(f32OfWord(a)));
const f32Binary = (f: (x: number, y: number) => number) => (a: number, b: number) =>
  wordOfF32(f(f32OfWord(a), f32OfWord(b)));
const f32Compare = (f: (x: number, y: number) => boolean) => (a: number, b: number) =>
  bool(f(f32OfWord(a), f32OfWord(b)));

type Semantics = (a: number, b: number, c: number) => number;

/** Semantics of each instruction: words in (unsigned), word out (any 32-bit number; the caller normalises). */
export const SEMANTICS: Readonly<Record<InstructionName, Semantics>> = {
  'f32.add': f32Binary((x, y) => x + y),
  'f32.sub': f32Binary((x, y) => x - y),
  'f32.mul': f32Binary((x, y) => x * y),
  'f32.div': f32Binary((x, y) => x / y),
  'f32.sqrt': f32Unary(Math.sqrt),
  // Math.min and Math.max already let NaN win and order -0 before +0.
  'f32.min': f32Binary(Math.min),
  'f32.max': f32Binary(Math.max),
  'f32.eq': f32Compare((x, y) => x === y),
  'f32.lt': f32Compare((x, y) => x < y),
  'f32.le': f32Compare((x, y) => x <= y),
  'f32.nearest': f32Unary(nearest),
  'f32.floor': f32Unary(Math.floor),
  'f32.ceil': f32Unary(Math.ceil),
  'f32.trunc': f32Unary(Math.trunc),
  'i32.add': (a, b) => a + b,
  'i32.sub': (a, b) => a - b,
  'i32.mul': Math.imul,
  // Division truncates; x / 0 = 0, and -2^31 / -1 wraps to -2^31.
  'i32.div': (a, b) => (b === 0 ? 0 : (a | 0) / (b | 0)),
  // The remainder has the dividend's sign; x rem 0 = x.
  'i32.rem': (a, b) => (b === 0 ? a : (a | 0) % (b | 0)),
  'i32.and': (a, b) => a & b,
  'i32.or': (a, b) => a | b,
  'i32.xor': (a, b) => a ^ b,
  // Shift distances are taken modulo 32.
  'i32.shl': (a, b) => a << b,
  'i32.shr_s': (a, b) => a >> b,
  'i32.shr_u': (a, b) => a >>> b,
  'i32.eq': (a, b) => bool(a === b),
  'i32.lt_s': (a, b) => bool((a | 0) < (b | 0)),
  'i32.lt_u': (a, b) => bool(a < b),
  'f32.from_i32': (a) => wordOfF32(a | 0),
  // Truncates, saturates at the ends of i32, and NaN gives 0.
  'i32.from_f32': (a) => {
    const x = Math.trunc(f32OfWord(a));
    return Number.isNaN(x) ? 0 : Math.max(-0x80000000, Math.min(0x7fffffff, x));
  },
  select: (a, b, c) => (a !== 0 ? b : c),
};

/** Semantics by opcode; index 0 is no instruction. */
const BY_OPCODE: readonly (Semantics | undefined)[] = [
  undefined,
  ...Object.keys(SEMANTICS).map((_, i) => {
    const row = instructionOf(i + 1);
    return row && SEMANTICS[row.name as InstructionName];
  }),
];

/**
 * Runs straight-line code over `slots`, writing the result of instruction `i` to `slots[base + i]`.
 *
 * @param slots words; code may read any slot below the one it writes
 * @throws RangeError for an opcode outside the instruction set
 */
export function runScalar(code: readonly Step[], slots: Uint32Array, base: number): void {
  for (let i = 0; i < code.length; i++) {
    const { opcode, a, b, c } = code[i] as Step;
    const semantics = BY_OPCODE[opcode];
    if (!semantics) throw new RangeError(`opcode ${opcode} is not in the instruction set`);
    slots[base + i] = semantics(slots[a] as number, slots[b] as number, slots[c] as number);
  }
}
