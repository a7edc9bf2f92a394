import { ensure, quoted } from '../../errors.ts';
import { type Expression, f32, i32, select, word } from '../../ir/expression.ts';
import { INFINITY } from '../../ir/floatWords.ts';
import type { Index } from '../../ir/indices.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { type Halves, keys } from '../../tensors/doubleBits.ts';
import { wrap } from '../../tensors/wrap.ts';
import { isNarrowed, type Range, rangeOfType, TYPES } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import { comparable } from '../comparable.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat, ensureSameType } from '../elementwise.ts';

type Binary = (a: Expression, b: Expression) => Expression;

const BOOL: Range = { low: 0, high: 1 };

type Keyed = (a: Halves, b: Halves) => Expression;

/**
 * Comparison of floats or integers; narrowed unsigned types are never negative as i32, so signed order is right.
 * Doubles are compared by their exact elements.
 */
const comparison =
  (ofFloats: Binary, ofIntegers: Binary, ofKeys: Keyed): Lowering =>
  (context) => {
    const [a, b] = [context.input(0), context.input(1)];
    const isFloat = ensureSameType([a, b]).family === 'float';
    const [first, second] = [context.doubles.exactKeys(a), context.doubles.exactKeys(b)];
    if (!first || !second)
      return elementwise(context, [a, b], TYPES.bool, isFloat ? ofFloats : ofIntegers, BOOL);
    const coordinatesIn = (x: Tensor, indices: readonly Index[]) =>
      broadcastAt(x, indices).coordinates as Index[];
    return context.define({
      type: TYPES.bool,
      shape: broadcastShapes([a.shape, b.shape]),
      range: BOOL,
      body: (indices) => ofKeys(first(coordinatesIn(a, indices)), second(coordinatesIn(b, indices))),
    });
  };

const logical =
  (compute: Binary): Lowering =>
  (context) => {
    const inputs = [context.input(0), context.input(1)];
    ensure(ensureSameType(inputs).family === 'bool', 'inputs must be bool');
    return elementwise(context, inputs, TYPES.bool, compute, BOOL);
  };

const Not: Lowering = (context) => {
  const x = context.input(0);
  ensure(x.type.family === 'bool', 'the input must be bool');
  return elementwise(context, [x], TYPES.bool, i32.not, BOOL);
};

const bitwise =
  (compute: Binary): Lowering =>
  (context) => {
    const inputs = [context.input(0), context.input(1)];
    const type = ensureSameType(inputs);
    ensure(type.family === 'integer', 'inputs must be integers');
    return elementwise(context, inputs, type, compute, bitRange(inputs));
  };

/** Bits of two numbers combined stay within the power of two above both (and their signs). */
function bitRange(inputs: readonly Tensor[]): Range {
  const most = Math.max(...inputs.flatMap((x) => [Math.abs(boundsOf(x).low) - 1, boundsOf(x).high, 0]));
  let power = 1;
  while (power <= most) power *= 2;
  return { low: inputs.every((x) => boundsOf(x).low >= 0) ? 0 : -power, high: power - 1 };
}

const BitwiseNot: Lowering = (context) => {
  const x = context.input(0);
  ensure(
    x.type.family === 'integer' && (x.type.signed || x.type.bits < 32),
    `${x.type.name} cannot be inverted in 32 bits`,
  );
  const { low, high } = boundsOf(x);
  return elementwise(
    context,
    [x],
    x.type,
    (value) => wrap(x.type, i32.xor(value, word(0xffffffff))),
    x.type.signed ? { low: -1 - high, high: -1 - low } : rangeOfType(x.type),
  );
};

/**
 * BitShift. Shifts to the right fill up with the sign; a distance below 0, or of the type's width and more, leaves the
 * fill alone.
 */
