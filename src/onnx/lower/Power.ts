import { ensure } from '../errors.ts';
import { log2Pair, powFrom } from '../functions/power.ts';
import { type Expression, f32, i32 } from '../ir/expression.ts';
import type { Tensor } from '../ir/tensor.ts';
import { type Context, type Lowering, numbersOf } from './context.ts';
import { boundsOf, corners, elementwise, isNarrowed, wrap } from './elementwise.ts';

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
export const Pow: Lowering = (context) => {
  const [x, y] = [context.input(0), context.input(1)];
  const known = knownExponent(y);
  if (x.type.family === 'integer') return integerPower(context, x, y, known);
  ensure(x.type.family === 'float', `${x.type.name} has no powers`);
  const simple = known === undefined ? undefined : SIMPLE[known];
  // A float power of 0.5 is the square root except at -infinity and -0, where pow gives +infinity and +0.
  if (simple) return elementwise(context, [x, y], x.type, simple);
  const exponent = (value: Expression) => (y.type.family === 'float' ? value : f32.fromI32(value));
  const log = (part: 'high' | 'low') =>
    elementwise(context, [x], x.type, (value) => log2Pair(f32.abs(value))[part]);
  return elementwise(context, [x, y, log('high'), log('low')], x.type, (value, by, high, low) =>
    powFrom({ high: high!, low: low! }, value!, exponent(by!)),
  );
};

function integerPower(context: Context, x: Tensor, y: Tensor, n: number | undefined): Tensor {
  ensure(
    n !== undefined && Number.isInteger(n) && n >= 0 && n <= 32,
    'integers need a known exponent from 0 to 32',
  );
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
