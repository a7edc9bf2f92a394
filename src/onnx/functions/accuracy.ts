/**
 * Greatest error of each function in units of the last place, over every binary32 number; rounded up from what
 * `node --import tsx scripts/accuracy.ts 1` measures against binary64.
 */
export const ACCURACY = {
  exp: 0.9,
  expm1: 1.38,
  log: 0.98,
  tanh: 1.31,
  sigmoid: 1.97,
  softplus: 1.99,
  erf: 1.26,
  sin: 1.47,
  cos: 1.47,
  tan: 1.88,
  asin: 0.88,
  acos: 0.79,
  atan: 1.85,
  sinh: 1.39,
  cosh: 1.5,
  asinh: 1.79,
  acosh: 1.46,
  atanh: 1.38,
  /** Sampled over pairs of any bases and exponents. */
  pow: 1.1,
} as const;
