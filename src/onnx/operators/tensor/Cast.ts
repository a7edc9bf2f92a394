import { ensure } from '../../errors.ts';
import { type Expression, f32, i32, select, word } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { boundsOf, type Tensor } from '../../ir/tensor.ts';
import { elementType } from '../../read/tensor.ts';
import { roundedToOdd, truncatedToI32 } from '../../tensors/doubleRounding.ts';
import type { HalvesAt } from '../../tensors/doubles.ts';
import { type Rounding, toFormat } from '../../tensors/narrowFloats.ts';
import { wrap } from '../../tensors/wrap.ts';
import { contains, type ElementType, I32_RANGE, isNarrowed, rangeOfType, TYPES } from '../../types.ts';
import { comparable } from '../comparable.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { elementwise } from '../elementwise.ts';

/** The conversion of one element, between types as their words hold them. */
function converted(from: ElementType, to: ElementType, rounding: Rounding): (x: Expression) => Expression {
  if (to.family === 'bool') {
    // Everything but zero is true, NaN included.
    return from.family === 'float'
      ? (x) => i32.not(f32.eq(x, f32.of(0)))
      : (x) => select(x, word(1), word(0));
  }
  if (to.family === 'float') {
    // float64 is held in binary32 and so has nothing to round.
    const rounded = to.format ? toFormat(to.format, rounding) : (x: Expression) => x;
    return from.family === 'float' ? rounded : (x) => rounded(f32.fromI32(x));
  }
  return from.family === 'float' ? (x) => wrap(to, i32.fromF32(x)) : (x) => wrap(to, x);
}

/** Elements of type double, truncated as they are and not as float32 has rounded them. */
function fromDouble(context: Context, x: Tensor, to: ElementType): (indices: readonly Index[]) => Expression {
  if (to.family === 'bool') {
    const isZero = comparable(context, x, 'equal', 0);
    return (indices) => i32.not(isZero(indices));
  }
  const halvesAt = context.doubles.exactHalves(x) as HalvesAt;
  return (indices) => wrap(to, truncatedToI32(halvesAt(indices)));
}

/** Floats truncate towards zero; what an integer type cannot hold wraps or saturates at 32 bits. */
export function castTo(context: Context, x: Tensor, to: ElementType): Tensor {
  const rounding = roundingTo(context, to);
  if (to === x.type) return x;
  const own = rangeOfType(to);
  const range = x.type.family === 'float' ? I32_RANGE : boundsOf(x);
  const narrow = isNarrowed(to)
    ? range
    : to.family === 'bool'
      ? { low: 0, high: 1 }
      : contains(own, range)
        ? range
        : own;
  // Unsigned targets of 32 bits and more hold what is not negative; floats give no bound, so they saturate.
  const bounds = to.family === 'float' ? undefined : narrow;
  if (x.type === TYPES.double && to.family !== 'float') {
    return context.define({ type: to, shape: x.shape, range: narrow, body: fromDouble(context, x, to) });
  }
  const halvesAt = to.format && context.doubles.halvesOf(x);
  if (halvesAt) {
    // Rounded once: not to float32 first.
    const body = (indices: readonly Index[]) =>
      toFormat(to.format!, rounding)(roundedToOdd(halvesAt(indices)));
    return context.exact(context.define({ type: to, shape: x.shape, body }));
  }
  return context.doubles.widened(
    context.exact(elementwise(context, [x], to, converted(x.type, to, rounding), bounds)),
    x,
  );
}

const MODES = ['up', 'down', 'nearest'] as const;

/** Attributes of conversions to floats of 8 bits and fewer; longer ones become infinite where they overflow. */
function roundingTo(context: Context, to: ElementType): Rounding {
  const saturate = context.int('saturate', 1) !== 0;
  const name = context.string('round_mode', 'up');
  const mode = MODES.find((one) => one === name);
  ensure(mode, `round_mode ${name} is not one of ${MODES.join(', ')}`);
  return to.bits > 8 ? {} : { saturate, mode };
}

const Cast: Lowering = (context) => castTo(context, context.input(0), elementType(context.int('to', 0)));

/** Casts to the type of the second input, whose elements do not matter. */
const CastLike: Lowering = (context) => castTo(context, context.input(0), context.input(1).type);

/**
 * @see https://onnx.ai/onnx/operators/onnx__Cast.html
 * @see https://onnx.ai/onnx/operators/onnx__CastLike.html
 */
export const operators: Operators = { Cast, CastLike };
