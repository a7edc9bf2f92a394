import { EXPONENT_BIAS, FRACTION_WIDTH } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { type FloatFormat, FORMATS } from '../../floatFormats.ts';
import { type Expression, f32, i32, select, word } from '../../ir/expression.ts';
import { CANONICAL_NAN, INFINITY } from '../../ir/floatWords.ts';
import { elementType } from '../../read/tensor.ts';
import { wrap } from '../../tensors/wrap.ts';
import { type ElementType, rangeOfType } from '../../types.ts';
import type { Lowering, Operators } from '../context.ts';
import { elementwise } from '../elementwise.ts';

/** The same bits as another type. Of a NaN it is only kept that it is one: a program has one NaN. */

const bitMask = (bits: number): Expression => word(2 ** bits - 1);

/** The code of a number that a format has. */
function codeOf(of: FloatFormat, x: Expression): Expression {
  const { bits, exponentBits, fractionBits, bias } = of;
  const magnitude = f32.abs(x);
  const kept = i32.shrU(magnitude, i32.of(FRACTION_WIDTH - fractionBits));
  if (of === FORMATS.float8e8m0) return kept;
  const normal = i32.sub(kept, i32.of((EXPONENT_BIAS - bias) * 2 ** fractionBits));
  // The reciprocal of the least subnormal number is too great for binary32 where the exponents are the same.
  const subnormal =
    bias === EXPONENT_BIAS ? normal : i32.fromF32(f32.mul(magnitude, f32.of(2 ** (bias - 1 + fractionBits))));
  const finite = select(i32.lt(magnitude, f32.of(2 ** (1 - bias))), subnormal, normal);
  const sign = i32.and(i32.shrU(x, i32.of(32 - bits)), word(2 ** (bits - 1)));
  const full = (2 ** exponentBits - 1) * 2 ** fractionBits;
  switch (of.special) {
    case 'ieee': {
      const nan = word(full + 2 ** (fractionBits - 1));
      return select(f32.isNaN(x), nan, i32.or(sign, select(i32.eq(magnitude, INFINITY), word(full), finite)));
    }
    case 'full':
      return select(f32.isNaN(x), bitMask(bits - 1), i32.or(sign, finite));
    case 'negative zero':
      return select(f32.isNaN(x), word(2 ** (bits - 1)), i32.or(sign, finite));
    case 'none':
      return i32.or(sign, finite);
  }
}

/** The number with a code. */
function numberOf(of: FloatFormat, code: Expression): Expression {
  const { bits, exponentBits, fractionBits, bias } = of;
  const lift = i32.of(FRACTION_WIDTH - fractionBits);
  if (of === FORMATS.float8e8m0) {
    const power = select(i32.eq(code, i32.of(0)), word(0x00400000), i32.shl(code, lift));
    return select(i32.eq(code, i32.of(255)), CANONICAL_NAN, power);
  }
  const magnitude = i32.and(code, bitMask(bits - 1));
  const sign = i32.shl(i32.shrU(code, i32.of(bits - 1)), i32.of(31));
  const lifted = i32.add(i32.shl(magnitude, lift), word((EXPONENT_BIAS - bias) * 2 ** FRACTION_WIDTH));
  const unit = f32.of(2 ** (1 - bias - fractionBits));
  const finite =
    bias === EXPONENT_BIAS
      ? lifted
      : select(i32.lt(magnitude, i32.of(2 ** fractionBits)), f32.mul(f32.fromI32(magnitude), unit), lifted);
  const signed = i32.or(sign, finite);
  const full = i32.of((2 ** exponentBits - 1) * 2 ** fractionBits);
  switch (of.special) {
    case 'ieee': {
      const infinite = select(i32.eq(magnitude, full), i32.or(sign, INFINITY), signed);
      return select(i32.lt(full, magnitude), CANONICAL_NAN, infinite);
    }
    case 'full':
      return select(i32.eq(magnitude, bitMask(bits - 1)), CANONICAL_NAN, signed);
    case 'negative zero':
      return select(i32.eq(code, word(2 ** (bits - 1))), CANONICAL_NAN, signed);
    case 'none':
      return signed;
  }
}

/** A type's bits as an unsigned number, and back. */
function bitsOf(type: ElementType, x: Expression): Expression {
  if (type.format) return codeOf(type.format, x);
  return type.bits === 32 ? x : i32.and(x, bitMask(type.bits));
}

function wordOf(type: ElementType, bits: Expression): Expression {
  if (type.format) return numberOf(type.format, bits);
  return type.family === 'bool' ? select(bits, word(1), word(0)) : wrap(type, bits);
}

const BitCast: Lowering = (context) => {
  const x = context.input(0);
  const to = elementType(context.int('to', 0));
  ensure(
    x.type.bits === to.bits && to.bits <= 32,
    `the bits of ${x.type.name} cannot be taken for ${to.name}`,
  );
  const range = to.family === 'float' ? undefined : rangeOfType(to);
  return elementwise(context, [x], to, (value) => wordOf(to, bitsOf(x.type, value)), range);
};

/** @see https://onnx.ai/onnx/operators/onnx__BitCast.html */
export const operators: Operators = { BitCast };
