/**
 * Greatest error of each function in units of the last place, over all of binary32 where no range is said;
 * rounded up from what `node --import tsx scripts/accuracy.ts` measures against binary64 on every 64th value.
 */
export const ACCURACY = {
  exp: 0.9,
  log: 0.95,
  tanh: 1.3,
  sigmoid: 1.85,
  softplus: 1.9,
  erf: 1.2,
  /** Over a sample of exponents. */
  pow: 1,
  /** For |x| <= {@link CIRCULAR_RANGE}. */
  sin: 1.35,
  /** For |x| <= {@link CIRCULAR_RANGE}. */
  cos: 1.35,
} as const;

/** Up to here sin and cos reduce their argument without losing digits. */
export const CIRCULAR_RANGE = 2 ** 14;
