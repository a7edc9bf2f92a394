import { type Expression, i32 } from '../ir/expression.ts';
import type { ElementType } from '../types.ts';

/** Brings a result of 32-bit arithmetic back into a narrower integer type, which wraps. */
export function wrap(type: ElementType, value: Expression): Expression {
  if (type.family !== 'integer' || type.bits >= 32) return value;
  if (!type.signed) return i32.and(value, i32.of(2 ** type.bits - 1));
  const distance = i32.of(32 - type.bits);
  return i32.shrS(i32.shl(value, distance), distance);
}
