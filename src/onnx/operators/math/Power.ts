import { ensure } from '../../errors.ts';
import { floatExponent, integerExponent, log2Pair, powFrom } from '../../functions/power.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { wrap } from '../../tensors/wrap.ts';
import { isNarrowed, TYPES } from '../../types.ts';
import { broadcastAt, broadcastShapes } from '../broadcast.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { corners, elementwise } from '../elementwise.ts';
import { numbersOf } from '../value.ts';

/** The exponent if it is one number, known at import. */
function knownExponent(y: Tensor): number | undefined {
  const [first, ...others] = numbersOf(y) ?? [];
  return others.every((other) => other === first) ? first : undefined;
}

/** x^n for a small integer n >= 0 by repeated squaring. */
function powerOf(
  x: Expression,
  n: number,
  multiply: (a: Expression, b: Expression) => Expression,
): Expression {
  if (n === 1) return x;
  const half = powerOf(x, Math.floor(n / 2), multiply);
  const square = multiply(half, half);
  return n % 2 === 0 ? square : multiply(square, x);
}

/** Exponents whose powers are a few instructions; others go by logarithm and exponential. */
const SIMPLE: Readonly<Record<number, (x: Expression) => Expression>> = {
  0: () => f32.of(1),
  1: (x) => x,
  2: (x) => f32.mul(x, x),
  3: (x) => f32.mul(f32.mul(x, x), x),
  [-1]: (x) => f32.div(f32.of(1), x),
};

/** Pow(x, y) in the type of x. */
const Pow: Lowering = (context) => {
  const [x, y] = [context.input(0), context.input(1)];
  const known = knownExponent(y);
  if (x.type.family === 'integer') return integerPower(context, x, y, known);
  ensure(x.type.family === 'float', `${x.type.name} has no powers`);
  const simple = known === undefined ? undefined : SIMPLE[known];
  // A float power of 0.5 is the square root except at -infinity and -0, where pow gives +infinity and +0.
  if (simple) return elementwise(context, [x, y], x.type, simple);
  return floatPower(context, x, y);
};

/** x^y by the logarithm and the exponential, each in a loop of its own if it must be. */
export function floatPower(context: Context, x: Tensor, y: Tensor): Tensor {
  const exponent = y.type.family === 'float' ? floatExponent : integerExponent;
  const log = (part: 'high' | 'low') =>
    elementwise(context, [x], x.type, (value) => log2Pair(f32.abs(value))[part]);
  return elementwise(context, [x, y, log('high'), log('low')], x.type, (value, by, high, low) =>
    powFrom({ high: high!, low: low! }, value!, exponent(by!)),
  );
}

/** An integer to a power; a float exponent must be known, because what its logarithm rounds may be an integer. */
function integerPower(context: Context, x: Tensor, y: Tensor, n: number | undefined): Tensor {
  if (n === undefined || !Number.isInteger(n) || n < 0 || n > 32)
    return byBits(context, x, wholeExponents(context, y));
  const range = isNarrowed(x.type)
    ? corners(boundsOf(x), boundsOf(x), (a, b) => (n % 2 ? a ** n : Math.abs(a * b) ** (n / 2)))
    : undefined;
  const bounds = range && { low: Math.min(0, range.low), high: range.high };
  return elementwise(
    context,
    [x, y],
    x.type,
    (value) => wrap(x.type, n === 0 ? i32.of(1) : powerOf(value!, n, i32.mul)),
    bounds,
  );
}

function wholeExponents(context: Context, y: Tensor): Tensor {
  if (y.type.family === 'integer') return y;
  const values = context.known(1, 'the exponent of an integer');
  ensure(values.every(Number.isInteger), 'integers need whole exponents; cast the base to float');
  return context.constant(TYPES.int32, y.shape, values);
}

/** Binary exponentiation from the highest bit: the power so far is squared, and multiplied by x where the bit is set. */
function byBits(context: Context, x: Tensor, y: Tensor): Tensor {
  const [base, exponent] = [boundsOf(x), boundsOf(y)];
  const most = Math.max(1, Math.abs(base.low), Math.abs(base.high)) ** Math.max(0, exponent.high);
  return context.define({
    type: x.type,
    shape: broadcastShapes([x.shape, y.shape]),
    ...(isNarrowed(x.type) ? { range: { low: base.low < 0 ? -most : 0, high: most } } : {}),
    body: (indices) => {
      const [value, by] = [broadcastAt(x, indices), broadcastAt(y, indices)];
      const power = fold(
        [32],
        1,
        ([k], accumulator) => {
          const bit = i32.and(i32.shrU(by, i32.sub(i32.of(31), indexValue(k!))), i32.of(1));
          const square = i32.mul(accumulator, accumulator);
          return select(bit, i32.mul(square, value), square);
        },
        { ordered: true },
      );
      // The inverse of anything but ±1 is less than 1, and cut off to 0.
      const isUnit = i32.ltU(i32.add(value, i32.of(1)), i32.of(3));
      const isFraction = i32.and(i32.lt(by, i32.of(0)), i32.not(isUnit));
      return wrap(x.type, select(isFraction, i32.of(0), power));
    },
  });
}

/** @see https://onnx.ai/onnx/operators/onnx__Pow.html */
export const operators: Operators = { Pow };
