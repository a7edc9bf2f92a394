/**
 * Greatest error of each function in units of the last place, over all of binary32; rounded up from what
 * `node --import tsx scripts/accuracy.ts` measures against binary64.
 */
export const ACCURACY = {
  exp: 0.9,
  expm1: 1.4,
  log: 0.95,
  tanh: 1.35,
  sigmoid: 1.9,
  softplus: 1.9,
  erf: 1.2,
  sin: 1.6,
  cos: 1.6,
  tan: 1.9,
  asin: 0.85,
  acos: 0.8,
  atan: 1.85,
  sinh: 1.4,
  cosh: 1.55,
  asinh: 1.7,
  acosh: 1.45,
  atanh: 1.35,
  /** Over all pairs of bases and exponents. */
  pow: 1.1,
} as const;
