import type { FloatFormat } from '../../src/onnx/floatFormats.ts';

/** A number rounded to a 16-bit format by exact arithmetic in binary64: to nearest, ties to even. */
export function roundTo({ fractionBits, bias, greatest }: FloatFormat, x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const magnitude = Math.abs(x);
  let exponent = 1 - bias;
  while (2 ** (exponent + 1) <= magnitude) exponent++;
  // Powers of two scale exactly; a quotient below 2^53 has an exact floor and rest.
  const unit = 2 ** (exponent - fractionBits);
  const below = Math.floor(magnitude / unit);
  const rest = magnitude / unit - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  const rounded = (below + Number(isUp)) * unit;
  return Math.sign(x) * (rounded > greatest ? Number.POSITIVE_INFINITY : rounded);
}
