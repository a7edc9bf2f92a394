import type { InstructionName } from '../../scalar/instructions.ts';
import {
  type Axis,
  add,
  axesOf,
  constantIndex,
  type Index,
  isDivision,
  rangeOfIndex,
} from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';

/** A term of a resolved expression; equal terms of one resolution are the same object. */
export type LinearTerm =
  | { readonly id: number; readonly kind: 'literal'; readonly word: number }
  | {
      readonly id: number;
      readonly kind: 'operation';
      readonly name: InstructionName;
      readonly args: readonly LinearTerm[];
    }
  | ReadingTerm
  | { readonly id: number; readonly kind: 'axis'; readonly axis: Axis }
  | { readonly id: number; readonly kind: 'fold' | 'accumulator' };

export interface ReadingTerm {
  readonly id: number;
  readonly kind: 'reading';
  readonly tensor: Tensor;
  readonly coordinates: readonly ResolvedCoordinate[];
  readonly fill: number | undefined;
  /** The element's position in row-major order, where that is simpler than the coordinates are. */
  readonly position: Index | undefined;
}

export type ResolvedCoordinate =
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
  readonly step: LinearTerm;
}

export interface Resolution {
  readonly output: readonly Dimension[];
  readonly fold: ResolvedFold | undefined;
  readonly result: LinearTerm;
  /** Tensors computed in this loop, the root apart, in order of first use. */
  readonly inlined: readonly Tensor[];
}

/** The terms of one resolution. Equal terms are made once (hash-consing), so that a shared one is computed once. */
export class TermTable {
  readonly #terms = new Map<string, LinearTerm>();

  #once<T extends LinearTerm>(key: string, make: (id: number) => T): T {
    const known = this.#terms.get(key);
    if (known) return known as T;
    const term = make(this.#terms.size);
    this.#terms.set(key, term);
    return term;
  }

  literal(word: number): LinearTerm {
    return this.#once(`l${word >>> 0}`, (id) => ({ id, kind: 'literal', word: word >>> 0 }));
  }

  operation(name: InstructionName, ...args: readonly LinearTerm[]): LinearTerm {
    return this.#once(`${name} ${args.map(({ id }) => id)}`, (id) => ({ id, kind: 'operation', name, args }));
  }

  accumulator(): LinearTerm {
    return this.#once('accumulator', (id) => ({ id, kind: 'accumulator' }));
  }

  fold(): LinearTerm {
    return this.#once('fold', (id) => ({ id, kind: 'fold' }));
  }

  axis(axis: Axis): LinearTerm {
    return this.#once(`axis ${axis.id}`, (id) => ({ id, kind: 'axis', axis }));
  }

  reading({ tensor, coordinates, fill, position }: Omit<ReadingTerm, 'id' | 'kind'>): ReadingTerm {
    const key = coordinates
      .map((coordinate) =>
        'gathered' in coordinate
          ? `[${coordinate.gathered.id}]`
          : `${coordinate.index.key}/${coordinate.divisor}${coordinate.exact}`,
      )
      .join();
    return this.#once(`read ${tensor.id} ${fill} ${key}`, (id) => ({
      id,
      kind: 'reading',
      tensor,
      coordinates,
      fill,
      position,
    }));
  }

  /** The value of an index expression, computed by instructions. */
  index(index: Index): LinearTerm {
    let sum: LinearTerm | undefined;
    const accumulate = (term: LinearTerm) => {
      sum = sum ? this.operation('i32.add', sum, term) : term;
    };
    // In the order of the atoms' keys, by code units (a10 before a2), which is the same on any machine.
    for (const { atom, coefficient } of index.terms) {
      const value = isDivision(atom) ? this.#division(atom.of, atom.divisor, atom.kind) : this.axis(atom);
      accumulate(coefficient === 1 ? value : this.operation('i32.mul', value, this.literal(coefficient)));
    }
    if (index.offset !== 0 || !sum) accumulate(this.literal(index.offset));
    return sum as LinearTerm;
  }

  /** The machine's division truncates; on numbers that are not negative it is the floor. */
  #division(of: Index, divisor: number, kind: 'quotient' | 'remainder'): LinearTerm {
    const { low } = rangeOfIndex(of);
    const lift = low < 0 ? Math.ceil(-low / divisor) : 0;
    const value = this.index(add(of, constantIndex(lift * divisor)));
    if (kind === 'remainder') return this.operation('i32.rem', value, this.literal(divisor));
    const whole = this.operation('i32.div', value, this.literal(divisor));
    return lift === 0 ? whole : this.operation('i32.sub', whole, this.literal(lift));
  }
}

/** Whether an index is a sum over axes, without divisions. */
export const isPlain = (index: Index): boolean => index.terms.every(({ atom }) => !isDivision(atom));

/** All terms under some, each once, arguments first. */
export function termsOf(roots: readonly LinearTerm[]): LinearTerm[] {
  const found = new Set<LinearTerm>();
  const visit = (term: LinearTerm): void => {
    if (found.has(term)) return;
    if (term.kind === 'operation') term.args.forEach(visit);
    if (term.kind === 'reading')
      for (const coordinate of term.coordinates) if ('gathered' in coordinate) visit(coordinate.gathered);
    found.add(term);
  };
  roots.forEach(visit);
  return [...found];
}

/** Axes that a reading depends on, those of gathered coordinates included. */
export function axesOfReading(reading: ReadingTerm, into = new Set<Axis>()): Set<Axis> {
  for (const coordinate of reading.coordinates) {
    if ('gathered' in coordinate) axesOfReading(coordinate.gathered, into);
    else axesOf(coordinate.index, into);
  }
  return into;
}
