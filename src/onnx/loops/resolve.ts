import {
  ACCUMULATOR,
  type Expression,
  type Fold,
  type IndexCoordinate,
  isDivided,
  isGathered,
  type Reading,
} from '../ir/expression.ts';
import { add, constantIndex, type Index, isDivision, isWithin } from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';
import { Axes, type Factors } from './axes.ts';
import {
  isPlain,
  type LinearTerm,
  type Resolution,
  type ResolvedCoordinate,
  type ResolvedFold,
  TermTable,
} from './terms.ts';
import { indexOf, isExact, throughView, viewBehind } from './views.ts';

/**
 * From a tensor's expression to one loop's. Readings of tensors that are not stored are replaced by what those tensors
 * are (compute-inline, as in Halide and TVM), equal terms become one term, and axes are split where a reshape asks for
 * it. Every round walks the whole expression, at most {@link MAX_INLINED} copies of tensors in it.
 */

/** A tensor that must be stored after all, because it cannot be computed inside the loop that reads it. */
export interface Spill {
  readonly spill: Tensor;
}

export const isSpill = (result: Resolution | Spill): result is Spill => 'spill' in result;

/**
 * Coordinates at which one loop computes other tensors. Far more than a loop has instructions for: a tensor that is the
 * sum of two parts of one that is itself such a sum, and so on, would double them at each step.
 */
const MAX_INLINED = 1024;

/** Every round splits an axis by a proper divisor, so rounds are bounded; this is far above any real graph. */
const MAX_ROUNDS = 64;

/**
 * Resolves a computed tensor to one loop.
 *
 * @param isStored tensors that are read from memory; all others are computed inside the loop
 * @param storedAs where a stored tensor is read instead, if a copy of it lies better
 * @returns the loop's terms and axes, or the first tensor that is not stored and has to be
 */
export function resolve(
  root: Tensor,
  isStored: (tensor: Tensor) => boolean,
  storedAs: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Resolution | Spill {
  const factors: Factors = new Map();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const axes = new Axes(factors);
    const result = new Resolver(root, isStored, storedAs, axes).run();
    if (isSpill(result) || !axes.split()) return result;
  }
  return { spill: root };
}

/** Stands for every term from the moment on that a tensor turned out to need memory; such a round is thrown away. */
const NO_TERM: LinearTerm = { id: -1, kind: 'literal', word: 0 };

/** One round of a resolution. */
class Resolver {
  readonly #root: Tensor;
  readonly #isStored: (tensor: Tensor) => boolean;
  readonly #storedAs: (tensor: Tensor) => Tensor;
  readonly #axes: Axes;
  readonly #terms = new TermTable();
  /** Terms of expressions outside and inside the fold: inside, a tensor that is a fold itself cannot be computed. */
  readonly #outside = new Map<Expression, LinearTerm>();
  readonly #inside = new Map<Expression, LinearTerm>();
  readonly #inlined = new Map<string, LinearTerm>();
  /** Number of coordinates at which each tensor is computed. */
  readonly #copies = new Map<Tensor, number>();
  readonly #computed = new Set<Tensor>();
  #owner: Tensor;
  #folding = false;
  #fold: (ResolvedFold & { owner: Tensor; source: Fold }) | undefined;
  #spilled: Tensor | undefined;

  constructor(
    root: Tensor,
    isStored: (tensor: Tensor) => boolean,
    storedAs: (tensor: Tensor) => Tensor,
    axes: Axes,
  ) {
    this.#root = root;
    this.#owner = root;
    this.#isStored = isStored;
    this.#storedAs = storedAs;
    this.#axes = axes;
  }

