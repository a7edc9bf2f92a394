import { gcd } from '../../scalar/gcd.ts';

/**
 * Index expressions: integer linear combinations of loop axes, of quotients and of remainders.
 *
 * All divisions are floor divisions by positive constants; remainders are in [0, divisor). Expressions are kept
 * simplified with the ranges of the axes, so that what a reshape takes apart and another puts together again
 * meets as the same expression.
 */
export interface Axis {
  /** Tells the axes of one loop apart; numbered from 0 in each loop so that nothing depends on what came before. */
  readonly id: number;
  readonly extent: number;
}

export interface Division {
  readonly kind: 'quotient' | 'remainder';
  readonly of: Index;
  readonly divisor: number;
  readonly key: string;
}

export type Atom = Axis | Division;

export interface IndexTerm {
  readonly atom: Atom;
  readonly coefficient: number;
}

export interface Index {
  readonly offset: number;
  /** Terms in the order of their atoms' keys; no coefficient is zero. */
  readonly terms: readonly IndexTerm[];
  /** Equal for equal expressions only. */
  readonly key: string;
}

export const isDivision = (atom: Atom): atom is Division => 'kind' in atom;

const keyOfAtom = (atom: Atom): string => (isDivision(atom) ? atom.key : `a${atom.id}`);

function make(offset: number, terms: Iterable<IndexTerm>): Index {
  const byKey = new Map<string, IndexTerm>();
  for (const { atom, coefficient } of terms) {
    const key = keyOfAtom(atom);
    byKey.set(key, { atom, coefficient: (byKey.get(key)?.coefficient ?? 0) + coefficient });
  }
  const kept = [...byKey].filter(([, { coefficient }]) => coefficient !== 0);
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = kept.map(([key, { coefficient }]) => `${coefficient}*${key}`);
  return { offset, terms: kept.map(([, term]) => term), key: `(${[offset, ...sum].join('+')})` };
}

export const constantIndex = (value: number): Index => make(value, []);

/** An axis of one step is the constant 0. */
export const axisIndex = (axis: Axis): Index =>
  make(0, axis.extent === 1 ? [] : [{ atom: axis, coefficient: 1 }]);

/** Least and greatest value over all steps of the axes (some may not be taken together). */
export function rangeOfIndex(index: Index): { low: number; high: number } {
  let low = index.offset;
  let high = index.offset;
  for (const { atom, coefficient } of index.terms) {
    const range = rangeOfAtom(atom);
    low += coefficient * (coefficient > 0 ? range.low : range.high);
    high += coefficient * (coefficient > 0 ? range.high : range.low);
  }
  return { low, high };
}

function rangeOfAtom(atom: Atom): { low: number; high: number } {
  if (!isDivision(atom)) return { low: 0, high: Math.max(0, atom.extent - 1) };
  const { low, high } = rangeOfIndex(atom.of);
  if (atom.kind === 'quotient')
    return { low: Math.floor(low / atom.divisor), high: Math.floor(high / atom.divisor) };
  return { low: 0, high: Math.min(atom.divisor - 1, low >= 0 ? high : atom.divisor - 1) };
}

export const isWithin = (index: Index, extent: number): boolean => {
  const { low, high } = rangeOfIndex(index);
  return low >= 0 && high < extent;
};

/** d * c * (x / d) + c * (x % d) = c * x, wherever both halves occur. */
function rejoin(index: Index): Index {
  for (const { atom, coefficient } of index.terms) {
    if (!isDivision(atom) || atom.kind !== 'remainder') continue;
    const other = index.terms.find(
      (term) =>
        isDivision(term.atom) &&
        term.atom.kind === 'quotient' &&
        term.atom.divisor === atom.divisor &&
        term.atom.of.key === atom.of.key &&
        term.coefficient === coefficient * atom.divisor,
    );
    if (!other) continue;
    const rest = index.terms.filter((term) => term !== other && term.atom !== atom);
    return add(make(index.offset, rest), multiply(atom.of, coefficient));
  }
  return index;
}

export const add = (...summands: readonly Index[]): Index =>
  rejoin(
    make(
      summands.reduce((sum, { offset }) => sum + offset, 0),
      summands.flatMap(({ terms }) => terms),
    ),
  );

export const shift = (index: Index, by: number): Index =>
  by === 0 ? index : make(index.offset + by, index.terms);

export const multiply = (index: Index, by: number): Index =>
  make(
    index.offset * by,
    index.terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient * by })),
  );

/**
 * index = unit * high + low with 0 <= low < unit and unit a divisor of `divisor`, unit as large as it can be;
 * then floor(index / divisor) = floor(high / (divisor / unit)).
 */
