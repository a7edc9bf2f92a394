import { acos, acosh, asin, asinh, atan, atanh, cos, cosh, sin, sinh, tan } from '../../functions/index.ts';
import type { Lowering } from '../context.ts';
import { unary } from '../elementwise.ts';

/** Circular and hyperbolic functions with their inverses. */
export const Trigonometric: Readonly<Record<string, Lowering>> = {
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary(tan),
  Asin: unary(asin),
  Acos: unary(acos),
  Atan: unary(atan),
  Sinh: unary(sinh),
  Cosh: unary(cosh),
  Asinh: unary(asinh),
  Acosh: unary(acosh),
  Atanh: unary(atanh),
};
