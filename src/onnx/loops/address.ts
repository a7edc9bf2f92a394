import { ELEMENT_BYTES } from '../../program/node.ts';
import type { Axis } from '../ir/indices.ts';
import { rangeOfIndex } from '../ir/indices.ts';
import { permutationOf } from '../ir/tensor.ts';
import type { ReadingTerm } from './terms.ts';

/** Views of operands in a loop under construction: few dimensions, few terms. */

/** `floor((offset + sum of coefficient * axis) / divisor)`, or the value of an earlier operand. */
export type LoopCoordinate =
  | {
      readonly offset: number;
      readonly divisor: number;
      readonly exact: boolean;
      readonly coefficients: ReadonlyMap<Axis, number>;
    }
  | { readonly gathered: number };

export interface LoopDimension {
  readonly extent: number;
  coordinate: LoopCoordinate;
}

export const isAffine = (
  coordinate: LoopCoordinate,
): coordinate is Exclude<LoopCoordinate, { gathered: number }> => 'divisor' in coordinate;

const range = (coordinate: Exclude<LoopCoordinate, { gathered: number }>) => {
  const terms = [...coordinate.coefficients].map(([atom, coefficient]) => ({ atom, coefficient }));
  return rangeOfIndex({ offset: coordinate.offset, terms, key: '' });
};

/** Whether a dimension's coordinate is plain (no division, not gathered) and never outside. */
const isAlwaysInside = ({ extent, coordinate }: LoopDimension): boolean => {
  if (!isAffine(coordinate) || coordinate.divisor !== 1) return false;
  const { low, high } = range(coordinate);
  return low >= 0 && high < extent;
};

/**
 * Merges dimensions. If the inner coordinate is always inside, outer * extent + inner is outside the merged dimension
 * exactly where outer is outside its own.
 *
 * @param isChecked whether a coordinate may be outside at all; if not, coordinates without division merge freely
 */
export function addressing(view: readonly LoopDimension[], isChecked: boolean): LoopDimension[] {
  const merged: LoopDimension[] = [];
  for (const dimension of view) {
    const outer = merged.at(-1);
    const inner = dimension.coordinate;
    if (dimension.extent === 1 && isAffine(inner) && (isAlwaysInside(dimension) || !isChecked)) continue;
    if (
      outer &&
      isAffine(outer.coordinate) &&
      isAffine(inner) &&
      outer.coordinate.divisor === 1 &&
      inner.divisor === 1
    ) {
      if (isAlwaysInside(dimension) || !isChecked) {
        const coefficients = new Map<Axis, number>();
        for (const [axis, coefficient] of outer.coordinate.coefficients)
          coefficients.set(axis, coefficient * dimension.extent);
        for (const [axis, coefficient] of inner.coefficients) {
          coefficients.set(axis, (coefficients.get(axis) ?? 0) + coefficient);
        }
        merged[merged.length - 1] = {
          extent: outer.extent * dimension.extent,
          coordinate: {
            offset: outer.coordinate.offset * dimension.extent + inner.offset,
            divisor: 1,
            exact: false,
            coefficients,
          },
        };
        continue;
      }
    }
    merged.push({ ...dimension });
  }
  return merged;
}

/**
 * Merges neighbouring axes that every view steps through as if they were one.
 *
 * @param axes in loop order; the same array after merging is returned, and `views` is brought in line
 * @param valued axes whose value is used as such, which therefore stay as they are
 */
export function collapse(
  axes: readonly Axis[],
  views: readonly LoopDimension[][],
  valued: ReadonlySet<Axis>,
): Axis[] {
  const kept: Axis[] = [];
  for (const axis of axes) {
    const outer = kept.at(-1);
    const coordinates = views.flatMap((view) =>
      view.flatMap(({ coordinate }) => (isAffine(coordinate) ? [coordinate] : [])),
    );
    const agrees =
      outer &&
      !valued.has(outer) &&
      !valued.has(axis) &&
      coordinates.every(
        ({ coefficients }) => (coefficients.get(outer) ?? 0) === axis.extent * (coefficients.get(axis) ?? 0),
      );
    if (!agrees) {
      kept.push(axis);
      continue;
    }
    const both: Axis = { id: axis.id, extent: outer.extent * axis.extent };
    kept[kept.length - 1] = both;
    for (const view of views) {
      for (const dimension of view) {
        if (!isAffine(dimension.coordinate)) continue;
        const coefficients = new Map(dimension.coordinate.coefficients);
        const coefficient = coefficients.get(axis);
        coefficients.delete(outer);
        coefficients.delete(axis);
        if (coefficient) coefficients.set(both, coefficient);
        dimension.coordinate = { ...dimension.coordinate, coefficients };
      }
    }
  }
  return kept;
}

/** Elements of memory that one step of an axis moves a reading by; 0 if it does not, or in no regular way. */
export function strideOf(reading: ReadingTerm, axis: Axis): number {
  let stride = 0;
  let size = 1;
  for (const i of [...permutationOf(reading.tensor)].reverse()) {
    const coordinate = reading.coordinates[i];
    if (coordinate && !('gathered' in coordinate)) {
      const term = coordinate.index.terms.find(({ atom }) => atom === axis);
      stride += (size * (term?.coefficient ?? 0)) / coordinate.divisor;
    }
    size *= reading.tensor.shape[i] as number;
  }
  return stride * ELEMENT_BYTES[reading.tensor.type.dtype];
}
