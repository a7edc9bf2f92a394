import { isDivided, isGathered, type Place } from '../ir/expression.ts';
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

export const isExact = (place: Place): boolean => isDivided(place) && place.exact && place.divisor > 1;

/** The index of a place that is neither gathered nor exact. */
export const indexOf = (place: Place): Index => {
  if (isGathered(place)) throw new TypeError('a gathered place has no index');
  return isDivided(place) ? quotient(place.index, place.divisor) : place;
};

/** Dimensions of a view by dimension of what it shows; `undefined` where that has a single place. */
interface View {
  readonly tensor: Tensor;
  readonly dimensions: readonly (number | undefined)[];
}

/**
 * What a tensor shows if it does no more than permute another's dimensions or add and drop dimensions of one:
 * then a place is outside the one exactly where it is outside the other.
 */
export function viewBehind(tensor: Tensor): View | undefined {
  if (tensor.source.kind !== 'computed') return undefined;
  const axes = tensor.shape.map((extent, id): Axis => ({ id, extent }));
  const body = tensor.source.body(axes.map(axisIndex));
  if (body.kind !== 'reading') return undefined;
  const dimensions: (number | undefined)[] = [];
  for (const [i, place] of body.places.entries()) {
    const extent = body.tensor.shape[i] as number;
    if (isGathered(place) || isDivided(place)) return undefined;
    const [only] = place.terms;
    if (!only && place.offset === 0 && extent === 1) dimensions.push(undefined);
    else if (
      only &&
      place.terms.length === 1 &&
      place.offset === 0 &&
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

const isInside = (place: Place, extent: number): boolean =>
  !isGathered(place) && !isExact(place) && isWithin(indexOf(place), extent);

/**
 * Places in what a view shows that are outside it where the given places are outside the view; `undefined` if
 * there are none. A dimension of one element that the view adds has no place behind it, so its index p goes into
 * another: q + extent * p is in [0, extent) for p = 0 alone, where q is.
 */
export function throughView(
  tensor: Tensor,
  { dimensions }: View,
  places: readonly Place[],
): Place[] | undefined {
  const shown = [...places];
  const carrier = dimensions.find((i) => {
    const place = i === undefined ? undefined : places[i];
    return place && !isDivided(place) && isInside(place, tensor.shape[i as number] as number);
  });
  for (const [i, place] of places.entries()) {
    if (dimensions.includes(i) || isInside(place, 1)) continue;
    const by = carrier === undefined ? undefined : shown[carrier];
    if (by === undefined || isGathered(by) || isDivided(by) || isGathered(place) || isDivided(place)) {
      return undefined;
    }
    shown[carrier as number] = add(by, multiply(place, tensor.shape[carrier as number] as number));
  }
  return dimensions.map((i) => (i === undefined ? constantIndex(0) : (shown[i] as Place)));
}
