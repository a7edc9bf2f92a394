import { ensure } from '../errors.ts';
import {
  type Expression,
  fold,
  type IndexCoordinate,
  isDivided,
  isGathered,
  operation,
  type Reading,
} from '../ir/expression.ts';
import { type Axis, axesOf, axisIndex, type Index } from '../ir/indices.ts';
import { reading, type Tensor } from '../ir/tensor.ts';
import type { Builder } from './builder.ts';

/**
 * Some rows of a tensor, computed without the others: the same expressions, at rows that another tensor names. So
 * their elements have the bits that they have in the whole tensor.
 */

/** An axis that no loop has, which stands for the row while an expression is rewritten. */
const ROW_AXIS = -1;

/** Decides which tensors are recomputed for the rows, and which are gathered from. */
export interface RowPolicy {
  /** Whether the rows of a tensor are computed too, rather than gathered from all of its rows. */
  computes(tensor: Tensor, reader: { readonly hasFold: boolean }): boolean;
  /** The tensor that replaces one that is read at other indices than the row. */
  whole(tensor: Tensor): Tensor;
}

export class Rows {
  readonly #builder: Builder;
  /** Number of each row, [rows], int32. */
  readonly #numbers: Tensor;
  readonly #policy: RowPolicy;
  readonly #made = new Map<string, Tensor>();
  readonly #copies: Tensor[] = [];

  constructor(builder: Builder, numbers: Tensor, policy: RowPolicy) {
    this.#builder = builder;
    this.#numbers = numbers;
    this.#policy = policy;
  }

  get count(): number {
    return this.#numbers.shape[0] as number;
  }

  /** The rows that are copied from all rows of a tensor. */
  get copies(): readonly Tensor[] {
    return this.#copies;
  }

