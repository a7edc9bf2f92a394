import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { CANONICAL_NAN, INFINITY, SIGN } from '../../ir/floatWords.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { type Direction, roundedToInteger, signOf } from '../../tensors/doubleRounding.ts';
import { wrap } from '../../tensors/wrap.ts';
import { type ElementType, I32_RANGE, isNarrowed, type Range, rangeOfType } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import {
  corners,
  elementwise,
  ensureFloat,
  ensureSameType,
  hull,
  maximum,
  minimum,
  unary,
} from '../elementwise.ts';

type Binary = (a: Expression, b: Expression) => Expression;

/** An operator of two tensors: floats by `ofFloats`, integers by `ofIntegers` with wrap-around. */
const arithmetic =
  (ofFloats: Binary, ofIntegers: Binary, bounds: (a: Range, b: Range) => Range): Lowering =>
  (context) => {
    const inputs = [context.input(0), context.input(1)];
    const type = ensureSameType(inputs);
    return combine(context, inputs, type, ofFloats, ofIntegers, bounds);
  };

/** An integer tensor less itself is how function bodies make zeros of its type; that never leaves the type. */
const subtract: Lowering = (context) => {
  const [a, b] = [context.input(0), context.input(1)];
  const isZero = a === b && a.type.family === 'integer';
  const bounds = isZero
    ? () => ({ low: 0, high: 0 })
    : (x: Range, y: Range) => corners(x, y, (p, q) => p - q);
  return arithmetic(f32.sub, i32.sub, bounds)(context);
};

function combine(
  context: Context,
  [a, b]: readonly Tensor[],
  type: ElementType,
  ofFloats: Binary,
  ofIntegers: Binary,
  bounds: (a: Range, b: Range) => Range,
): Tensor {
  ensure(a && b, 'it takes two inputs');
  ensure(type.family !== 'bool', 'bool is no type for arithmetic');
  if (type.family === 'float') return elementwise(context, [a, b], type, ofFloats);
  // Narrowed types must be shown to fit; the others wrap as they should.
  const result = bounds(boundsOf(a), boundsOf(b));
  const own = rangeOfType(type);
  const range = isNarrowed(type) || (result.low >= own.low && result.high <= own.high) ? result : own;
  return elementwise(context, [a, b], type, (x, y) => wrap(type, ofIntegers(x, y)), range);
}

/** The quotient's bounds; dividing by zero gives 0 here (undefined in ONNX). */
const quotientBounds = (a: Range): Range => hull([a.low, a.high, -a.low, -a.high, 0]);

/** Sum, Max, Min, Mean: a chain over any number of tensors. */
const chain =
  (combineTwo: (context: Context, a: Tensor, b: Tensor) => Tensor): Lowering =>
  (context) => {
    const inputs = context.inputs();
    ensureSameType(inputs);
    const [first, ...others] = inputs as [Tensor, ...Tensor[]];
    // One tensor alone is still copied by a binary operator with itself where that changes nothing.
    return others.reduce((sum, next) => combineTwo(context, sum, next), first);
  };

/** @param end of int32, beyond which a bound decides nothing */
const extremum =
  (which: (type: ElementType) => Binary, end: 'low' | 'high') =>
  (context: Context, a: Tensor, b: Tensor): Tensor =>
    elementwise(context, [heldBound(context, a, end), heldBound(context, b, end)], a.type, which(a.type));

/**
 * A constant such as INT64_MAX, which a loop cannot read, as the end of int32 that bounds values of 32 bits as well.
 * One that would decide something stays, and is refused where it is read.
 */
function heldBound(context: Context, bound: Tensor, end: 'low' | 'high'): Tensor {
  const { low, high } = I32_RANGE;
  const decides = (value: number) => (end === 'low' ? value > high : value < low);
  if (!bound.wide || bound.wide.some(decides)) return bound;
  const held = bound.wide.map((value) => Math.min(high, Math.max(low, value)));
  return context.constant(bound.type, bound.shape, held);
}

const add = (context: Context, a: Tensor, b: Tensor): Tensor =>
  combine(context, [a, b], a.type, f32.add, i32.add, (x, y) => corners(x, y, (p, q) => p + q));

const mean: Lowering = (context) => {
  const inputs = context.inputs();
  ensureFloat(...inputs);
  const count = f32.of(inputs.length);
  return elementwise(context, inputs, ensureSameType(inputs), (...elements) =>
    f32.div(
      elements.reduce((sum, element) => f32.add(sum, element)),
      count,
    ),
  );
};

