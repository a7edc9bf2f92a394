import { ensure, quoted } from '../../errors.ts';
import { expm1, sigmoid, softplus, tanh } from '../../functions/index.ts';
import { type Expression, f32, select } from '../../ir/expression.ts';
import type { Context } from '../context.ts';

/** Activation functions that recurrent operators name in an attribute (ONNX operator LSTM). */
export type Activation = (x: Expression) => Expression;

interface Named {
  /** Defaults of alpha and beta; those that a function has take their values from the lists in turn. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly compute: (x: Expression, alpha: Expression, beta: Expression) => Expression;
}

const ONE = f32.of(1);
const ZERO = f32.of(0);

const NAMED: Readonly<Record<string, Named>> = {
  relu: { compute: (x) => f32.max(x, ZERO) },
  tanh: { compute: tanh },
  sigmoid: { compute: sigmoid },
  softsign: { compute: (x) => f32.div(x, f32.add(ONE, f32.abs(x))) },
  softplus: { compute: softplus },
  affine: { alpha: 1, beta: 0, compute: (x, alpha, beta) => f32.add(f32.mul(alpha, x), beta) },
  leakyrelu: { alpha: 0.01, compute: (x, alpha) => select(f32.lt(x, ZERO), f32.mul(alpha, x), x) },
  thresholdedrelu: { alpha: 1, compute: (x, alpha) => select(f32.lt(x, alpha), ZERO, x) },
  scaledtanh: { alpha: 1, beta: 1, compute: (x, alpha, beta) => f32.mul(alpha, tanh(f32.mul(beta, x))) },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    compute: (x, alpha, beta) => f32.max(ZERO, f32.min(ONE, f32.add(f32.mul(alpha, x), beta))),
  },
  elu: {
    alpha: 1,
    compute: (x, alpha) => select(f32.lt(x, ZERO), f32.mul(alpha, expm1(x)), x),
  },
};

/**
 * The functions of all directions, in order.
 *
 * @param defaults names for one direction
 */
export function activationsOf(
  context: Context,
  defaults: readonly string[],
  directions: number,
): Activation[] {
  const names = context.strings('activations') ?? Array.from({ length: directions }, () => defaults).flat();
  const count = defaults.length * directions;
  ensure(names.length === count, `${names.length} activations in place of ${count}`);
  const alphas = [...(context.floats('activation_alpha') ?? [])];
  const betas = [...(context.floats('activation_beta') ?? [])];
  return names.map((name) => {
    const named = NAMED[name.toLowerCase()];
    ensure(named, `activation ${quoted(name)} is not known`);
    const alpha = f32.of(named.alpha === undefined ? 0 : (alphas.shift() ?? named.alpha));
    const beta = f32.of(named.beta === undefined ? 0 : (betas.shift() ?? named.beta));
    return (x) => named.compute(x, alpha, beta);
  });
}
