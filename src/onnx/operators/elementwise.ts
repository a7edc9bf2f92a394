import { f32OfWord } from '../../scalar/machine.ts';
import { ensure } from '../errors.ts';
import { type Expression, f32, i32 } from '../ir/expression.ts';
import { knownOf } from '../ir/infer.ts';
import { type FloatRange, floatOf } from '../ir/known.ts';
import type { Tensor } from '../ir/tensor.ts';
import type { ElementType, Range } from '../types.ts';
import { broadcastAt, broadcastShapes } from './broadcast.ts';
import { at, type Context, type Lowering } from './context.ts';

/** Operators that compute each output element from the elements at the same (broadcast) indices. */

/** @param range bounds on the result, for integer types that are narrowed */
export function elementwise(
  context: Context,
  inputs: readonly Tensor[],
  type: ElementType,
  compute: (...elements: Expression[]) => Expression,
  range?: Range,
): Tensor {
  return context.define({
    type,
    shape: broadcastShapes(inputs.map(({ shape }) => shape)),
    ...(range ? { range } : {}),
    body: (indices) => compute(...inputs.map((input) => broadcastAt(input, indices))),
  });
}

type Unary = (x: Expression) => Expression;

/** An operator of one float tensor and nothing else. */
export const unary =
  (compute: Unary): Lowering =>
  (context) => {
    const x = context.input(0);
    ensureFloat(x);
    return elementwise(context, [x], x.type, compute);
  };

/** The same for a function that never falls, up to a few units in the last place. */
export const rising =
  (compute: Unary): Lowering =>
  (context) => {
    const x = context.input(0);
    ensureFloat(x);
    const floats = risingBounds(compute, floatOf(knownOf(x)));
    return context.define({
      type: x.type,
      shape: x.shape,
      ...(floats ? { floats } : {}),
      body: (indices) => compute(at(x, indices)),
    });
  };

/** Relative slack of bounds: more than twice the error of any of these functions. */
const SLACK = 2 ** -20;

/** Bounds of a rising function: its own values at both ends, so that they are the same on any machine. */
function risingBounds(compute: Unary, { low, high, nan }: FloatRange): FloatRange | undefined {
  const [least, greatest] = [low, high].map((end) => {
    const result = compute(f32.of(end));
    return result.kind === 'literal' ? f32OfWord(result.word) : Number.NaN;
  }) as [number, number];
  if (Number.isNaN(least) || Number.isNaN(greatest)) return undefined;
  return { low: least - Math.abs(least) * SLACK, high: greatest + Math.abs(greatest) * SLACK, nan };
}

export function ensureFloat(...tensors: readonly Tensor[]): void {
  for (const { name, type } of tensors) {
    ensure(type.family === 'float', `"${name}" is of type ${type.name}; only floats are supported here`);
  }
}

export function ensureSameType(tensors: readonly Tensor[]): ElementType {
  const [first, ...others] = tensors;
  ensure(first, 'it has no inputs');
  for (const { name, type } of others) {
    ensure(type === first.type, `"${name}" is of type ${type.name}, "${first.name}" of ${first.type.name}`);
  }
  return first.type;
}

/** Smallest interval with these numbers. */
export const hull = (values: readonly number[]): Range => ({
  low: Math.min(...values),
  high: Math.max(...values),
});

/** All combinations of the ends of two intervals. */
export const corners = (a: Range, b: Range, f: (x: number, y: number) => number): Range =>
  hull([f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)]);

export const minimum = (type: ElementType): ((a: Expression, b: Expression) => Expression) =>
  type.family === 'float' ? f32.min : i32.min;

export const maximum = (type: ElementType): ((a: Expression, b: Expression) => Expression) =>
  type.family === 'float' ? f32.max : i32.max;

/**
 * Whether an element is other than the extremum of its line. A line with NaN has NaN as its extremum, which is where
 * its NaN are.
 */
export const differsFrom = (type: ElementType, element: Expression, extremum: Expression): Expression =>
  type.family === 'float'
    ? i32.and(i32.not(f32.eq(element, extremum)), f32.eq(element, element))
    : i32.not(i32.eq(element, extremum));
