import type { Range } from '../types.ts';
import { type Expression, type IndexCoordinate, isGathered, type Reading } from './expression.ts';
import { isWithin } from './indices.ts';

/** A fact about an expression that follows from a condition. */
export interface Fact extends Range {
  readonly of: Expression;
}

/** Conditions inside one another that are looked through, among them other tensors. */
const MAX_CONDITIONS = 8;

/**
 * Facts about integer expressions that follow if a condition is true, or false.
 *
 * @param rangeOf bounds of an expression; undefined for one about an accumulator, whose value is not known
 */
export function factsOf(
  condition: Expression,
  isTrue: boolean,
  rangeOf: (expression: Expression) => Range | undefined,
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
  const [x, y] = [rangeOf(p), rangeOf(q)];
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
function formulaAt({ tensor, coordinates }: Reading): Expression | undefined {
  if (tensor.source.kind !== 'computed') return undefined;
  const indices = coordinates.flatMap((coordinate, i) =>
    isGathered(coordinate) || 'divisor' in coordinate || !isWithin(coordinate, tensor.shape[i] as number)
      ? []
      : [coordinate],
  );
  return indices.length === coordinates.length ? tensor.source.body(indices) : undefined;
}

const COMPARISONS = new Set<string>(['i32.eq', 'i32.lt_s', 'i32.lt_u', 'f32.eq', 'f32.lt', 'f32.le']);

/** Whether an expression is 0 or 1 by its form. */
const isBoolean = (expression: Expression): boolean =>
  (expression.kind === 'reading' && expression.tensor.type.family === 'bool') ||
  (expression.kind === 'operation' &&
    (COMPARISONS.has(expression.name) ||
      ((expression.name === 'i32.and' || expression.name === 'i32.or') && expression.args.every(isBoolean))));

/** Whether two expressions have the same value by their form. */
export const isSame = (a: Expression, b: Expression): boolean =>
  a === b ||
  (a.kind === 'literal' && b.kind === 'literal' && a.word === b.word) ||
  (a.kind === 'index' && b.kind === 'index' && a.index.key === b.index.key) ||
  (a.kind === 'reading' &&
    b.kind === 'reading' &&
    a.tensor === b.tensor &&
    a.fill === b.fill &&
    a.coordinates.every((coordinate, i) =>
      isSameCoordinate(coordinate, b.coordinates[i] as IndexCoordinate),
    ));

function isSameCoordinate(a: IndexCoordinate, b: IndexCoordinate): boolean {
  if (isGathered(a) || isGathered(b)) {
    return isGathered(a) && isGathered(b) && isSame(a.gathered, b.gathered);
  }
  const [x, y] = ['divisor' in a ? a : undefined, 'divisor' in b ? b : undefined];
  if (x && y) return x.index.key === y.index.key && x.divisor === y.divisor && x.exact === y.exact;
  return !x && !y && (a as { key: string }).key === (b as { key: string }).key;
}
