import { sizeOf } from '../../program/node.ts';
import type { Range } from '../types.ts';
import {
  type Expression,
  type Fold,
  isGathered,
  type Operation,
  type Place,
  type Reading,
} from './expression.ts';
import { type Axis, axisIndex, isWithin, rangeOfIndex } from './indices.ts';
import {
  ANY,
  ANY_FLOAT,
  either,
  fitted,
  floatOf,
  integer,
  integerOf,
  type Known,
  type KnownInteger,
  knownResult,
} from './known.ts';
import type { Tensor } from './tensor.ts';

/** Bounds on what a tensor's expression yields, from the bounds of the tensors that it reads. */

/** Evaluations of a fold's step until its accumulator must have come to rest. */
const MAX_PASSES = 40;
/** Operations below a branch of a select into which what its condition says is carried. */
const REFINED_DEPTH = 4;

/** Change of a fold's accumulator in one step: an amount that is added, or anything else. */
interface Change {
  readonly kind: 'change';
  /** Added to the accumulator; `undefined` if it is always replaced. */
  readonly by: KnownInteger | undefined;
  readonly replaced: Known | undefined;
}

type Value = Known | Change;

/** The step does something else with the accumulator. */
class NotLinear extends Error {}

/** A fact about an expression that follows from a condition. */
interface Fact extends Range {
  readonly of: Expression;
}

/** @param body the element at symbolic indices of the tensor's shape */
export function infer(
  shape: readonly number[],
  body: (indices: ReturnType<typeof axisIndex>[]) => Expression,
): Known {
  let axes = 0;
  const fresh = (extent: number) => axisIndex({ id: axes++, extent } satisfies Axis);
  return new Inference(fresh, ANY).known(body(shape.map(fresh)));
}

class Inference {
  readonly #fresh: (extent: number) => ReturnType<typeof axisIndex>;
  readonly #accumulator: Value;
  readonly #found = new Map<Expression, Value>();

  constructor(fresh: (extent: number) => ReturnType<typeof axisIndex>, accumulator: Value) {
    this.#fresh = fresh;
    this.#accumulator = accumulator;
  }

  known(expression: Expression): Known {
    const value = this.value(expression);
    if (value.kind === 'change') throw new NotLinear();
    return value;
  }

  value(expression: Expression): Value {
    const found = this.#found.get(expression);
    if (found) return found;
    const value = this.#anew(expression);
    this.#found.set(expression, value);
    return value;
  }

  #anew(expression: Expression): Value {
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

