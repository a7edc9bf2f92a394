import { type IndexCoordinate, isDivided, isGathered } from '../ir/expression.ts';
import {
  type Axis,
  add,
  axisIndex,
  constantIndex,
  type Index,
  isDivision,
  isWithin,
  multiply,
  quotient,
} from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';

/** Tensors that show another's elements, with their dimensions in another order or some of one element more or less. */

export const isExact = (coordinate: IndexCoordinate): boolean =>
  isDivided(coordinate) && coordinate.exact && coordinate.divisor > 1;

/** The index of a coordinate that is neither gathered nor exact. */
export const indexOf = (coordinate: IndexCoordinate): Index => {
  if (isGathered(coordinate)) throw new TypeError('a gathered coordinate has no index');
  return isDivided(coordinate) ? quotient(coordinate.index, coordinate.divisor) : coordinate;
};

/** Dimensions of a view by dimension of what it shows; `undefined` where that has a single coordinate. */
interface View {
  readonly tensor: Tensor;
  readonly dimensions: readonly (number | undefined)[];
}

/**
 * Finds the tensor behind a view that does no more than permute dimensions, or add and drop dimensions of one element.
 * Then a coordinate is outside the one exactly where it is outside the other.
 */
export function viewBehind(tensor: Tensor): View | undefined {
  if (tensor.source.kind !== 'computed') return undefined;
  const axes = tensor.shape.map((extent, id): Axis => ({ id, extent }));
  const body = tensor.source.body(axes.map(axisIndex));
  if (body.kind !== 'reading') return undefined;
  const dimensions: (number | undefined)[] = [];
  for (const [i, coordinate] of body.coordinates.entries()) {
    const extent = body.tensor.shape[i] as number;
    if (isGathered(coordinate) || isDivided(coordinate)) return undefined;
    const [only] = coordinate.terms;
    if (!only && coordinate.offset === 0 && extent === 1) dimensions.push(undefined);
    else if (
      only &&
      coordinate.terms.length === 1 &&
      coordinate.offset === 0 &&
      only.coefficient === 1 &&
      !isDivision(only.atom)
    ) {
      if (only.atom.extent !== extent) return undefined;
      dimensions.push(only.atom.id);
    } else return undefined;
  }
  const shown = new Set(dimensions);
  // Every dimension that can be left must be one of the source's, once.
  const complete = tensor.shape.every((extent, i) => extent === 1 || shown.has(i));
  const once = dimensions.filter((i) => i !== undefined);
  if (!complete || new Set(once).size !== once.length) return undefined;
  return { tensor: body.tensor, dimensions };
}

const isInside = (coordinate: IndexCoordinate, extent: number): boolean =>
  !isGathered(coordinate) && !isExact(coordinate) && isWithin(indexOf(coordinate), extent);

/**
 * Coordinates in what a view shows that are outside it where the given coordinates are outside the view; `undefined` if
 * there are none. A dimension of one element that the view adds has no coordinate behind it, so its index p goes into
 * another: q + extent * p is in [0, extent) for p = 0 alone, where q is.
 */
export function throughView(
  tensor: Tensor,
  { dimensions }: View,
  coordinates: readonly IndexCoordinate[],
): IndexCoordinate[] | undefined {
  const shown = [...coordinates];
  const carrier = dimensions.find((i) => {
    const coordinate = i === undefined ? undefined : coordinates[i];
    return coordinate && !isDivided(coordinate) && isInside(coordinate, tensor.shape[i as number] as number);
  });
  for (const [i, coordinate] of coordinates.entries()) {
    if (dimensions.includes(i) || isInside(coordinate, 1)) continue;
    const by = carrier === undefined ? undefined : shown[carrier];
    if (
      by === undefined ||
      isGathered(by) ||
      isDivided(by) ||
      isGathered(coordinate) ||
      isDivided(coordinate)
    ) {
      return undefined;
    }
    shown[carrier as number] = add(by, multiply(coordinate, tensor.shape[carrier as number] as number));
  }
  return dimensions.map((i) => (i === undefined ? constantIndex(0) : (shown[i] as IndexCoordinate)));
}
