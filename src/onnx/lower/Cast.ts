import { ensure } from '../errors.ts';
import { type Expression, f32, i32, select, word } from '../ir/expression.ts';
import type { Tensor } from '../ir/tensor.ts';
import { elementType } from '../read/tensor.ts';
import { contains, type ElementType, I32_RANGE, rangeOfType, TYPES } from '../types.ts';
import type { Context, Lowering } from './context.ts';
import { boundsOf, elementwise, isNarrowed, wrap } from './elementwise.ts';
import { toBfloat16, toFloat16 } from './halfFloats.ts';

/** The conversion of one element, between types as their words hold them. */
function converted(from: ElementType, to: ElementType): (x: Expression) => Expression {
  if (to.family === 'bool') {
    // Everything but zero is true, NaN included.
    return from.family === 'float'
      ? (x) => i32.not(f32.eq(x, f32.of(0)))
      : (x) => select(x, word(1), word(0));
  }
  if (from.family === 'float') {
    if (to.family === 'float') return rounded(to);
    return (x) => wrap(to, i32.fromF32(x));
  }
  return to.family === 'float' ? (x) => rounded(to)(f32.fromI32(x)) : (x) => wrap(to, x);
}

/** A float as another float type holds it; float64 is held in binary32 and so has nothing to round. */
function rounded(to: ElementType): (x: Expression) => Expression {
  return to === TYPES.float16 ? toFloat16 : to === TYPES.bfloat16 ? toBfloat16 : (x) => x;
}

/** Floats truncate towards zero; what an integer type cannot hold wraps or saturates at 32 bits. */
function castTo(context: Context, x: Tensor, to: ElementType): Tensor {
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
  return elementwise(context, [x], to, converted(x.type, to), bounds);
}

const Cast: Lowering = (context) => castTo(context, context.input(0), elementType(context.int('to', 0)));

/** To the type of the second input, whose elements do not matter. */
const CastLike: Lowering = (context) => castTo(context, context.input(0), context.input(1).type);

/** The same bits as another type; what is held in wider words than it has bits cannot be. */
const BitCast: Lowering = (context) => {
  const x = context.input(0);
  const to = elementType(context.int('to', 0));
  const isPlain = (type: ElementType): boolean =>
    type === TYPES.float || (type.family === 'integer' && type.bits <= 32);
  ensure(
    isPlain(x.type) && isPlain(to) && x.type.bits === to.bits,
    `the bits of ${x.type.name} cannot be taken for ${to.name}`,
  );
  const range = to.family === 'float' ? undefined : rangeOfType(to);
  return elementwise(context, [x], to, (value) => wrap(to, value), range);
};

export const Casts: Readonly<Record<string, Lowering>> = { Cast, CastLike, BitCast };
