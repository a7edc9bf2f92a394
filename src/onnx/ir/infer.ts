import { sizeOf } from '../../program/node.ts';
import { afterSteps, changed, joined, type StepValue, UNCHANGED } from './change.ts';
import {
  type Expression,
  type Fold,
  type IndexCoordinate,
  isGathered,
  type Reading,
  type ScalarOperation,
} from './expression.ts';
import { type Fact, factsOf, isSame } from './facts.ts';
import { type Axis, axisIndex, isWithin, rangeOfIndex } from './indices.ts';
import { ANY, ANY_FLOAT, either, fitted, integer, integerOf, type Known, knownResult } from './known.ts';
import type { Tensor } from './tensor.ts';

/** Bounds on what a tensor's expression yields, from the bounds of the tensors that it reads. */

/** Evaluations of a fold's step until its accumulator must have come to rest. */
const MAX_PASSES = 40;
/** Operations below a branch of a select into which what its condition says is carried. */
const REFINED_DEPTH = 4;

/**
 * Bounds the elements of a tensor.
 *
 * @param body the element at symbolic indices of the tensor's shape
 */
export function infer(
  shape: readonly number[],
  body: (indices: ReturnType<typeof axisIndex>[]) => Expression,
): Known {
  let axes = 0;
  const fresh = (extent: number) => axisIndex({ id: axes++, extent } satisfies Axis);
  // Without an accumulator that changes, every value is known.
  return new Inference(fresh, ANY).known(body(shape.map(fresh))) as Known;
}

/**
 * The values of one expression. In the step of a fold they are relative to the accumulator, and `undefined` where the
 * step does something else with it than {@link changed} describes.
 */
class Inference {
  readonly #fresh: (extent: number) => ReturnType<typeof axisIndex>;
  readonly #accumulator: StepValue;
  readonly #found = new Map<Expression, StepValue | undefined>();

  constructor(fresh: (extent: number) => ReturnType<typeof axisIndex>, accumulator: StepValue) {
    this.#fresh = fresh;
    this.#accumulator = accumulator;
  }

  /** The bounds of an expression that does not depend on the accumulator. */
  known(expression: Expression): Known | undefined {
    const value = this.value(expression);
    return value?.kind === 'change' ? undefined : value;
  }

  value(expression: Expression): StepValue | undefined {
    if (this.#found.has(expression)) return this.#found.get(expression);
    const value = this.#anew(expression);
    this.#found.set(expression, value);
    return value;
  }

  #anew(expression: Expression): StepValue | undefined {
    switch (expression.kind) {
      case 'literal':
        return { kind: 'word', word: expression.word };
      case 'index': {
        const { low, high } = rangeOfIndex(expression.index);
        return fitted(low, high, true);
      }
      case 'reading':
        return knownElement(expression);
      case 'accumulator':
        return this.#accumulator;
      case 'fold':
        return this.#fold(expression);
      case 'operation':
        return this.#operation(expression, (arg) => this.value(arg));
    }
  }

