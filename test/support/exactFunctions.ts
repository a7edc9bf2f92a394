/** The functions in binary64, to measure binary32 expansions against. */

/** erf by its Taylor series times exp(-x^2) (A&S 7.1.6), which has no cancellation; 1 beyond 6. */
function erf(x: number): number {
  const t = Math.abs(x);
  if (!(t < 6)) return Math.sign(x) || x;
  let term = t;
  let sum = 0;
  for (let n = 0; n < 200 && term > sum * 1e-18; n++) {
    sum += term;
    term *= (2 * t * t) / (2 * n + 3);
  }
  return (Math.sign(x) * 2 * Math.exp(-t * t) * sum) / Math.sqrt(Math.PI);
}

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));

export const EXACT = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  erf,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
} as const satisfies Record<string, (x: number) => number>;

/** IEEE 754-2019 `pow`, which is 1 in three cases where JavaScript's is NaN. */
export const exactPower = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
