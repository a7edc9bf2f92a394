import { type Axis, add, axisIndex, constantIndex, type Index, isDivision, multiply } from '../ir/indices.ts';
import { type Dimension, isPlain } from './terms.ts';

/**
 * Factors of each dimension, outermost first, by its name: `o1` is output dimension 1, `f0` fold dimension 0. They are
 * kept from one round of a resolution to the next.
 */
export type Factors = Map<string, number[]>;

/** The axes of one round, and the splits that its readings ask for. */
export class Axes {
  readonly #factors: Factors;
  readonly #origin = new Map<Axis, { readonly dimension: string; readonly position: number }>();
  readonly #wanted = new Map<Axis, number>();

  constructor(factors: Factors) {
    this.#factors = factors;
  }

  /** A dimension as a product of axes; of one axis until it is split. */
  dimension(name: string, extent: number): Dimension {
    const factors = this.#factors.get(name) ?? [extent];
    this.#factors.set(name, factors);
    const axes = factors.map((factor, position) => {
      const axis: Axis = { id: this.#origin.size, extent: factor };
      this.#origin.set(axis, { dimension: name, position });
      return axis;
    });
    const index = axes.reduce(
      (sum, axis) => add(multiply(sum, axis.extent), axisIndex(axis)),
      constantIndex(0),
    );
    return { axes, index };
  }

  /** Asks for the splits that make an index affine, innermost divisions first. */
  want(index: Index): void {
    for (const { atom } of index.terms) {
      if (!isDivision(atom)) continue;
      if (!isPlain(atom.of)) {
        this.want(atom.of);
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

  /** Splits the axes that readings asked for, for the next round. @returns whether there were any */
  split(): boolean {
    for (const [axis, divisor] of this.#wanted) {
      const { dimension, position } = this.#origin.get(axis) as { dimension: string; position: number };
      const factors = this.#factors.get(dimension) as number[];
      // One split for a dimension in a round: positions of the others have moved.
      if (factors[position] !== axis.extent) continue;
      factors.splice(position, 1, axis.extent / divisor, divisor);
    }
    return this.#wanted.size > 0;
  }
}
