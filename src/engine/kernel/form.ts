import { gcd } from '../../scalar/gcd.ts';

/**
 * An affine form of a kernel's loop indices: `constant + sum of coefficients[i] * (index of loop i)`. Addresses and
 * coordinates are forms, so that passes can reorder, merge and tile loops by changing coefficients alone.
 */
export interface Form {
  readonly constant: number;
  /** One for each loop. */
  readonly coefficients: readonly number[];
  /** Whether some value of the form is no 32-bit integer. Forms that are not wide are computed modulo 2^32. */
  readonly wide: boolean;
  /** Distance of neighbouring SIMD lanes inside a tile, where that is not the coefficient of the lane loop. */
  readonly laneStride?: number;
}

/** An interval of integers, both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The least and the greatest value of a form over all indices below `extents`. */
export function valueRange(
  { constant, coefficients }: Pick<Form, 'constant' | 'coefficients'>,
  extents: readonly number[],
): Interval {
  let low = constant;
  let high = constant;
  coefficients.forEach((coefficient, i) => {
    const reach = coefficient * (extents[i]! - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  return { low, high };
}

/** Distances between neighbours along each dimension of a row-major array whose elements take `unit`. */
export function rowMajorStrides(extents: readonly number[], unit: number): number[] {
  const strides = new Array<number>(extents.length);
  for (let i = extents.length - 1; i >= 0; i--) {
    strides[i] = unit;
    unit *= extents[i]!;
  }
  return strides;
}

/** The remainder in [0, n). */
export const modulo = (a: number, n: number): number => ((a % n) + n) % n;

/** An integer modulo 2^32, as a signed one. */
export const wrap32 = (value: number): number => Number(BigInt.asIntN(32, BigInt(value)));

/**
 * The greatest run length r such that runs of r values are inside or outside [0, bound) as a whole: `bound` and the
 * coefficients of some loops are multiples of r, and the other loops stay within a run. `floor(form / r)` then depends
 * on the former loops only. Example: whether a pixel's row is inside the image is the same for all its channels.
 *
 * @returns 1 if there is no longer run
 */
export function runLength(form: Form, bound: number, extents: readonly number[]): number {
  const { constant, coefficients } = form;
  const terms = coefficients.map((_, i) => i).filter((i) => coefficients[i] !== 0);
  terms.sort((a, b) => Math.abs(coefficients[a]!) - Math.abs(coefficients[b]!));
  for (let inner = terms.length - 1; inner > 0; inner--) {
    const outer = terms.slice(inner);
    const run = outer.reduce((all, i) => gcd(all, coefficients[i]!), bound);
    const within = {
      constant: modulo(constant, run),
      coefficients: coefficients.map((coefficient, i) => (outer.includes(i) ? 0 : coefficient)),
    };
    const { low, high } = valueRange(within, extents);
    if (low >= 0 && high < run) return run;
  }
  return 1;
}