const negate: Lowering = (context) => {
  const x = context.input(0);
  const { low, high } = boundsOf(x);
  const float = x.type.family === 'float';
  return elementwise(
    context,
    [x],
    x.type,
    (value) => (float ? f32.neg(value) : wrap(x.type, i32.sub(i32.of(0), value))),
    isNarrowed(x.type) ? { low: -high, high: -low } : undefined,
  );
};

const absolute: Lowering = (context) => {
  const x = context.input(0);
  const { low, high } = boundsOf(x);
  const ofInteger = (value: Expression) =>
    wrap(x.type, select(i32.lt(value, i32.of(0)), i32.sub(i32.of(0), value), value));
  return elementwise(
    context,
    [x],
    x.type,
    x.type.family === 'float' ? f32.abs : ofInteger,
    isNarrowed(x.type) ? { low: 0, high: Math.max(Math.abs(low), Math.abs(high)) } : undefined,
  );
};

const sign: Lowering = (context) => {
  const x = context.input(0);
  const halvesAt = context.doubles.exactHalves(x);
  if (halvesAt) return context.doubles.define(x.shape, (indices) => signOf(halvesAt(indices)));
  const ofFloat = (value: Expression) =>
    select(
      f32.lt(f32.of(0), value),
      f32.of(1),
      select(f32.lt(value, f32.of(0)), f32.of(-1), f32.mul(value, f32.of(0))),
    );
  const ofInteger = (value: Expression) => i32.sub(i32.lt(i32.of(0), value), i32.lt(value, i32.of(0)));
  const float = x.type.family === 'float';
  return elementwise(
    context,
    [x],
    x.type,
    float ? ofFloat : ofInteger,
    float ? undefined : { low: -1, high: 1 },
  );
};

/** Integers near each element, of type double near the exact one. */
const toInteger =
  (ofFloats: (x: Expression) => Expression, direction: Direction): Lowering =>
  (context) => {
    const x = context.input(0);
    const halvesAt = context.doubles.exactHalves(x);
    return halvesAt
      ? context.doubles.define(x.shape, (indices) => roundedToInteger(halvesAt(indices), direction))
      : unary(ofFloats)(context);
  };

/** Powers of two by which a divisor can still be below a dividend: from the least number to the greatest. */
const EXPONENTS = 278;

/**
 * C's fmod, exactly (or, with fmod 0, Python's: with the divisor's sign, rounded once): the divisor times each power of
 * two from the greatest down is taken off where it can be, which rounds nothing.
 */
function floatRemainder(context: Context, x: Tensor, y: Tensor): Tensor {
  const isFloored = context.int('fmod', 0) !== 1;
  // No float holds 2^277, but three factors make it.
  const factors = [0, 1, 2].map((part) => {
    const exponents = Array.from({ length: EXPONENTS }, (_, k) =>
      Math.min(127, Math.max(0, EXPONENTS - 1 - k - 127 * part)),
    );
    const values = exponents.map((exponent) => 2 ** exponent);
    return context.constant(x.type, [EXPONENTS], values);
  });
  return context.define({
    type: x.type,
    shape: broadcastShapes([x.shape, y.shape]),
    body: (indices) => {
      const [dividend, divisor] = [broadcastAt(x, indices), broadcastAt(y, indices)];
      const magnitude = f32.abs(dividend);
      const rest = fold(
        [EXPONENTS],
        0,
        ([k], accumulator) => {
          const before = select(i32.eq(indexValue(k!), i32.of(0)), magnitude, accumulator);
          const part = factors
            .map((factor): Expression => at(factor, [k!]))
            .reduce(f32.mul, f32.abs(divisor));
          return select(f32.le(part, before), f32.sub(before, part), before);
        },
        { ordered: true },
      );
      const isDefined = i32.and(f32.lt(magnitude, INFINITY), i32.not(f32.eq(divisor, f32.of(0))));
      const signed = i32.or(rest, i32.and(dividend, SIGN));
      return select(
        i32.and(isDefined, f32.eq(divisor, divisor)),
        isFloored ? floored(signed, divisor) : signed,
        CANONICAL_NAN,
      );
    },
  });
}

/** A remainder of the dividend's sign as one of the divisor's, zeros included. */
function floored(rest: Expression, divisor: Expression): Expression {
  const sign = i32.and(divisor, SIGN);
  const isZero = f32.eq(rest, f32.of(0));
  const differs = i32.lt(i32.xor(rest, divisor), i32.of(0));
  return select(isZero, sign, select(differs, f32.add(rest, divisor), rest));
}

