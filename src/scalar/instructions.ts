/**
 * The scalar instruction set: one row per instruction, in opcode order.
 *
 * An instruction reads up to three 32-bit words and yields one. Words are untyped; `f32` rows read them as
 * IEEE 754 binary32, `i32` rows as two's complement. Every row is total: there is no word it is undefined for.
 *
 * This table is the source. The reference semantics (`machine.ts`), the Solidity constants
 * (`contracts/libraries/generated/Opcodes.sol`, generated) and the static cost rule (`program/cost.ts`) follow it.
 *
 * Float rules (IEEE 754-2019): round to nearest, ties to even; subnormals kept; a NaN result is always
 * `CANONICAL_NAN_BITS` of `float32.ts`. `min` and `max` are `minimum` and `maximum` (§9.6): NaN wins, and -0 < +0.
 */
export interface Instruction {
  readonly opcode: number;
  readonly name: string;
  /** Number of the three references `a`, `b`, `c` that are read. */
  readonly arity: 1 | 2 | 3;
  /**
   * Upper bound on the gas that the chain's interpreter spends on it, dispatch included: the most that was measured
   * on any operands, and a tenth. `test/scalar/machine.test.ts` holds it against measurements.
   */
  readonly gas: number;
}

const rows = [
  // name, arity, gas
  ['f32.add', 2, 1200],
  ['f32.sub', 2, 1250],
  ['f32.mul', 2, 1100],
  ['f32.div', 2, 850],
  ['f32.sqrt', 1, 650],
  ['f32.min', 2, 360],
  ['f32.max', 2, 360],
  ['f32.eq', 2, 250],
  ['f32.lt', 2, 340],
  ['f32.le', 2, 340],
  ['f32.nearest', 1, 400],
  ['f32.floor', 1, 450],
  ['f32.ceil', 1, 450],
  ['f32.trunc', 1, 450],
  ['i32.add', 2, 190],
  ['i32.sub', 2, 190],
  ['i32.mul', 2, 190],
  ['i32.div', 2, 220],
  ['i32.rem', 2, 250],
  ['i32.and', 2, 180],
  ['i32.or', 2, 180],
  ['i32.xor', 2, 180],
  ['i32.shl', 2, 200],
  ['i32.shr_s', 2, 220],
  ['i32.shr_u', 2, 190],
  ['i32.eq', 2, 180],
  ['i32.lt_s', 2, 210],
  ['i32.lt_u', 2, 180],
  ['f32.from_i32', 1, 390],
  ['i32.from_f32', 1, 330],
  ['select', 3, 220],
] as const;

export type InstructionName = (typeof rows)[number][0];

/** Opcode 0 is left out so that zeroed bytes are never an instruction. */
export const INSTRUCTIONS: readonly Instruction[] = rows.map(([name, arity, gas], i) => ({
  opcode: i + 1,
  name,
  arity,
  gas,
}));

export const OPCODE = Object.fromEntries(INSTRUCTIONS.map(({ name, opcode }) => [name, opcode])) as Readonly<
  Record<InstructionName, number>
>;

/** The row of an opcode, or `undefined` for a byte that is no instruction. */
export const instructionOf = (opcode: number): Instruction | undefined => INSTRUCTIONS[opcode - 1];

/** Version of this table, of the descriptor codec and of the commitments together; part of every model id. */
export const INSTRUCTION_SET_VERSION = 1;
