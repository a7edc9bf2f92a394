import { require } from '../errors.ts';
import { f32 } from '../ir/expression.ts';
import { isConstant } from '../ir/tensor.ts';
import { at, type Lowering } from './context.ts';
import { elementwise, requireFloat } from './elementwise.ts';

/** (x - mean) / sqrt(var + epsilon) * scale + bias with given mean and variance (inference). */
const BatchNormalization: Lowering = (context) => {
  const x = context.input(0);
  const parameters = [1, 2, 3, 4].map((i) => context.input(i));
  requireFloat(x, ...parameters);
  require(x.shape.length >= 2, `the input's rank is ${x.shape.length}; at least 2 is needed`);
  require(context.int('training_mode', 0) === 0, 'training_mode must be 0');
  const channels = x.shape[1] as number;
  for (const { name, shape } of parameters) {
    require(shape.length === 1 && shape[0] === channels, `"${name}" is not of shape [${channels}]`);
  }
  const [scale, bias, mean, variance] = parameters as [typeof x, typeof x, typeof x, typeof x];
  const epsilon = f32.of(context.float('epsilon', 1e-5));
  // y = x * factor + shift, with both known at import if the parameters are.
  const factor = elementwise(context, [scale, variance], x.type, (s, v) =>
    f32.div(s, f32.sqrt(f32.add(v, epsilon))),
  );
  const shift = elementwise(context, [bias, mean, factor], x.type, (b, m, f) => f32.sub(b, f32.mul(m, f)));
  const absorbed = isConstant(factor) && isConstant(shift) ? context.rescaled(0, factor, shift) : undefined;
  if (absorbed) return absorbed;
  return context.define({
    type: x.type,
    shape: x.shape,
    channelsLast: x.shape.length > 2,
    body: (indices) => f32.add(f32.mul(at(x, indices), at(factor, [indices[1]!])), at(shift, [indices[1]!])),
  });
};

export const Normalization: Readonly<Record<string, Lowering>> = { BatchNormalization };
