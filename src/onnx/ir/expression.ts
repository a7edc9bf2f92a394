import { MAGNITUDE_BITS, SIGN_BIT } from '../../scalar/float32.ts';
import { type InstructionName, OPCODE } from '../../scalar/instructions.ts';
import { SEMANTICS, wordOfF32 } from '../../scalar/machine.ts';
import type {
  Accumulator,
  DividedIndex,
  Expression,
  Fold,
  GatheredIndex,
  IndexCoordinate,
  Literal,
} from './definitions.ts';
import type { Index } from './indices.ts';

export type {
  Accumulator,
  DividedIndex,
  Expression,
  Fold,
  GatheredIndex,
  IndexCoordinate,
  IndexValue,
  Literal,
  Reading,
  ScalarOperation,
} from './definitions.ts';

/** Builds expressions. Literals are folded with the machine's own semantics, so folding never changes a bit. */

export const ACCUMULATOR: Accumulator = { kind: 'accumulator' };

export const isDivided = (coordinate: IndexCoordinate): coordinate is DividedIndex => 'divisor' in coordinate;
export const isGathered = (coordinate: IndexCoordinate): coordinate is GatheredIndex =>
  'gathered' in coordinate;

export const word = (bits: number): Literal => ({ kind: 'literal', word: bits >>> 0 });

export function operation(name: InstructionName, ...args: readonly Expression[]): Expression {
  if (args.every((arg) => arg.kind === 'literal')) {
    const [a = 0, b = 0, c = 0] = args.map((arg) => arg.word);
    return word(SEMANTICS[name](a, b, c));
  }
  const [condition, then, otherwise] = args;
  if (name === 'select' && condition?.kind === 'literal')
    return (condition.word !== 0 ? then : otherwise) as Expression;
  return { kind: 'operation', name, args };
}

export const fold = (
  extents: readonly number[],
  init: number,
  step: Fold['step'],
  options: { readonly ordered?: boolean } = {},
): Fold => ({ kind: 'fold', extents, init: init >>> 0, ordered: options.ordered ?? false, step });

export const indexValue = (index: Index): Expression =>
  index.terms.length === 0 ? word(index.offset) : { kind: 'index', index };

export const select = (condition: Expression, then: Expression, otherwise: Expression): Expression =>
  operation('select', condition, then, otherwise);

type Unary = (a: Expression) => Expression;
type Binary = (a: Expression, b: Expression) => Expression;
const unary =
  (name: InstructionName): Unary =>
  (a) =>
    operation(name, a);
const binary =
  (name: InstructionName): Binary =>
  (a, b) =>
    operation(name, a, b);

/** float32 expressions. */
export const f32 = {
  /** Rounds to binary32. */
  of: (value: number): Literal => word(wordOfF32(value)),
  /** The literal with these bits, for constants given in hexadecimal. */
  bits: word,
  add: binary('f32.add'),
  sub: binary('f32.sub'),
  mul: binary('f32.mul'),
  div: binary('f32.div'),
  sqrt: unary('f32.sqrt'),
  min: binary('f32.min'),
  max: binary('f32.max'),
  eq: binary('f32.eq'),
  lt: binary('f32.lt'),
  le: binary('f32.le'),
  nearest: unary('f32.nearest'),
  floor: unary('f32.floor'),
  ceil: unary('f32.ceil'),
  trunc: unary('f32.trunc'),
  fromI32: unary('f32.from_i32'),
  /** Flips the sign bit, also of NaN. */
  neg: (a: Expression) => operation('i32.xor', a, word(SIGN_BIT)),
  /** Clears the sign bit, also of NaN. */
  abs: (a: Expression) => operation('i32.and', a, word(MAGNITUDE_BITS)),
  gt: (a: Expression, b: Expression) => operation('f32.lt', b, a),
  ge: (a: Expression, b: Expression) => operation('f32.le', b, a),
  isNaN: (a: Expression) => operation('i32.eq', operation('f32.eq', a, a), word(0)),
} as const;

/** int32 expressions; comparisons yield 0 or 1. */
export const i32 = {
  of: (value: number): Literal => word(value),
  add: binary('i32.add'),
  sub: binary('i32.sub'),
  mul: binary('i32.mul'),
  div: binary('i32.div'),
  rem: binary('i32.rem'),
  and: binary('i32.and'),
  or: binary('i32.or'),
  xor: binary('i32.xor'),
  shl: binary('i32.shl'),
  shrS: binary('i32.shr_s'),
  shrU: binary('i32.shr_u'),
  eq: binary('i32.eq'),
  lt: binary('i32.lt_s'),
  ltU: binary('i32.lt_u'),
  fromF32: unary('i32.from_f32'),
  not: (a: Expression) => operation('i32.eq', a, word(0)),
  min: (a: Expression, b: Expression) => select(operation('i32.lt_s', a, b), a, b),
  max: (a: Expression, b: Expression) => select(operation('i32.lt_s', a, b), b, a),
} as const;

/** Every instruction has an opcode; a missing one would be a hole in the table. */
export const opcodeOf = (name: InstructionName): number => OPCODE[name];