function splitOff(index: Index, divisor: number): { unit: number; high: Index; low: Index } {
  const magnitudes = [...new Set(index.terms.map(({ coefficient }) => Math.abs(coefficient)))].sort(
    (a, b) => b - a,
  );
  const units = new Set([divisor]);
  for (let i = 0, unit = divisor; i < magnitudes.length; i++) {
    unit = gcd(unit, magnitudes[i] as number);
    units.add(unit);
  }
  for (const unit of [...units].sort((a, b) => b - a)) {
    if (unit === 1) break;
    const lowOffset = index.offset - unit * Math.floor(index.offset / unit);
    const low = make(
      lowOffset,
      index.terms.filter(({ coefficient }) => coefficient % unit !== 0),
    );
    if (!isWithin(low, unit)) continue;
    const high = index.terms.filter(({ coefficient }) => coefficient % unit === 0);
    return {
      unit,
      low,
      high: make(
        (index.offset - lowOffset) / unit,
        high.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient / unit })),
      ),
    };
  }
  return { unit: 1, high: index, low: constantIndex(0) };
}

/** The part of `index` that `divisor` divides, over the divisor, and the rest. */
function divisible(index: Index, divisor: number): { whole: Index; rest: Index } {
  const restOffset = index.offset - divisor * Math.floor(index.offset / divisor);
  const whole = index.terms.filter(({ coefficient }) => coefficient % divisor === 0);
  const rest = index.terms.filter(({ coefficient }) => coefficient % divisor !== 0);
  return {
    whole: make(
      (index.offset - restOffset) / divisor,
      whole.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient / divisor })),
    ),
    rest: make(restOffset, rest),
  };
}

const single = (index: Index): Atom | undefined =>
  index.offset === 0 && index.terms.length === 1 && index.terms[0]?.coefficient === 1
    ? index.terms[0].atom
    : undefined;

const division = (kind: Division['kind'], of: Index, divisor: number): Index => {
  const key = `${kind === 'quotient' ? 'q' : 'r'}${of.key}/${divisor}`;
  return make(0, [{ atom: { kind, of, divisor, key }, coefficient: 1 }]);
};

/** floor(index / divisor) */
export function quotient(index: Index, divisor: number): Index {
  if (divisor === 1) return index;
  const { whole, rest } = divisible(index, divisor);
  if (isWithin(rest, divisor)) return whole;
  const { unit, high } = splitOff(rest, divisor);
  if (unit > 1) return add(whole, quotient(high, divisor / unit));
  const atom = single(rest);
  if (atom && isDivision(atom)) {
    if (atom.kind === 'quotient') return add(whole, quotient(atom.of, atom.divisor * divisor));
    if (atom.divisor % divisor === 0) {
      return add(whole, remainder(quotient(atom.of, divisor), atom.divisor / divisor));
    }
  }
  return add(whole, division('quotient', rest, divisor));
}

/** index - divisor * floor(index / divisor) */
export function remainder(index: Index, divisor: number): Index {
  if (divisor === 1) return constantIndex(0);
  const { rest } = divisible(index, divisor);
  if (isWithin(rest, divisor)) return rest;
  const { unit, high, low } = splitOff(rest, divisor);
  if (unit > 1) return add(multiply(remainder(high, divisor / unit), unit), low);
  const atom = single(rest);
  if (atom && isDivision(atom) && atom.kind === 'remainder' && atom.divisor % divisor === 0) {
    return remainder(atom.of, divisor);
  }
  return division('remainder', rest, divisor);
}

/** Position in row-major order. */
export const flatten = (indices: readonly Index[], extents: readonly number[]): Index =>
  indices.reduce((flat, index, i) => add(multiply(flat, extents[i] as number), index), constantIndex(0));

/** Indices of the element at a position in row-major order. */
export function unflatten(flat: Index, extents: readonly number[]): Index[] {
  const indices: Index[] = [];
  for (let i = extents.length - 1; i >= 0; i--) {
    const extent = extents[i] as number;
    // The first dimension needs no remainder: a position inside the tensor leaves it in range.
    indices.unshift(i === 0 ? flat : remainder(flat, Math.max(1, extent)));
    flat = quotient(flat, Math.max(1, extent));
  }
  return indices;
}

/** Axes that the expression depends on, each once. */
export function axesOf(index: Index, into = new Set<Axis>()): Set<Axis> {
  for (const { atom } of index.terms) {
    if (isDivision(atom)) axesOf(atom.of, into);
    else into.add(atom);
  }
  return into;
}

/** The value of the expression for given values of the axes. */
export function evaluateIndex(index: Index, stepOf: (axis: Axis) => number): number {
  let sum = index.offset;
  for (const { atom, coefficient } of index.terms) {
    if (!isDivision(atom)) {
      sum += coefficient * stepOf(atom);
      continue;
    }
    const value = evaluateIndex(atom.of, stepOf);
    const whole = Math.floor(value / atom.divisor);
    sum += coefficient * (atom.kind === 'quotient' ? whole : value - whole * atom.divisor);
  }
  return sum;
}
