import type { ViewDimension } from '../../program/node.ts';
import { type Form, type Interval, runLength, valueRange } from './form.ts';
import type { Access, Check, Gather, KernelCoordinate, Quotient } from './kernel.ts';

const INT32 = 2 ** 31;

/** The address of an operand as forms of loop indices. */
export type ViewAccess = Pick<
  Access,
  'isAlwaysOutside' | 'address' | 'checks' | 'quotients' | 'gathers' | 'coordinates'
>;

const wrap = (value: bigint): number => Number(BigInt.asIntN(32, value));

/** The coefficient of each loop index in a coordinate, in which several terms may be of the same index. */
function coefficientsIn({ coordinate }: ViewDimension, loops: number): number[] {
  const coefficients = new Array<number>(loops).fill(0);
  if (coordinate.kind === 'affine') {
    for (const { index, coefficient } of coordinate.terms) coefficients[index]! += coefficient;
  }
  return coefficients;
}

/**
 * The access through a view: the row-major address as one form, and apart from it everything that is not affine, which is
 * coordinates that are divided, checked or gathered.
 *
 * @param extents of the loops whose indices the view's coordinates name
 */
export function viewAccess(
  view: readonly ViewDimension[],
  elementBytes: number,
  extents: readonly number[],
): ViewAccess {
  const checks: Check[] = [];
  const quotients: Quotient[] = [];
  const gathers: Gather[] = [];
  const coordinates: KernelCoordinate[] = [];
  const address = new Array<bigint>(extents.length).fill(0n);
  let constant = 0n;
  let isAlwaysOutside = false;
  let stride = BigInt(elementBytes);
  for (const dimension of [...view].reverse()) {
    const { extent, coordinate } = dimension;
    if (coordinate.kind === 'gathered') {
      gathers.unshift({ access: coordinate.operand, extent, stride: wrap(stride) });
    } else {
      const { offset, divisor, exact } = coordinate;
      const coefficients = coefficientsIn(dimension, extents.length);
      const range = valueRange({ constant: offset, coefficients }, extents);
      const form = { constant: offset, coefficients, wide: isWide(range) };
      if (range.high < 0 || range.low >= extent * divisor) isAlwaysOutside = true;
      const whole = { form, extent, divisor, exact, stride: wrap(stride) };
      const found = checksOn(whole, extents);
      checks.push(...found);
      if (found.length > 0 || divisor > 1) coordinates.unshift(whole);
      if (divisor === 1) {
        constant += BigInt(offset) * stride;
        coefficients.forEach((coefficient, i) => {
          address[i]! += BigInt(coefficient) * stride;
        });
      } else {
        quotients.push({ form, divisor, stride: wrap(stride) });
      }
    }
    stride *= BigInt(extent);
  }
  return {
    isAlwaysOutside,
    address: { constant: wrap(constant), coefficients: address.map(wrap), wide: false },
    checks,
    quotients,
    gathers,
    coordinates,
  };
}

const isWide = ({ low, high }: Interval): boolean => low < -INT32 || high >= INT32;

/** The conditions under which a coordinate is inside; none if it always is. */
export function checksOn(
  { form, extent, divisor, exact }: Omit<KernelCoordinate, 'stride'>,
  extents: readonly number[],
): Check[] {
  const { low, high } = valueRange(form, extents);
  // floor(n / divisor) is in [0, extent) exactly if n is in [0, extent * divisor).
  const end = extent * divisor;
  const bound = low >= 0 && high < end ? undefined : Math.min(end, form.wide ? 2 ** 48 : INT32);
  const multipleOf = exact ? divisor : 1;
  if (multipleOf > 1) return [{ form, bound, multipleOf }];
  return bound === undefined ? [] : [coarser(form, bound, extents)];
}

/** The check that a form is in [0, bound), by runs of its values, so that it depends on fewer loops where it can. */
function coarser(form: Form, bound: number, extents: readonly number[]): Check {
  const run = runLength(form, bound, extents);
  if (run === 1) return { form, bound, multipleOf: 1 };
  const coefficients = form.coefficients.map((coefficient) =>
    coefficient % run === 0 ? coefficient / run : 0,
  );
  const constant = Math.floor(form.constant / run);
  return { form: { constant, coefficients, wide: form.wide }, bound: bound / run, multipleOf: 1 };
}

/** The access to a scratch buffer, at an affine address. */
export const scratchAccess = (
  { element, fill, elements }: Pick<Access, 'element' | 'fill' | 'elements'>,
  buffer: number,
  address: Form,
): Access => ({
  source: { kind: 'scratch', buffer },
  element,
  fill,
  elements,
  isAlwaysOutside: false,
  address,
  checks: [],
  quotients: [],
  gathers: [],
  coordinates: [],
});
