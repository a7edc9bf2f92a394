import { type Expression, f32 } from '../ir/expression.ts';

/** Sum of coefficients[i] * x^i, by Horner's rule from the highest degree down. */
export function polynomial(x: Expression, coefficients: readonly number[]): Expression {
  const [highest = 0, ...others] = [...coefficients].reverse();
  return others.reduce<Expression>((sum, c) => f32.add(f32.mul(sum, x), f32.of(c)), f32.of(highest));
}
