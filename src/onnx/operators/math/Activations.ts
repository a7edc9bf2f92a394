import { ensure } from '../../errors.ts';
import { erf, exp, expm1, log, sigmoid, softplus, tanh } from '../../functions/index.ts';
import { type Expression, f32, i32, select } from '../../ir/expression.ts';
import { comparable } from '../comparable.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat, ensureSameType, maximum, rising, unary } from '../elementwise.ts';
import { reshaped } from '../tensor/Shapes.ts';

type Values = Readonly<Record<string, Expression>>;

/** Float activations whose attributes are numbers with a default. */
const activation =
  (
    defaults: Readonly<Record<string, number>>,
    compute: (x: Expression, values: Values) => Expression,
  ): Lowering =>
  (context: Context) => {
    const x = context.input(0);
    ensureFloat(x);
    const values = Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, f32.of(context.float(name, value))]),
    );
    return elementwise(context, [x], x.type, (element) => compute(element, values));
  };

const ONE = f32.of(1);
const ZERO = f32.of(0);
const HALF = f32.of(0.5);

const clamp01 = (x: Expression): Expression => f32.max(ZERO, f32.min(ONE, x));
const isNegative = (x: Expression): Expression => f32.lt(x, ZERO);

const Relu: Lowering = (context) => {
  const x = context.input(0);
  const zero = x.type.family === 'float' ? ZERO : i32.of(0);
  return elementwise(
    context,
    [x],
    x.type,
    (value) => maximum(x.type)(value, zero),
    x.range && { low: Math.max(0, x.range.low), high: Math.max(0, x.range.high) },
  );
};

/** Up to version 6 a list of slopes is one for each channel; since then the slopes broadcast. */
const PRelu: Lowering = (context) => {
  const [x, given] = [context.input(0), context.input(1)];
  ensureFloat(x, given);
  const isByChannel = context.version < 7 && given.shape.length === 1 && given.shape[0] !== 1;
  const slope = isByChannel
    ? reshaped(context, given, [given.shape[0] as number, ...x.shape.slice(2).map(() => 1)])
    : given;
  return elementwise(context, [x, slope], x.type, (value, by) =>
    select(isNegative(value), f32.mul(value, by), value),
  );
};

const SQRT_HALF = f32.of(Math.SQRT1_2);
const SQRT_2_OVER_PI = f32.of(Math.sqrt(2 / Math.PI));

/** x/2 (1 + erf(x / sqrt 2)), or its tanh form (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Expression): Expression =>
  f32.mul(f32.mul(HALF, x), f32.add(ONE, erf(f32.mul(x, SQRT_HALF))));
export const geluTanh = (x: Expression): Expression => {
  const cube = f32.mul(f32.mul(x, x), x);
  const inner = f32.mul(SQRT_2_OVER_PI, f32.add(x, f32.mul(f32.of(0.044715), cube)));
  return f32.mul(f32.mul(HALF, x), f32.add(ONE, tanh(inner)));
};

const Gelu: Lowering = (context) => {
  const approximate = context.string('approximate', 'none');
  ensure(approximate === 'none' || approximate === 'tanh', `approximate ${approximate} is not known`);
  return unary(approximate === 'none' ? gelu : geluTanh)(context);
};

/** SwiGLU(a, b): a sigmoid(alpha a) b (Shazeer, GLU Variants Improve Transformer, 2020). */
const SwiGLU: Lowering = (context) => {
  const [a, b] = [context.input(0), context.input(1)];
  ensureFloat(a);
  const type = ensureSameType([a, b]);
  ensure(`${a.shape}` === `${b.shape}`, `shapes [${a.shape}] and [${b.shape}] are not the same`);
  const alpha = f32.of(context.float('alpha', 1));
  return elementwise(context, [a, b], type, (gate, value) =>
    f32.mul(f32.mul(gate, sigmoid(f32.mul(alpha, gate))), value),
  );
};

/** x + bias below -lambd, x - bias above lambd, 0 between (ONNX operator Shrink). */
const Shrink: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const lambd = context.float('lambd', 0.5);
  const bias = f32.of(context.float('bias', 0));
  const [isBelow, isAbove] = [
    comparable(context, x, 'below', -lambd),
    comparable(context, x, 'above', lambd),
  ];
  return context.define({
    type: x.type,
    shape: x.shape,
    body: (indices) => {
      const value = at(x, indices);
      const upper = select(isAbove(indices), f32.sub(value, bias), ZERO);
      return select(isBelow(indices), f32.add(value, bias), upper);
    },
  });
};

