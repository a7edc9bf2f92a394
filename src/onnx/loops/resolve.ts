import type { InstructionName } from '../../scalar/instructions.ts';
import {
  ACCUMULATOR,
  type Expression,
  type Fold,
  isDivided,
  isGathered,
  type Place,
  type Reading,
} from '../ir/expression.ts';
import {
  type Axis,
  add,
  axesOf,
  axisIndex,
  constantIndex,
  type Index,
  isDivision,
  isWithin,
  multiply,
  quotient,
  rangeOfIndex,
} from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';

/**
 * From a tensor's expression to one loop's: readings of tensors that are not stored are replaced by what those
 * tensors are, equal terms become one term, and axes are split where a reshape asks for it.
 *
 * One file above 400 lines, because the rules are one recursion over the same unfinished axes.
 */

/** A term of a resolved expression; equal terms of one resolution are the same object. */
export type Term =
  | { readonly id: number; readonly kind: 'literal'; readonly word: number }
  | {
      readonly id: number;
      readonly kind: 'operation';
      readonly name: InstructionName;
      readonly args: readonly Term[];
    }
  | ReadingTerm
  | { readonly id: number; readonly kind: 'axis'; readonly axis: Axis }
  | { readonly id: number; readonly kind: 'fold' | 'accumulator' };

export interface ReadingTerm {
  readonly id: number;
  readonly kind: 'reading';
  readonly tensor: Tensor;
  readonly places: readonly ResolvedPlace[];
  readonly fill: number | undefined;
  /** The element's place in row-major order, where that is simpler than the places are. */
  readonly position: Index | undefined;
}

export type ResolvedPlace =
  | { readonly index: Index; readonly divisor: number; readonly exact: boolean }
  | { readonly gathered: ReadingTerm };

/** A dimension as a product of axes, outermost first. */
export interface Dimension {
  readonly axes: readonly Axis[];
  readonly index: Index;
}

export interface ResolvedFold {
  readonly dimensions: readonly Dimension[];
  readonly init: number;
  readonly ordered: boolean;
  readonly step: Term;
}

export interface Resolution {
  readonly output: readonly Dimension[];
  readonly fold: ResolvedFold | undefined;
  readonly result: Term;
  /** Tensors computed in this loop, the root apart, in order of first use. */
  readonly inlined: readonly Tensor[];
}

/** The tensor must be stored after all: it cannot be computed inside the loop that reads it. */
export class MustStore extends Error {
  constructor(readonly tensor: Tensor) {
    super(`${tensor.name} must be stored`);
  }
}

type Factors = Map<string, number[]>;

/**
 * Places at which one loop computes other tensors. Far more than a loop has instructions for: a tensor that is the
 * sum of two parts of one that is itself such a sum, and so on, would double them at each step.
 */
const MAX_INLINED = 1024;

/**
 * @param isStored tensors that are read from memory; all others are computed in place
 * @param storedAs where a stored tensor is read instead, if a copy of it lies better
 * @throws MustStore for a tensor that is not stored and has to be
 */
