import { type Expression, f32 } from '../ir/expression.ts';
import type { Context, Lowering } from './context.ts';
import { elementwise, maximum, requireFloat, unary } from './elementwise.ts';

/** Float activations whose attributes are numbers with a default. */
const activation =
  (
    defaults: Readonly<Record<string, number>>,
    compute: (x: Expression, values: Readonly<Record<string, Expression>>) => Expression,
  ): Lowering =>
  (context: Context) => {
    const x = context.input(0);
    requireFloat(x);
    const values = Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, f32.of(context.float(name, value))]),
    );
    return elementwise(context, [x], x.type, (element) => compute(element, values));
  };

const clamp01 = (x: Expression): Expression => f32.max(f32.of(0), f32.min(f32.of(1), x));

const Relu: Lowering = (context) => {
  const x = context.input(0);
  return elementwise(
    context,
    [x],
    x.type,
    (value) => maximum(x.type)(value, f32.of(0)),
    x.range && { low: Math.max(0, x.range.low), high: Math.max(0, x.range.high) },
  );
};

export const Activations: Readonly<Record<string, Lowering>> = {
  Relu,
  HardSigmoid: activation({ alpha: 0.2, beta: 0.5 }, (x, { alpha, beta }) =>
    clamp01(f32.add(f32.mul(alpha!, x), beta!)),
  ),
  HardSwish: unary((x) => f32.mul(x, clamp01(f32.add(f32.mul(x, f32.of(1 / 6)), f32.of(0.5))))),
};