/** Mod, numpy's `mod` on integers and C's `fmod` with fmod=1. */
const modulo: Lowering = (context) => {
  const fmod = context.int('fmod', 0);
  ensure(fmod === 0 || fmod === 1, `fmod is ${fmod}, not 0 or 1`);
  const inputs = [context.input(0), context.input(1)];
  const type = ensureSameType(inputs);
  if (type.family === 'float') return floatRemainder(context, ...(inputs as [Tensor, Tensor]));
  ensure(type.family === 'integer', `remainders of ${type.name} are not supported`);
  const [a, b] = inputs as [Tensor, Tensor];
  const isTruncated = context.int('fmod', 0) === 1;
  const compute = (x: Expression, y: Expression): Expression => {
    const rest = i32.rem(x, y);
    if (isTruncated) return rest;
    // The remainder takes the divisor's sign: add the divisor if the signs differ and there is a remainder.
    const differs = i32.and(i32.lt(i32.xor(rest, y), i32.of(0)), i32.not(i32.eq(rest, i32.of(0))));
    return wrap(type, i32.add(rest, select(differs, y, i32.of(0))));
  };
  const range = isTruncated ? undefined : floorRemainders(boundsOf(a), boundsOf(b));
  return elementwise(context, inputs, type, compute, range);
};

/** Remainders with the divisor's sign; what is divided by 0 stays as it is. */
function floorRemainders(dividend: Range, divisor: Range): Range {
  const holdsZero = divisor.low <= 0 && divisor.high >= 0;
  return hull([
    Math.min(0, divisor.low + 1),
    Math.max(0, divisor.high - 1),
    ...(holdsZero ? [dividend.low, dividend.high] : []),
  ]);
}

/** Clip(x, min, max): bounds are attributes up to version 10, inputs after. */
const clip: Lowering = (context) => {
  const x = context.input(0);
  const { type } = x;
  const constant = (value: number) => context.constant(type, [], [value]);
  const attribute = (name: string) => (context.has(name) ? constant(context.float(name, 0)) : undefined);
  const least = context.version < 11 ? attribute('min') : context.optional(1);
  const greatest = context.version < 11 ? attribute('max') : context.optional(2);
  const low = least && heldBound(context, least, 'low');
  const high = greatest && heldBound(context, greatest, 'high');
  const larger = maximum(type);
  const smaller = minimum(type);
  const bounds = [low, high].filter((bound) => bound !== undefined);
  return elementwise(context, [x, ...bounds], type, (value, ...given) => {
    let clipped = value;
    if (low) clipped = larger(clipped, given[0] as Expression);
    if (high) clipped = smaller(clipped, given.at(-1) as Expression);
    return clipped;
  });
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__Add.html
 * @see https://onnx.ai/onnx/operators/onnx__Sub.html
 * @see https://onnx.ai/onnx/operators/onnx__Mul.html
 * @see https://onnx.ai/onnx/operators/onnx__Div.html
 * @see https://onnx.ai/onnx/operators/onnx__Mod.html
 * @see https://onnx.ai/onnx/operators/onnx__Sum.html
 * @see https://onnx.ai/onnx/operators/onnx__Max.html
 * @see https://onnx.ai/onnx/operators/onnx__Min.html
 * @see https://onnx.ai/onnx/operators/onnx__Mean.html
 * @see https://onnx.ai/onnx/operators/onnx__Neg.html
 * @see https://onnx.ai/onnx/operators/onnx__Abs.html
 * @see https://onnx.ai/onnx/operators/onnx__Sign.html
 * @see https://onnx.ai/onnx/operators/onnx__Clip.html
 * @see https://onnx.ai/onnx/operators/onnx__Reciprocal.html
 * @see https://onnx.ai/onnx/operators/onnx__Sqrt.html
 * @see https://onnx.ai/onnx/operators/onnx__Floor.html
 * @see https://onnx.ai/onnx/operators/onnx__Ceil.html
 * @see https://onnx.ai/onnx/operators/onnx__Round.html
 */
export const operators: Operators = {
  Add: arithmetic(f32.add, i32.add, (a, b) => corners(a, b, (x, y) => x + y)),
  Sub: subtract,
  Mul: arithmetic(f32.mul, i32.mul, (a, b) => corners(a, b, (x, y) => x * y)),
  Div: arithmetic(f32.div, i32.div, quotientBounds),
  Mod: modulo,
  Sum: chain(add),
  Max: chain(extremum(maximum, 'low')),
  Min: chain(extremum(minimum, 'high')),
  Mean: mean,
  Neg: negate,
  Abs: absolute,
  Sign: sign,
  Clip: clip,
  Reciprocal: unary((x) => f32.div(f32.of(1), x)),
  Sqrt: unary(f32.sqrt),
  Floor: toInteger(f32.floor, 'down'),
  Ceil: toInteger(f32.ceil, 'up'),
  Round: toInteger(f32.nearest, 'even'),
};