  #operation(
    { name, args }: ScalarOperation,
    valueAt: (arg: Expression) => StepValue | undefined,
  ): StepValue | undefined {
    if (name === 'select') return this.#select(args as [Expression, Expression, Expression]);
    const known = this.#related(name, args, valueAt);
    if (known) return known;
    const values: StepValue[] = [];
    for (const arg of args) {
      const value = valueAt(arg);
      if (!value) return undefined;
      values.push(value);
    }
    const isChanged = values.some((value) => value.kind === 'change');
    return isChanged ? changed(name, values) : knownResult(name, values as Known[]);
  }

  /** Results for which it matters that both operands are the same expression, or undo each other. */
  #related(
    name: ScalarOperation['name'],
    [a, b]: readonly Expression[],
    valueAt: (arg: Expression) => StepValue | undefined,
  ): StepValue | undefined {
    if (!a || !b) return undefined;
    if ((name === 'i32.mul' || name === 'i32.sub') && a.kind !== 'literal' && isSame(a, b)) {
      const value = valueAt(a);
      if (!value || value.kind === 'change' || value.kind === 'float') return undefined;
      const { low, high, exact } = integerOf(value);
      if (name === 'i32.sub') return integer(0, 0, exact);
      const least = low <= 0 && high >= 0 ? 0 : Math.min(low * low, high * high);
      return fitted(least, Math.max(low * low, high * high), exact);
    }
    // A number that has the bits of a narrower type is not changed by extending their sign.
    if (name === 'i32.shr_s' && isOperation(a, 'i32.shl') && isSame(a.args[1] as Expression, b)) {
      const [inner, distance] = [valueAt(a.args[0] as Expression), valueAt(b)];
      if (!inner || inner.kind === 'change' || distance?.kind !== 'word') return undefined;
      const half = 2 ** (31 - (distance.word & 31));
      const { low, high } = integerOf(inner);
      return low >= -half && high < half ? inner : undefined;
    }
    return undefined;
  }

  #select([condition, then, otherwise]: readonly [Expression, Expression, Expression]):
    | StepValue
    | undefined {
    const known = this.known(condition);
    if (!known) return undefined;
    const holds = integerOf(known);
    const yes = this.#branch(condition, true, then);
    const no = this.#branch(condition, false, otherwise);
    if (yes === undefined || no === undefined) return undefined;
    // Where the condition has wrapped around, the other branch may be meant.
    if (!holds.exact) {
      const [a, b] = [this.value(then), this.value(otherwise)];
      return a && b && joined(a, joined(b, ANY));
    }
    if (yes === NEVER || (holds.low === 0 && holds.high === 0)) return no === NEVER ? ANY : no;
    if (no === NEVER || holds.low > 0 || holds.high < 0) return yes;
    return joined(yes, no);
  }

  /** A branch's value where the condition is true, or false. */
  #branch(condition: Expression, isTrue: boolean, branch: Expression): StepValue | typeof NEVER | undefined {
    const facts = factsOf(condition, isTrue, (one) => {
      const known = this.known(one);
      return known && integerOf(known);
    });
    if (facts.some(({ low, high }) => low > high)) return NEVER;
    return facts.length === 0 ? this.value(branch) : this.#refined(branch, facts, REFINED_DEPTH);
  }

  #refined(expression: Expression, facts: readonly Fact[], depth: number): StepValue | undefined {
    const own = facts.filter(({ of }) => isSame(of, expression));
    if (own.length > 0) {
      const whole = this.value(expression);
      if (!whole || whole.kind === 'change') return whole;
      const [low, high] = [Math.max(...own.map((one) => one.low)), Math.min(...own.map((one) => one.high))];
      return low <= high ? integer(low, high, integerOf(whole).exact) : whole;
    }
    // A select inside has facts of its own, which are enough.
    if (depth === 0 || expression.kind !== 'operation' || expression.name === 'select') {
      return this.value(expression);
    }
    return this.#operation(expression, (arg) => this.#refined(arg, facts, depth - 1));
  }

  #fold(fold: Fold): Known {
    const count = sizeOf(fold.extents);
    const init: Known = { kind: 'word', word: fold.init };
    if (count === 0) return init;
    const step = (accumulator: StepValue): StepValue | undefined =>
      new Inference(this.#fresh, accumulator).value(
        fold.step(fold.extents.map(this.#fresh), { kind: 'accumulator' }),
      );
    const change = step(UNCHANGED);
    if (change) return afterSteps(change, init, count);
    let before: Known = init;
    for (let pass = 0; pass < count; pass++) {
      if (pass === MAX_PASSES) return before.kind === 'float' ? ANY_FLOAT : ANY;
      const after = step(before) as Known;
      if (isInside(after, before)) return before;
      before = after;
    }
    return before;
  }
}

/** The value of a branch that is never taken. */
const NEVER = 'never';

function isInside(a: Known, b: Known): boolean {
  if (a.kind === 'float' && b.kind === 'float') {
    return b.low <= a.low && a.high <= b.high && (b.nan || !a.nan);
  }
  if (a.kind === 'float' || b.kind === 'float') return false;
  const [x, y] = [integerOf(a), integerOf(b)];
  return y.low <= x.low && x.high <= y.high && (x.exact || !y.exact);
}

/** The elements of the tensor, and the fill where a coordinate may be outside. */
function knownElement({ tensor, coordinates, fill = 0 }: Reading): Known {
  const element = knownOf(tensor);
  const inside = coordinates.every((coordinate, i) => isInTensor(coordinate, tensor.shape[i] as number));
  return inside ? element : either(element, { kind: 'word', word: fill });
}

export const knownOf = ({ type, range, floats }: Tensor): Known => {
  if (type.family === 'float') return floats ? { kind: 'float', ...floats } : ANY_FLOAT;
  return range ? integer(range.low, range.high) : ANY;
};

function isInTensor(coordinate: IndexCoordinate, extent: number): boolean {
  if (!isGathered(coordinate)) return !('divisor' in coordinate) && isWithin(coordinate, extent);
  const { low, high } = integerOf(knownElement(coordinate.gathered));
  return low >= 0 && high < extent;
}

const isOperation = (expression: Expression, name: ScalarOperation['name']): expression is ScalarOperation =>
  expression.kind === 'operation' && expression.name === name;