  /** The rows of a tensor along an axis, computed from what the tensor is computed from. */
  computed(tensor: Tensor, axis: number): Tensor {
    return this.#once('computed', tensor, axis, () => {
      const { source, type, shape, range } = tensor;
      ensure(source.kind === 'computed', `"${tensor.name}" is not computed`);
      const { hasFold } = this.#builder.sketchOf(tensor);
      const rowAxis: Axis = { id: ROW_AXIS, extent: shape[axis] as number };
      return this.#builder.define({
        type,
        shape: shape.map((extent, i) => (i === axis ? this.count : extent)),
        ...(range ? { range } : {}),
        name: tensor.name,
        body: (indices) => {
          const places = indices.map((index, i) => (i === axis ? axisIndex(rowAxis) : index));
          return new Rewriting(this, indices[axis] as Index, hasFold).of(source.body(places));
        },
      });
    });
  }

  /** The rows of a tensor along an axis, copied from all of its rows. */
  gathered(tensor: Tensor, axis: number): Tensor {
    return this.#once('gathered', tensor, axis, () => {
      const copy = this.#builder.define({
        type: tensor.type,
        shape: tensor.shape.map((extent, i) => (i === axis ? this.count : extent)),
        ...(tensor.range
          ? { range: { low: Math.min(0, tensor.range.low), high: Math.max(0, tensor.range.high) } }
          : {}),
        body: (indices) =>
          reading(
            tensor,
            indices.map((index, i): IndexCoordinate => (i === axis ? this.numberOf(index) : index)),
            0,
          ),
      });
      this.#copies.push(copy);
      return copy;
    });
  }

  /** The number of the row at an index. */
  numberAt(index: Index): Reading {
    return reading(this.#numbers, [index]);
  }

  numberOf(index: Index): IndexCoordinate {
    return { gathered: this.numberAt(index) };
  }

  /** The tensor to read instead of the given one, and the index on its axis. */
  rowsOf(
    tensor: Tensor,
    axis: number,
    index: Index,
    hasFold: boolean,
  ): { tensor: Tensor; place: IndexCoordinate } {
    if (tensor.source.kind === 'constant') return { tensor, place: this.numberOf(index) };
    const computes = tensor.source.kind === 'computed' && this.#policy.computes(tensor, { hasFold });
    return {
      tensor: computes ? this.computed(tensor, axis) : this.gathered(tensor, axis),
      place: index,
    };
  }

  whole(tensor: Tensor): Tensor {
    return this.#policy.whole(tensor);
  }

  #once(how: string, tensor: Tensor, axis: number, make: () => Tensor): Tensor {
    const key = `${how} ${tensor.id} ${axis}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}

const hasRow = (index: Index): boolean => [...axesOf(index)].some(({ id }) => id === ROW_AXIS);

const isRow = ({ offset, terms }: Index): boolean =>
  offset === 0 &&
  terms.length === 1 &&
  terms[0]?.coefficient === 1 &&
  !('kind' in terms[0].atom) &&
  terms[0].atom.id === ROW_AXIS;

/** The axes at whose coordinates a reading depends on the row, and whether the coordinate is the row itself. */
const rowAxesOf = (coordinates: readonly IndexCoordinate[]): { axis: number; isPlain: boolean }[] =>
  coordinates.flatMap((coordinate, axis) => {
    if (isGathered(coordinate)) return [];
    const index = isDivided(coordinate) ? coordinate.index : coordinate;
    return hasRow(index) ? [{ axis, isPlain: !isDivided(coordinate) && isRow(index) }] : [];
  });

/** Whether an elementwise tensor, and those that it is computed from, read others at the number of the row or apart from it. */
export function readsByRow({ source, shape }: Tensor, axis: number): boolean {
  if (source.kind !== 'computed') return true;
  const rowAxis: Axis = { id: ROW_AXIS, extent: shape[axis] as number };
  const axes = shape.map((extent, i) => axisIndex(i === axis ? rowAxis : { id: i, extent }));
  const reads = (expression: Expression): boolean => {
    if (expression.kind === 'operation') return expression.args.every(reads);
    if (expression.kind !== 'reading') return expression.kind === 'literal';
    const { tensor, coordinates } = expression;
    const [first, ...others] = rowAxesOf(coordinates);
    if (!first) return tensor.source.kind === 'constant';
    return first.isPlain && others.length === 0 && readsByRow(tensor, first.axis);
  };
  return reads(source.body(axes));
}

/** One expression with the row axis taken out of it. */
class Rewriting {
  readonly #rows: Rows;
  readonly #index: Index;
  readonly #hasFold: boolean;
  readonly #made = new Map<Expression, Expression>();

  /** @param index of the row among the rows that are computed */
  constructor(rows: Rows, index: Index, hasFold: boolean) {
    this.#rows = rows;
    this.#index = index;
    this.#hasFold = hasFold;
  }

  of(expression: Expression): Expression {
    const known = this.#made.get(expression);
    if (known) return known;
    const made = this.#anew(expression);
    this.#made.set(expression, made);
    return made;
  }

  #anew(expression: Expression): Expression {
    switch (expression.kind) {
      case 'literal':
      case 'accumulator':
        return expression;
      case 'operation':
        return operation(expression.name, ...expression.args.map((arg) => this.of(arg)));
      case 'index':
        return this.#value(expression.index);
      case 'fold': {
        const { extents, init, ordered, step } = expression;
        return fold(extents, init, (indices, accumulator) => this.of(step(indices, accumulator)), {
          ordered,
        });
      }
      case 'reading':
        return this.#reading(expression);
    }
  }

  #value(index: Index): Expression {
    if (!hasRow(index)) return { kind: 'index', index };
    ensure(isRow(index), 'a row has a number that is computed with others');
    return this.#rows.numberAt(this.#index);
  }

  #reading({ tensor, coordinates, fill }: Reading): Reading {
    const rowAxes = rowAxesOf(coordinates);
    for (const { isPlain } of rowAxes)
      ensure(isPlain, `"${tensor.name}" is read at places that mix rows with others`);
    ensure(rowAxes.length <= 1, `"${tensor.name}" is read along its diagonal`);
    const own = coordinates.map(
      (place): IndexCoordinate => (isGathered(place) ? { gathered: this.#reading(place.gathered) } : place),
    );
    const axis = rowAxes[0]?.axis;
    if (axis === undefined) return reading(this.#rows.whole(tensor), own, fill);
    const rows = this.#rows.rowsOf(tensor, axis, this.#index, this.#hasFold);
    return reading(
      rows.tensor,
      own.map((place, i) => (i === axis ? rows.place : place)),
      fill ?? (isGathered(rows.place) ? 0 : undefined),
    );
  }
}
