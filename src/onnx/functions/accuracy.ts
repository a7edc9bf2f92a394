/**
 * Greatest error of each function in units of the last place, over all of binary32 where no range is said;
 * rounded up from what `node --import tsx scripts/accuracy.ts` measures against binary64 on every 67th value. The
 * stride is odd, so that the last bits vary.
 */
export const ACCURACY = {
  exp: 0.9,
  expm1: 1.4,
  log: 0.95,
  tanh: 1.3,
  sigmoid: 1.9,
  softplus: 1.9,
  erf: 1.2,
  asin: 0.85,
  acos: 0.8,
  atan: 1.85,
  sinh: 1.4,
  cosh: 1.5,
  asinh: 1.7,
  acosh: 1.45,
  atanh: 1.35,
  /** Over a sample of exponents. */
  pow: 1,
  /** For |x| <= {@link CIRCULAR_RANGE}. */
  sin: 1.35,
  /** For |x| <= {@link CIRCULAR_RANGE}. */
  cos: 1.35,
} as const;

/** Up to here sin and cos reduce their argument without losing digits. */
export const CIRCULAR_RANGE = 2 ** 14;
