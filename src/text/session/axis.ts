import { ensure } from '../../onnx/errors.ts';
import type { AffineCoordinate, Coordinate, Term, ViewDimension } from '../../program/node.ts';

/**
 * Rows of tensors that are stored flat. Programs merge dimensions and read tensors through views of any shape, so a row
 * is found by arithmetic on the distance between neighbours, not by the number of a dimension.
 */

/** A tensor as [outer, extent, inner]: `extent` rows, each of `inner` elements that lie next to each other. */
export interface RowAxis {
  readonly extent: number;
  readonly inner: number;
}

/** An index of a loop that counts along an axis, in steps of `unit` indices. */
export interface Carrier {
  readonly index: number;
  readonly unit: number;
}

export const affine = (offset: number, terms: readonly Term[]): AffineCoordinate => ({
  kind: 'affine',
  offset,
  divisor: 1,
  exact: false,
  terms,
});

/** The distance in elements between neighbours along each dimension. */
export function stridesOf(extents: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const extent of [...extents].reverse()) {
    strides.unshift(stride);
    stride *= extent;
  }
  return strides;
}

/** Terms with one entry for each index. */
export function joinTerms(terms: readonly Term[]): Term[] {
  const sums = new Map<number, number>();
  for (const { index, coefficient } of terms) sums.set(index, (sums.get(index) ?? 0) + coefficient);
  return [...sums].filter(([, sum]) => sum !== 0).map(([index, coefficient]) => ({ index, coefficient }));
}

/** The least and the greatest value of a coordinate before division. */
function rangeOf({ offset, terms }: Pick<AffineCoordinate, 'offset' | 'terms'>, extents: readonly number[]) {
  let [low, high] = [offset, offset];
  for (const { index, coefficient } of joinTerms(terms)) {
    const reach = coefficient * (extents[index]! - 1);
    if (reach < 0) low += reach;
    else high += reach;
  }
  return { low, high };
}

/** Whether a coordinate is a sum of indices, undivided, that never leaves its dimension. */
export function isInside(
  coordinate: Coordinate,
  size: number,
  extents: readonly number[],
): coordinate is AffineCoordinate {
  if (coordinate.kind !== 'affine' || coordinate.divisor !== 1) return false;
  const { low, high } = rangeOf(coordinate, extents);
  return low >= 0 && high < size;
}

/**
 * The index by which a view is read along an axis of its tensor.
 *
 * @param extents of the indices
 * @returns undefined if none is, or more than one
 */
export function carrierOf(
  view: readonly ViewDimension[],
  { extent, inner }: RowAxis,
  extents: readonly number[],
): Carrier | undefined {
  const strides = stridesOf(view.map((dimension) => dimension.extent));
  const found = view.flatMap(({ extent: size, coordinate }, d) => {
    const stride = strides[d]!;
    if (coordinate.kind !== 'affine' || coordinate.divisor !== 1) return [];
    if (stride > inner || inner >= stride * size || inner % stride !== 0) return [];
    const distance = inner / stride;
    return joinTerms(coordinate.terms).flatMap(({ index, coefficient }): Carrier[] => {
      const unit = distance / coefficient;
      const counts = extents[index]! / unit;
      const isCarrier = Number.isInteger(unit) && unit > 0 && counts > 1 && counts % extent === 0;
      return isCarrier ? [{ index, unit }] : [];
    });
  });
  return found.length === 1 ? found[0] : undefined;
}

/** A part of a dimension or of an index that is taken apart, from the outermost to the innermost. */
export interface AxisPart {
  readonly extent: number;
  /** Distance of neighbours, in what is taken apart. */
  readonly stride: number;
  /** Position of the axis that it is, among those that were asked for. */
  readonly axis?: number;
}

/**
 * Takes a dimension apart at its axes. Parts of one index are left out, unless they are all there is.
 *
 * @param axes distances are in indices of this dimension
 */
export function partsOf(size: number, axes: readonly (RowAxis & { readonly axis: number })[]): AxisPart[] {
  const parts: AxisPart[] = [];
  let outside = size;
  for (const { extent, inner, axis } of [...axes].sort((a, b) => b.inner - a.inner)) {
    const outer = outside / (extent * inner);
    ensure(Number.isInteger(outer) && outer >= 1, 'an axis does not fit a dimension');
    if (outer > 1) parts.push({ extent: outer, stride: extent * inner });
    parts.push({ extent, stride: inner, axis });
    outside = inner;
  }
  if (outside > 1 || parts.length === 0) parts.push({ extent: outside, stride: 1 });
  return parts;
}

/**
 * A coordinate, digit by digit: its value in each part of its dimension.
 *
 * @param extents of the indices
 */
export function digitsOf(
  { offset, terms }: Pick<AffineCoordinate, 'offset' | 'terms'>,
  parts: readonly AxisPart[],
  extents: readonly number[],
): AffineCoordinate[] {
  const digits = parts.map((): { offset: number; terms: Term[] } => ({ offset: 0, terms: [] }));
  for (const { index, coefficient } of joinTerms(terms)) {
    if (extents[index] === 1) continue;
    const at = parts.findIndex(({ stride }) => stride <= Math.abs(coefficient) && coefficient % stride === 0);
    ensure(at >= 0, 'an index is read across rows in steps of its own');
    digits[at]!.terms.push({ index, coefficient: coefficient / parts[at]!.stride });
  }
  let rest = offset;
  parts.forEach(({ stride }, at) => {
    digits[at]!.offset = Math.floor(rest / stride);
    rest -= digits[at]!.offset * stride;
  });
  ensure(rest === 0, 'a coordinate lies between two rows');
  return digits.map((digit, at) => {
    const { low, high } = rangeOf(digit, extents);
    ensure(low >= 0 && high < parts[at]!.extent, 'a coordinate runs across rows');
    return affine(digit.offset, digit.terms);
  });
}