  #operation({ name, args }: Operation, valueAt: (arg: Expression) => Value): Value {
    if (name === 'select') return this.#select(args as [Expression, Expression, Expression]);
    const known = this.#related(name, args, valueAt);
    if (known) return known;
    const values = args.map(valueAt);
    const changes = values.filter((value) => value.kind === 'change');
    if (changes.length === 0) return knownResult(name, values as Known[]);
    return changed(name, values);
  }

  /** Results for which it matters that both operands are the same expression, or undo each other. */
  #related(name: Operation['name'], [a, b]: readonly Expression[], valueAt: (arg: Expression) => Value) {
    if (!a || !b) return undefined;
    if ((name === 'i32.mul' || name === 'i32.sub') && a.kind !== 'literal' && isSame(a, b)) {
      const value = valueAt(a);
      if (value.kind === 'change' || value.kind === 'float') return undefined;
      const { low, high, exact } = integerOf(value);
      if (name === 'i32.sub') return integer(0, 0, exact);
      const least = low <= 0 && high >= 0 ? 0 : Math.min(low * low, high * high);
      return fitted(least, Math.max(low * low, high * high), exact);
    }
    // A number that has the bits of a narrower type is not changed by extending their sign.
    if (name === 'i32.shr_s' && isOperation(a, 'i32.shl') && isSame(a.args[1] as Expression, b)) {
      const [inner, distance] = [valueAt(a.args[0] as Expression), valueAt(b)];
      if (inner.kind === 'change' || distance.kind !== 'word') return undefined;
      const half = 2 ** (31 - (distance.word & 31));
      const { low, high } = integerOf(inner);
      return low >= -half && high < half ? inner : undefined;
    }
    return undefined;
  }

  #select([condition, then, otherwise]: readonly [Expression, Expression, Expression]): Value {
    const holds = integerOf(this.known(condition));
    const yes = this.#branch(
      then,
      factsOf(condition, true, (one) => integerOf(this.known(one))),
    );
    const no = this.#branch(
      otherwise,
      factsOf(condition, false, (one) => integerOf(this.known(one))),
    );
    // Where the condition has wrapped around, the other branch may be meant.
    if (!holds.exact) return joined(this.value(then), joined(this.value(otherwise), ANY));
    if (!yes || (holds.low === 0 && holds.high === 0)) return no ?? ANY;
    if (!no || holds.low > 0 || holds.high < 0) return yes;
    return joined(yes, no);
  }

  /** The branch's value where the facts hold; `undefined` if they cannot. */
  #branch(expression: Expression, facts: readonly Fact[]): Value | undefined {
    if (facts.some(({ low, high }) => low > high)) return undefined;
    return facts.length === 0 ? this.value(expression) : this.#refined(expression, facts, REFINED_DEPTH);
  }

  #refined(expression: Expression, facts: readonly Fact[], depth: number): Value {
    const own = facts.filter(({ of }) => isSame(of, expression));
    if (own.length > 0) {
      const whole = this.value(expression);
      if (whole.kind === 'change') return whole;
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
    const step = (accumulator: Value): Value =>
      new Inference(this.#fresh, accumulator).value(
        fold.step(fold.extents.map(this.#fresh), { kind: 'accumulator' }),
      );
    try {
      return afterSteps(step({ kind: 'change', by: integer(0, 0), replaced: undefined }), init, count);
    } catch (error) {
      if (!(error instanceof NotLinear)) throw error;
    }
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

function isInside(a: Known, b: Known): boolean {
  if (a.kind === 'float' && b.kind === 'float') {
    return b.low <= a.low && a.high <= b.high && (b.nan || !a.nan);
  }
  if (a.kind === 'float' || b.kind === 'float') return false;
  const [x, y] = [integerOf(a), integerOf(b)];
  return y.low <= x.low && x.high <= y.high && (x.exact || !y.exact);
}

/** `count` times a change, from `init`: an arithmetic series between the least and the greatest steps. */
function afterSteps(change: Value, init: Known, count: number): Known {
  if (change.kind !== 'change') return change;
  const { by, replaced } = change;
  if (!by) return replaced as Known;
  if (isStill(by)) return replaced ? either(init, replaced) : init;
  const from = integerOf(init);
  if (!replaced) {
    const final = { low: from.low + count * by.low, high: from.high + count * by.high };
    const passed = fitted(Math.min(from.low, final.low), Math.max(from.high, final.high), by.exact);
    return passed === ANY ? ANY : integer(final.low, final.high, passed.exact);
  }
  const starts = integerOf(either(init, replaced));
  return fitted(
    starts.low + count * Math.min(0, by.low),
    starts.high + count * Math.max(0, by.high),
    starts.exact && by.exact,
  );
}

/** An instruction one of whose operands is the accumulator, changed or not. */
function changed(name: Operation['name'], [a, b]: readonly Value[]): Value {
  if (!a || !b || (a.kind === 'change') === (b.kind === 'change')) throw new NotLinear();
  if (a.kind !== 'change') {
    if (name === 'i32.sub') throw new NotLinear();
    return changed(name, [b, a]);
  }
  const other = b as Known;
  if (name === 'f32.min' || name === 'f32.max') {
    if (a.by && !isStill(a.by)) throw new NotLinear();
    return joined(a, floatOf(other));
  }
  if (name !== 'i32.add' && name !== 'i32.sub') throw new NotLinear();
  const apply = (before: Known): Known => knownResult(name, [before, other]);
  return {
    kind: 'change',
    by: a.by && integerOf(apply(a.by)),
    replaced: a.replaced && apply(a.replaced),
  };
}

const isStill = ({ low, high }: Range): boolean => low === 0 && high === 0;

function joined(a: Value, b: Value): Value {
  if (a.kind !== 'change' && b.kind !== 'change') return either(a, b);
  const [x, y] = [a, b].map((value) =>
    value.kind === 'change' ? value : ({ kind: 'change', by: undefined, replaced: value } as const),
  ) as [Change, Change];
  const both = <T extends Known>(p: T | undefined, q: T | undefined) => (p && q ? either(p, q) : (p ?? q));
  return {
    kind: 'change',
    by: both<Known>(x.by, y.by) as KnownInteger | undefined,
    replaced: both<Known>(x.replaced, y.replaced),
  };
}

/** The elements of the tensor, and the fill where a place may be outside. */
function knownElement({ tensor, places, fill = 0 }: Reading): Known {
  const element = knownOf(tensor);
  const inside = places.every((place, i) => isInTensor(place, tensor.shape[i] as number));
  return inside ? element : either(element, { kind: 'word', word: fill });
}

export const knownOf = ({ type, range, floats }: Tensor): Known => {
  if (type.family === 'float') return floats ? { kind: 'float', ...floats } : ANY_FLOAT;
  return range ? integer(range.low, range.high) : ANY;
};

function isInTensor(place: Place, extent: number): boolean {
  if (!isGathered(place)) return !('divisor' in place) && isWithin(place, extent);
  const { low, high } = integerOf(knownElement(place.gathered));
  return low >= 0 && high < extent;
}

const isSame = (a: Expression, b: Expression): boolean =>
  a === b ||
  (a.kind === 'literal' && b.kind === 'literal' && a.word === b.word) ||
  (a.kind === 'index' && b.kind === 'index' && a.index.key === b.index.key) ||
  (a.kind === 'reading' &&
    b.kind === 'reading' &&
    a.tensor === b.tensor &&
    a.fill === b.fill &&
    a.places.every((place, i) => isSamePlace(place, b.places[i] as Place)));

function isSamePlace(a: Place, b: Place): boolean {
  if (isGathered(a) || isGathered(b)) {
    return isGathered(a) && isGathered(b) && isSame(a.gathered, b.gathered);
  }
  const [x, y] = ['divisor' in a ? a : undefined, 'divisor' in b ? b : undefined];
  if (x && y) return x.index.key === y.index.key && x.divisor === y.divisor && x.exact === y.exact;
  return !x && !y && (a as { key: string }).key === (b as { key: string }).key;
}

const isOperation = (expression: Expression, name: Operation['name']): expression is Operation =>
  expression.kind === 'operation' && expression.name === name;

/** Conditions inside one another that are looked through, among them other tensors. */
const MAX_CONDITIONS = 8;

/** Facts about integer expressions that follow if a condition is true, or false. */
function factsOf(
  condition: Expression,
  isTrue: boolean,
  rangeOf: (expression: Expression) => Range,
  depth = MAX_CONDITIONS,
): Fact[] {
  if (depth === 0) return [];
  const inner = (one: Expression, holds: boolean) => factsOf(one, holds, rangeOf, depth - 1);
  if (condition.kind === 'reading') {
    const formula = formulaAt(condition);
    return formula ? inner(formula, isTrue) : [];
  }
  if (condition.kind !== 'operation') return [];
  const { name, args } = condition;
  const [p, q] = args as [Expression, Expression];
  if (name === 'i32.and' && isTrue && args.every(isBoolean)) return args.flatMap((one) => inner(one, true));
  if (name === 'i32.or' && !isTrue) return args.flatMap((one) => inner(one, false));
  if (name === 'i32.eq' && q.kind === 'literal' && q.word === 0 && isBoolean(p)) return inner(p, !isTrue);
  if (name !== 'i32.lt_s' && name !== 'i32.lt_u' && name !== 'i32.eq') return [];
  const [x, y] = attempt(() => [rangeOf(p), rangeOf(q)] as const) ?? [];
  if (!x || !y) return [];
  if (name === 'i32.eq') {
    if (!isTrue) return [];
    const both = { low: Math.max(x.low, y.low), high: Math.min(x.high, y.high) };
    return [
      { of: p, ...both },
      { of: q, ...both },
    ];
  }
  if (name === 'i32.lt_u') {
    if (!isTrue || y.low < 0) return [];
    return [{ of: p, low: Math.max(0, x.low), high: Math.min(x.high, y.high - 1) }];
  }
  return isTrue
    ? [
        { of: p, low: x.low, high: Math.min(x.high, y.high - 1) },
        { of: q, low: Math.max(y.low, x.low + 1), high: y.high },
      ]
    : [
        { of: p, low: Math.max(x.low, y.low), high: x.high },
        { of: q, low: y.low, high: Math.min(y.high, x.high) },
      ];
}

/** An element of a tensor as an expression over the tensors that it is computed from. */
function formulaAt({ tensor, places }: Reading): Expression | undefined {
  if (tensor.source.kind !== 'computed') return undefined;
  const indices = places.flatMap((place, i) =>
    isGathered(place) || 'divisor' in place || !isWithin(place, tensor.shape[i] as number) ? [] : [place],
  );
  return indices.length === places.length ? tensor.source.body(indices) : undefined;
}

const COMPARISONS = new Set<string>(['i32.eq', 'i32.lt_s', 'i32.lt_u', 'f32.eq', 'f32.lt', 'f32.le']);

/** Whether an expression is 0 or 1 by its form. */
const isBoolean = (expression: Expression): boolean =>
  (expression.kind === 'reading' && expression.tensor.type.family === 'bool') ||
  (expression.kind === 'operation' &&
    (COMPARISONS.has(expression.name) ||
      ((expression.name === 'i32.and' || expression.name === 'i32.or') && expression.args.every(isBoolean))));

/** Without facts about an accumulator, whose value is not known. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotLinear) return undefined;
    throw error;
  }
}