const BitShift: Lowering = (context) => {
  const [x, by] = [context.input(0), context.input(1)];
  const type = ensureSameType([x, by]);
  ensure(type.family === 'integer', `"${x.name}" is of type ${type.name}; only integers are shifted`);
  const direction = context.string('direction', '');
  ensure(direction === 'LEFT' || direction === 'RIGHT', `direction ${quoted(direction)} is not known`);
  const isLeft = direction === 'LEFT';
  const { low, high } = boundsOf(x);
  const most = 2 ** Math.max(0, Math.min(64, boundsOf(by).high));
  const range = isNarrowed(type)
    ? { low: Math.min(0, isLeft ? low * most : low), high: Math.max(0, isLeft ? high * most : high) }
    : rangeOfType(type);
  return elementwise(
    context,
    [x, by],
    type,
    (value, distance) => {
      const shifted = isLeft ? wrap(type, i32.shl(value, distance)) : i32.shrS(value, distance);
      const fill = isLeft ? i32.of(0) : i32.shrS(value, i32.of(31));
      return select(i32.ltU(distance, i32.of(Math.min(32, type.bits))), shifted, fill);
    },
    range,
  );
};

const Where: Lowering = (context) => {
  const [condition, x, y] = [context.input(0), context.input(1), context.input(2)];
  const type = ensureSameType([x, y]);
  ensure(condition.type.family === 'bool', 'the condition must be bool');
  return elementwise(context, [condition, x, y], type, select, union(x, y));
};

const union = (x: Tensor, y: Tensor): Range | undefined =>
  x.range &&
  y.range && { low: Math.min(x.range.low, y.range.low), high: Math.max(x.range.high, y.range.high) };

const IsNaN: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  return elementwise(context, [x], TYPES.bool, f32.isNaN, BOOL);
};

/** A double beyond the range of float32 is not infinite. */
const IsInf: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const [first, ...others] = [
    ...(context.int('detect_positive', 1) !== 0 ? [Number.POSITIVE_INFINITY] : []),
    ...(context.int('detect_negative', 1) !== 0 ? [Number.NEGATIVE_INFINITY] : []),
  ].map((end) => comparable(context, x, 'equal', end));
  const isEither = others.length > 0 && x.type !== TYPES.double;
  return context.define({
    type: TYPES.bool,
    shape: x.shape,
    range: BOOL,
    body: (indices) => {
      if (isEither) return f32.eq(f32.abs(at(x, indices)), INFINITY);
      return first ? others.reduce((is, test) => i32.or(is, test(indices)), first(indices)) : word(0);
    },
  });
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__Equal.html
 * @see https://onnx.ai/onnx/operators/onnx__Less.html
 * @see https://onnx.ai/onnx/operators/onnx__LessOrEqual.html
 * @see https://onnx.ai/onnx/operators/onnx__Greater.html
 * @see https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html
 * @see https://onnx.ai/onnx/operators/onnx__And.html
 * @see https://onnx.ai/onnx/operators/onnx__Or.html
 * @see https://onnx.ai/onnx/operators/onnx__Xor.html
 * @see https://onnx.ai/onnx/operators/onnx__Not.html
 * @see https://onnx.ai/onnx/operators/onnx__Where.html
 * @see https://onnx.ai/onnx/operators/onnx__BitwiseAnd.html
 * @see https://onnx.ai/onnx/operators/onnx__BitwiseOr.html
 * @see https://onnx.ai/onnx/operators/onnx__BitwiseXor.html
 * @see https://onnx.ai/onnx/operators/onnx__BitwiseNot.html
 * @see https://onnx.ai/onnx/operators/onnx__BitShift.html
 * @see https://onnx.ai/onnx/operators/onnx__IsNaN.html
 * @see https://onnx.ai/onnx/operators/onnx__IsInf.html
 */
export const operators: Operators = {
  Equal: comparison(f32.eq, i32.eq, keys.eq),
  Less: comparison(f32.lt, i32.lt, keys.lt),
  LessOrEqual: comparison(f32.le, (a, b) => i32.not(i32.lt(b, a)), keys.le),
  Greater: comparison(
    f32.gt,
    (a, b) => i32.lt(b, a),
    (a, b) => keys.lt(b, a),
  ),
  GreaterOrEqual: comparison(
    f32.ge,
    (a, b) => i32.not(i32.lt(a, b)),
    (a, b) => keys.le(b, a),
  ),
  And: logical(i32.and),
  Or: logical(i32.or),
  Xor: logical(i32.xor),
  Not,
  Where,
  BitwiseAnd: bitwise(i32.and),
  BitwiseOr: bitwise(i32.or),
  BitwiseXor: bitwise(i32.xor),
  BitwiseNot,
  BitShift,
  IsNaN,
  IsInf,
};