  run(): Resolution | Spill {
    const { source, shape } = this.#root;
    if (source.kind !== 'computed') throw new TypeError(`${this.#root.name} is not computed`);
    const output = shape.map((extent, i) => this.#axes.dimension(`o${i}`, extent));
    const result = this.#resolve(source.body(output.map(({ index }) => index)));
    if (this.#spilled) return { spill: this.#spilled };
    return { output, fold: this.#fold, result, inlined: [...this.#computed] };
  }

  /** Notes the first tensor that must be stored. */
  #spill(tensor: Tensor): LinearTerm {
    this.#spilled ??= tensor;
    return NO_TERM;
  }

  #resolve(expression: Expression): LinearTerm {
    if (this.#spilled) return NO_TERM;
    const terms = this.#folding ? this.#inside : this.#outside;
    const known = terms.get(expression);
    if (known) return known;
    const term = this.#resolveAnew(expression);
    terms.set(expression, term);
    return term;
  }

  #resolveAnew(expression: Expression): LinearTerm {
    switch (expression.kind) {
      case 'literal':
        return this.#terms.literal(expression.word);
      case 'operation':
        return this.#terms.operation(expression.name, ...expression.args.map((arg) => this.#resolve(arg)));
      case 'index':
        return this.#terms.index(expression.index);
      case 'accumulator':
        return this.#terms.accumulator();
      case 'fold':
        return this.#resolveFold(expression);
      case 'reading':
        return this.#resolveReading(expression);
    }
  }

  #resolveFold(source: Fold): LinearTerm {
    const owner = this.#owner;
    if (this.#folding) return this.#spill(this.#other(owner));
    if (this.#fold && this.#fold.source !== source) return this.#spill(this.#other(owner));
    if (!this.#fold) {
      const dimensions = source.extents.map((extent, i) => this.#axes.dimension(`f${i}`, extent));
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
    return this.#terms.fold();
  }

  /** The tensor that is computed at the most coordinates in this loop; of equal ones the first. */
  #mostCopied(): Tensor {
    const [first] = [...this.#copies].sort(([a, n], [b, m]) => m - n || a.id - b.id);
    return (first as [Tensor, number])[0];
  }

  /** Two tensors need a fold in this loop: the one of them that can be stored as a node of its own. */
  #other(owner: Tensor): Tensor {
    if (owner !== this.#root) return owner;
    const first = this.#fold?.owner;
    if (!first || first === this.#root) throw new TypeError(`${owner.name}: one tensor, two folds`);
    return first;
  }

  #resolveReading(reading: Reading): LinearTerm {
    const { tensor, coordinates } = reading;
    const inside = coordinates.every(
      (coordinate, i) =>
        !isGathered(coordinate) &&
        !isExact(coordinate) &&
        isWithin(indexOf(coordinate), tensor.shape[i] as number),
    );
    const fill = inside ? undefined : (reading.fill ?? 0);
    if (this.#isStored(tensor)) {
      return this.#storedReading(this.#storedAs(tensor), coordinates, fill, reading.position);
    }
    if (tensor.source.kind !== 'computed')
      throw new TypeError(`${tensor.name} is neither stored nor computed`);
    if (fill === undefined)
      return this.#inline(
        tensor,
        coordinates.map(indexOf as (coordinate: IndexCoordinate) => Index),
        tensor.source,
      );
    // A coordinate outside a tensor that is not stored: only a view whose coordinates are its source's can pass it on.
    const behind = viewBehind(tensor);
    const passed = behind && throughView(tensor, behind, coordinates);
    if (!passed) return this.#spill(tensor);
    this.#computed.add(tensor);
    return this.#resolveReading({
      ...reading,
      fill,
      tensor: behind.tensor,
      coordinates: passed,
      position: undefined,
    });
  }

  #inline(
    tensor: Tensor,
    indices: Index[],
    source: { body: (indices: readonly Index[]) => Expression },
  ): LinearTerm {
    const key = `${tensor.id} ${this.#folding} ${indices.map((index) => index.key)}`;
    const known = this.#inlined.get(key);
    if (known) return known;
    this.#computed.add(tensor);
    this.#copies.set(tensor, (this.#copies.get(tensor) ?? 0) + 1);
    if (this.#inlined.size > MAX_INLINED) return this.#spill(this.#mostCopied());
    const owner = this.#owner;
    this.#owner = tensor;
    const term = this.#resolve(source.body(indices));
    this.#owner = owner;
    this.#inlined.set(key, term);
    return term;
  }

  #storedReading(
    tensor: Tensor,
    coordinates: readonly IndexCoordinate[],
    fill: number | undefined,
    position: Index | undefined,
  ): LinearTerm {
    const resolved: ResolvedCoordinate[] = [];
    for (const coordinate of coordinates) {
      const found = this.#resolveCoordinate(tensor, coordinate);
      if (!found) return NO_TERM;
      resolved.push(found);
    }
    return this.#terms.reading({ tensor, coordinates: resolved, fill, position });
  }

  /** @returns undefined if a tensor that a coordinate is read from must be stored */
  #resolveCoordinate(tensor: Tensor, coordinate: IndexCoordinate): ResolvedCoordinate | undefined {
    if (isGathered(coordinate)) {
      const { gathered } = coordinate;
      const term = this.#resolveReading(gathered);
      if (term.kind === 'reading') return { gathered: term };
      this.#spill(gathered.tensor);
      return undefined;
    }
    if (isDivided(coordinate)) return coordinate;
    // Constants are laid out anew for the loop, so their coordinates can be anything.
    if (tensor.source.kind !== 'constant') this.#axes.want(coordinate);
    return quotientOf(coordinate) ?? { index: coordinate, divisor: 1, exact: false };
  }
}

/** floor(x / d) + c as a division of one index: floor((x + c * d) / d); `undefined` for an index of another form. */
function quotientOf(index: Index): ResolvedCoordinate | undefined {
  const [only, ...others] = index.terms;
  if (!only || others.length > 0 || only.coefficient !== 1 || !isDivision(only.atom)) return undefined;
  const { kind, of, divisor } = only.atom;
  if (kind !== 'quotient' || !isPlain(of)) return undefined;
  return { index: add(of, constantIndex(index.offset * divisor)), divisor, exact: false };
}
