/**
 * The static rules of a program. A claim on a program that breaks one loses by direct proof, so `validate.ts` and
 * `contracts/libraries/program/NodeRules.sol` must allow the same. The rules in order:
 */
export const RULES = [
  'descriptor size',
  'encoding',
  'rank',
  'extent',
  'tensor size',
  'fold size',
  'count',
  'slots',
  'opcode',
  'unused reference',
  'reference',
  'result',
  'post',
  'operand order',
  'divisor',
  'term index',
  'address',
  'gather',
  'grain',
  'leaf witness',
  'leaf gas',
  'input',
  'output',
  'checkpoint',
  'operand size',
  'operand dtype',
  'operand checkpoint',
  'nodes',
  'answers',
] as const;

export type Rule = (typeof RULES)[number];

/** A broken rule. */
export interface Violation {
  readonly rule: Rule;
  /** Index of the node that breaks it. */
  readonly node: number;
  /** The error, in a sentence. */
  readonly message: string;
}

/** A broken rule with its sentence; undefined if none is. */
export type Broken = readonly [Rule, string] | undefined;