export function resolve(
  root: Tensor,
  isStored: (tensor: Tensor) => boolean,
  storedAs: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Resolution {
  const factors: Factors = new Map();
  // Every round splits an axis by a proper divisor, so rounds are bounded; 64 is far above any real graph.
  for (let round = 0; round < 64; round++) {
    const attempt = new Attempt(root, isStored, storedAs, factors);
    const resolution = attempt.run();
    if (!attempt.split()) return resolution;
  }
  throw new MustStore(root);
}

class Attempt {
  readonly #root: Tensor;
  readonly #isStored: (tensor: Tensor) => boolean;
  readonly #storedAs: (tensor: Tensor) => Tensor;
  readonly #factors: Factors;
  readonly #terms = new Map<string, Term>();
  readonly #axes = new Map<Axis, { dimension: string; position: number }>();
  readonly #inlined = new Map<string, Term>();
  readonly #copies = new Map<Tensor, number>();
  readonly #wanted = new Map<Axis, number>();
  readonly #computed = new Set<Tensor>();
  #axisCount = 0;
  #owner: Tensor;
  #folding = false;
  #fold: (ResolvedFold & { owner: Tensor; source: Fold }) | undefined;

  constructor(
    root: Tensor,
    isStored: (tensor: Tensor) => boolean,
    storedAs: (tensor: Tensor) => Tensor,
    factors: Factors,
  ) {
    this.#root = root;
    this.#owner = root;
    this.#isStored = isStored;
    this.#storedAs = storedAs;
    this.#factors = factors;
  }

  run(): Resolution {
    const { source, shape } = this.#root;
    if (source.kind !== 'computed') throw new TypeError(`${this.#root.name} is not computed`);
    const output = shape.map((extent, i) => this.#dimension(`o${i}`, extent));
    const result = this.#resolve(source.body(output.map(({ index }) => index)));
    return { output, fold: this.#fold, result, inlined: [...this.#computed] };
  }

  /** Splits the axes that readings asked for. @returns whether there were any */
  split(): boolean {
    for (const [axis, divisor] of this.#wanted) {
      const { dimension, position } = this.#axes.get(axis) as { dimension: string; position: number };
      const factors = this.#factors.get(dimension) as number[];
      // One split for a dimension in a round: positions of the others have moved.
      if (factors[position] !== axis.extent) continue;
      factors.splice(position, 1, axis.extent / divisor, divisor);
    }
    return this.#wanted.size > 0;
  }

  #dimension(name: string, extent: number): Dimension {
    const factors = this.#factors.get(name) ?? [extent];
    this.#factors.set(name, factors);
    const axes = factors.map((factor, position) => {
      const axis: Axis = { id: this.#axisCount++, extent: factor };
      this.#axes.set(axis, { dimension: name, position });
      return axis;
    });
    const index = axes.reduce(
      (sum, axis) => add(multiply(sum, axis.extent), axisIndex(axis)),
      constantIndex(0),
    );
    return { axes, index };
  }

  #term<T extends Term>(key: string, make: (id: number) => T): T {
    const known = this.#terms.get(key);
    if (known) return known as T;
    const term = make(this.#terms.size);
    this.#terms.set(key, term);
    return term;
  }

  #literal(word: number): Term {
    return this.#term(`l${word >>> 0}`, (id) => ({ id, kind: 'literal', word: word >>> 0 }));
  }

  #operation(name: InstructionName, ...args: Term[]): Term {
    return this.#term(`${name} ${args.map(({ id }) => id)}`, (id) => ({ id, kind: 'operation', name, args }));
  }

  /** By expression; inside the fold apart, because there a tensor that is a fold itself cannot be computed. */
  readonly #outside = new Map<Expression, Term>();
  readonly #inside = new Map<Expression, Term>();

  #resolve(expression: Expression): Term {
    const terms = this.#folding ? this.#inside : this.#outside;
    const known = terms.get(expression);
    if (known) return known;
    const term = this.#resolveAnew(expression);
    terms.set(expression, term);
    return term;
  }

  #resolveAnew(expression: Expression): Term {
    switch (expression.kind) {
      case 'literal':
        return this.#literal(expression.word);
      case 'operation':
        return this.#operation(expression.name, ...expression.args.map((arg) => this.#resolve(arg)));
      case 'index':
        return this.#indexValue(expression.index);
      case 'accumulator':
        return this.#term('accumulator', (id) => ({ id, kind: 'accumulator' }));
      case 'fold':
        return this.#resolveFold(expression);
      case 'reading':
        return this.#resolveReading(expression);
    }
  }

  #resolveFold(source: Fold): Term {
    const owner = this.#owner;
    if (this.#folding) throw new MustStore(this.#other(owner));
    if (this.#fold && this.#fold.source !== source) throw new MustStore(this.#other(owner));
    if (!this.#fold) {
      const dimensions = source.extents.map((extent, i) => this.#dimension(`f${i}`, extent));
      this.#folding = true;
      const step = this.#resolve(
        source.step(
          dimensions.map(({ index }) => index),
          ACCUMULATOR,
        ),
      );
      this.#folding = false;
      this.#fold = { dimensions, init: source.init, ordered: source.ordered, step, owner, source };
    }
    return this.#term('fold', (id) => ({ id, kind: 'fold' }));
  }

  /** The tensor that is computed at the most places in this loop; of equal ones the first. */
  #mostCopied(): Tensor {
    const [first] = [...this.#copies].sort(([a, n], [b, m]) => m - n || a.id - b.id);
    return (first as [Tensor, number])[0];
  }

  /** Of the two tensors that want a fold in this loop, the one that can be stored apart. */
  #other(owner: Tensor): Tensor {
    if (owner !== this.#root) return owner;
    const first = this.#fold?.owner;
    if (!first || first === this.#root) throw new TypeError(`${owner.name}: one tensor, two folds`);
    return first;
  }

  #resolveReading(reading: Reading): Term {
    const { tensor, places } = reading;
    const inside = places.every(
      (place, i) =>
        !isGathered(place) && !isExact(place) && isWithin(indexOf(place), tensor.shape[i] as number),
    );
    const fill = inside ? undefined : (reading.fill ?? 0);
    if (this.#isStored(tensor)) {
      return this.#storedReading(this.#storedAs(tensor), places, fill, reading.position);
    }
    if (tensor.source.kind !== 'computed')
      throw new TypeError(`${tensor.name} is neither stored nor computed`);
    if (fill === undefined)
      return this.#inline(tensor, places.map(indexOf as (place: Place) => Index), tensor.source);
    // A place outside a tensor that is not stored: only a view whose places are its source's can pass it on.
    const behind = viewBehind(tensor);
    const passed = behind && throughView(tensor, behind, places);
    if (!passed) throw new MustStore(tensor);
    this.#computed.add(tensor);
    return this.#resolveReading({
      ...reading,
      fill,
      tensor: behind.tensor,
      places: passed,
      position: undefined,
    });
  }

  #inline(
    tensor: Tensor,
    indices: Index[],
    source: { body: (indices: readonly Index[]) => Expression },
  ): Term {
    const key = `${tensor.id} ${this.#folding} ${indices.map((index) => index.key)}`;
    const known = this.#inlined.get(key);
    if (known) return known;
    this.#computed.add(tensor);
    this.#copies.set(tensor, (this.#copies.get(tensor) ?? 0) + 1);
    if (this.#inlined.size > MAX_INLINED) throw new MustStore(this.#mostCopied());
    const owner = this.#owner;
    this.#owner = tensor;
    const term = this.#resolve(source.body(indices));
    this.#owner = owner;
    this.#inlined.set(key, term);
    return term;
  }

  #storedReading(
    tensor: Tensor,
    places: readonly Place[],
    fill: number | undefined,
    position: Index | undefined,
  ): ReadingTerm {
    const resolved = places.map((place): ResolvedPlace => {
      if (isGathered(place)) {
        const { gathered } = place;
        const term = this.#resolveReading(gathered);
        if (term.kind !== 'reading') throw new MustStore(gathered.tensor);
        return { gathered: term };
      }
      if (isDivided(place)) return place;
      const [only] = place.terms;
      if (place.terms.length === 1 && only && only.coefficient === 1 && isDivision(only.atom)) {
        const { kind, of, divisor } = only.atom;
        // floor(x / d) + c = floor((x + c * d) / d)
        if (kind === 'quotient' && isPlain(of)) {
          if (tensor.source.kind !== 'constant') this.#want(place);
          return { index: { ...add(of, constantIndex(place.offset * divisor)) }, divisor, exact: false };
        }
      }
      // Constants are laid out anew for the loop, so their places can be anything.
      if (tensor.source.kind !== 'constant') this.#want(place);
      return { index: place, divisor: 1, exact: false };
    });
    const key = resolved
      .map((place) =>
        'gathered' in place ? `[${place.gathered.id}]` : `${place.index.key}/${place.divisor}${place.exact}`,
      )
      .join();
    return this.#term(`read ${tensor.id} ${fill} ${key}`, (id) => ({
      id,
      kind: 'reading',
      tensor,
      places: resolved,
      fill,
      position,
    }));
  }

  /** Asks for the splits that make an index affine, innermost divisions first. */
  #want(index: Index): void {
    for (const { atom } of index.terms) {
      if (!isDivision(atom)) continue;
      if (!isPlain(atom.of)) {
        this.#want(atom.of);
        continue;
      }
      // In floor((offset + sum) / d), split every axis whose coefficient divides d but does not absorb it.
      for (const { atom: axis, coefficient } of atom.of.terms) {
        if (isDivision(axis)) continue;
        const unit = Math.abs(coefficient);
        if (atom.divisor % unit !== 0) continue;
        const inner = atom.divisor / unit;
        if (inner > 1 && inner < axis.extent && axis.extent % inner === 0) this.#wanted.set(axis, inner);
      }
    }
  }

  #indexValue(index: Index): Term {
    let sum: Term | undefined;
    const accumulate = (term: Term) => {
      sum = sum ? this.#operation('i32.add', sum, term) : term;
    };
    // In the order of the atoms' keys, by code units (a10 before a2), which is the same on any machine.
    for (const { atom, coefficient } of index.terms) {
      const value = isDivision(atom)
        ? this.#divisionValue(atom.of, atom.divisor, atom.kind)
        : this.#axisValue(atom);
      accumulate(coefficient === 1 ? value : this.#operation('i32.mul', value, this.#literal(coefficient)));
    }
    if (index.offset !== 0 || !sum) accumulate(this.#literal(index.offset));
    return sum as Term;
  }

  #axisValue(axis: Axis): Term {
    return this.#term(`axis ${axis.id}`, (id) => ({ id, kind: 'axis', axis }));
  }

  /** The machine's division truncates; on numbers that are not negative it is the floor. */
  #divisionValue(of: Index, divisor: number, kind: 'quotient' | 'remainder'): Term {
    const { low } = rangeOfIndex(of);
    const lift = low < 0 ? Math.ceil(-low / divisor) : 0;
    const value = this.#indexValue(add(of, constantIndex(lift * divisor)));
    if (kind === 'remainder') return this.#operation('i32.rem', value, this.#literal(divisor));
    const whole = this.#operation('i32.div', value, this.#literal(divisor));
    return lift === 0 ? whole : this.#operation('i32.sub', whole, this.#literal(lift));
  }
}

const isExact = (place: Place): boolean => isDivided(place) && place.exact && place.divisor > 1;

/** The index of a place that is neither gathered nor exact. */
const indexOf = (place: Place): Index => {
  if (isGathered(place)) throw new TypeError('a gathered place has no index');
  return isDivided(place) ? quotient(place.index, place.divisor) : place;
};

export const isPlain = (index: Index): boolean => index.terms.every(({ atom }) => !isDivision(atom));

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
function throughView(tensor: Tensor, { dimensions }: View, places: readonly Place[]): Place[] | undefined {
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

/** Axes that a reading depends on, those of gathered places included. */
export function axesOfReading(reading: ReadingTerm, into = new Set<Axis>()): Set<Axis> {
  for (const place of reading.places) {
    if ('gathered' in place) axesOfReading(place.gathered, into);
    else axesOf(place.index, into);
  }
  return into;
}
