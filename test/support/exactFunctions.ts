import { CIRCULAR_RANGE } from '../../src/onnx/functions/index.ts';

/** The functions in binary64, to measure binary32 expansions against. */
export interface Exact {
  readonly of: (x: number) => number;
  /** Where the stated accuracy holds; everywhere if left out. */
  readonly where?: (x: number) => boolean;
}

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
const isCircular = (x: number): boolean => !(Math.abs(x) > CIRCULAR_RANGE) || !Number.isFinite(x);

export const EXACT = {
  exp: { of: Math.exp },
  expm1: { of: Math.expm1 },
  log: { of: Math.log },
  tanh: { of: Math.tanh },
  sigmoid: { of: sigmoid },
  softplus: { of: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  erf: { of: erf },
  sin: { of: Math.sin, where: isCircular },
  cos: { of: Math.cos, where: isCircular },
  asin: { of: Math.asin },
  acos: { of: Math.acos },
  atan: { of: Math.atan },
  sinh: { of: Math.sinh },
  cosh: { of: Math.cosh },
  asinh: { of: Math.asinh },
  acosh: { of: Math.acosh },
  atanh: { of: Math.atanh },
} as const satisfies Record<string, Exact>;