/** x above alpha, else 0. */
const ThresholdedRelu: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const isAbove = comparable(context, x, 'above', context.float('alpha', 1));
  return context.define({
    type: x.type,
    shape: x.shape,
    body: (indices) => select(isAbove(indices), at(x, indices), ZERO),
  });
};

/** The first version has its defaults with five digits. */
const Selu: Lowering = (context) =>
  activation(
    context.version < 6
      ? { alpha: 1.6732, gamma: 1.0507 }
      : { alpha: 1.6732631921768188, gamma: 1.0507010221481323 },
    selu,
  )(context);

const selu = (x: Expression, { alpha, gamma }: Values): Expression =>
  f32.mul(gamma!, select(f32.lt(ZERO, x), x, f32.mul(alpha!, expm1(x))));

/**
 * @see https://onnx.ai/onnx/operators/onnx__Relu.html
 * @see https://onnx.ai/onnx/operators/onnx__PRelu.html
 * @see https://onnx.ai/onnx/operators/onnx__Gelu.html
 * @see https://onnx.ai/onnx/operators/onnx__SwiGLU.html
 * @see https://onnx.ai/onnx/operators/onnx__Exp.html
 * @see https://onnx.ai/onnx/operators/onnx__Log.html
 * @see https://onnx.ai/onnx/operators/onnx__Tanh.html
 * @see https://onnx.ai/onnx/operators/onnx__Sigmoid.html
 * @see https://onnx.ai/onnx/operators/onnx__Softplus.html
 * @see https://onnx.ai/onnx/operators/onnx__Erf.html
 * @see https://onnx.ai/onnx/operators/onnx__Softsign.html
 * @see https://onnx.ai/onnx/operators/onnx__Swish.html
 * @see https://onnx.ai/onnx/operators/onnx__Mish.html
 * @see https://onnx.ai/onnx/operators/onnx__HardSwish.html
 * @see https://onnx.ai/onnx/operators/onnx__HardSigmoid.html
 * @see https://onnx.ai/onnx/operators/onnx__LeakyRelu.html
 * @see https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html
 * @see https://onnx.ai/onnx/operators/onnx__Elu.html
 * @see https://onnx.ai/onnx/operators/onnx__Celu.html
 * @see https://onnx.ai/onnx/operators/onnx__Selu.html
 * @see https://onnx.ai/onnx/operators/onnx__Shrink.html
 */
export const operators: Operators = {
  Relu,
  PRelu,
  Gelu,
  SwiGLU,
  Exp: rising(exp),
  Log: rising(log),
  Tanh: rising(tanh),
  Sigmoid: rising(sigmoid),
  Softplus: rising(softplus),
  Erf: rising(erf),
  Softsign: unary((x) => f32.div(x, f32.add(ONE, f32.abs(x)))),
  Swish: activation({ alpha: 1 }, (x, { alpha }) => f32.mul(x, sigmoid(f32.mul(alpha!, x)))),
  Mish: unary((x) => f32.mul(x, tanh(softplus(x)))),
  HardSwish: unary((x) => f32.mul(x, clamp01(f32.add(f32.mul(x, f32.of(1 / 6)), HALF)))),
  HardSigmoid: activation({ alpha: 0.2, beta: 0.5 }, (x, { alpha, beta }) =>
    clamp01(f32.add(f32.mul(alpha!, x), beta!)),
  ),
  LeakyRelu: activation({ alpha: 0.01 }, (x, { alpha }) => select(isNegative(x), f32.mul(alpha!, x), x)),
  ThresholdedRelu,
  Elu: activation({ alpha: 1 }, (x, { alpha }) => select(isNegative(x), f32.mul(alpha!, expm1(x)), x)),
  Celu: activation({ alpha: 1 }, (x, { alpha }) =>
    f32.add(f32.max(ZERO, x), f32.min(ZERO, f32.mul(alpha!, expm1(f32.div(x, alpha!))))),
  ),
  Selu,
  Shrink,
};
