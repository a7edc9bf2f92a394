import { erf } from './erf.ts';
import { exp, expm1 } from './exponential.ts';
import { cosh, sinh } from './hyperbolic.ts';
import { acosh, asinh, atanh } from './inverseHyperbolic.ts';
import { acos, asin, atan } from './inverseTrigonometric.ts';
import { log } from './logarithm.ts';
import { sigmoid, softplus, tanh } from './sigmoid.ts';
import { cos, sin, tan } from './trigonometric.ts';

/** float32 functions as expansions into scalar instructions. Their definition is part of every program. */
export const FUNCTIONS = {
  exp,
  expm1,
  log,
  tanh,
  sigmoid,
  softplus,
  erf,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
} as const;

export { ACCURACY } from './accuracy.ts';
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  cosh,
  erf,
  exp,
  expm1,
  log,
  sigmoid,
  sin,
  sinh,
  softplus,
  tan,
  tanh,
};
