import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, select } from '../../ir/expression.ts';
import { add, constantIndex, flatten, type Index, quotient, shift } from '../../ir/indices.ts';
import { isConstant, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { broadcastAt } from '../broadcast.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { floatPower } from '../math/Power.ts';
import { reducedShape } from '../math/Reductions.ts';
import { reshaped } from '../tensor/Shapes.ts';

/** Normalizations at inference. Statistics are tensors of their own: one pass for each. */

/**
 * In training mode: normalizes by the batch's own mean and variance, and yields the running ones moved towards them
 * (since version 14; before, these outputs were left to the implementation).
 */
function trainedBatchNormalization(context: Context, x: Tensor, parameters: readonly Tensor[]): Tensor[] {
  ensure(
    context.version >= 14,
    'its training outputs are defined since version 14 only; export for inference',
  );
  const [scale, bias, mean, variance] = parameters as [Tensor, Tensor, Tensor, Tensor];
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const own = statistics(context, x, axes, context.float('epsilon', 1e-5));
  const flat = (statistic: Tensor) => reshaped(context, statistic, scale.shape);
  const [ownMean, ownVariance, inverse] = [flat(own.mean), flat(own.variance), flat(own.inverse)];
  const momentum = context.float('momentum', 0.9);
  const moved = (running: Tensor, now: Tensor) =>
    elementwise(context, [running, now], running.type, (r, n) =>
      f32.add(f32.mul(r!, f32.of(momentum)), f32.mul(n!, f32.of(1 - momentum))),
    );
  const y = context.define({
    type: x.type,
    shape: x.shape,
    channelsLast: x.shape.length > 2,
    body: (indices) => {
      const channel = [indices[1]!];
      const normal = f32.mul(f32.sub(at(x, indices), at(ownMean, channel)), at(inverse, channel));
      return f32.add(f32.mul(normal, at(scale, channel)), at(bias, channel));
    },
  });
  return [y, moved(mean, ownMean), moved(variance, ownVariance)];
}

/** (x - mean) / sqrt(var + epsilon) * scale + bias with given mean and variance. */
const BatchNormalization: Lowering = (context) => {
  const x = context.input(0);
  const parameters = [1, 2, 3, 4].map((i) => context.input(i));
  ensureFloat(x, ...parameters);
  ensure(x.shape.length >= 2, `the input's rank is ${x.shape.length}; at least 2 is needed`);
  // Up to version 8, spatial 0 gives every element of an example statistics of its own.
  const isByElement = context.version < 9 && context.int('spatial', 1) === 0;
  const expected = isByElement ? x.shape.slice(1) : x.shape.slice(1, 2);
  for (const { name, shape } of parameters) {
    ensure(`${shape}` === `${expected}`, `"${name}" is of shape [${shape}], not [${expected}]`);
  }
  // Up to version 6, is_test says whether the statistics are given ones.
  const isTraining =
    context.version < 7 ? context.int('is_test', 0) === 0 : context.int('training_mode', 0) !== 0;
  if (isTraining) return trainedBatchNormalization(context, x, parameters);
  // The momentum of statistics has an effect in training only.
  context.disregard('momentum');
  const [scale, bias, mean, variance] = parameters as [Tensor, Tensor, Tensor, Tensor];
  const epsilon = f32.of(context.float('epsilon', 1e-5));
  // y = x * factor + shift, with both known at import if the parameters are.
  const factor = elementwise(context, [scale, variance], x.type, (s, v) =>
    f32.div(s, f32.sqrt(f32.add(v, epsilon))),
  );
  const moved = elementwise(context, [bias, mean, factor], x.type, (b, m, f) => f32.sub(b, f32.mul(m, f)));
  if (isByElement) {
    return elementwise(context, [x, factor, moved], x.type, (value, f, m) => f32.add(f32.mul(value, f), m));
  }
  const absorbed = isConstant(factor) && isConstant(moved) ? context.rescaled(0, factor, moved) : undefined;
  if (absorbed) return absorbed;
  return context.define({
    type: x.type,
    shape: x.shape,
    channelsLast: x.shape.length > 2,
    body: (indices) => f32.add(f32.mul(at(x, indices), at(factor, [indices[1]!])), at(moved, [indices[1]!])),
  });
};

/** The mean of `term` of each element over some axes, which keep extent 1. */
function meanOver(
  context: Context,
  x: Tensor,
  axes: readonly number[],
  term: (element: Expression, indices: readonly Index[]) => Expression,
): Tensor {
  const { shape, full } = reducedShape(x.shape, axes, true);
  const extents = axes.map((axis) => x.shape[axis] as number);
  return context.define({
    type: x.type,
    shape,
    body: (indices) => {
      const sum = fold(extents, 0, (reduced, accumulator) => {
        const element = full(indices, reduced);
        return f32.add(accumulator, term(at(x, element), element));
      });
      return f32.div(sum, f32.of(sizeOf(extents)));
    },
  });
}

/** Mean over some axes and 1 / sqrt(variance + epsilon), by two passes over the elements. */
function statistics(context: Context, x: Tensor, axes: readonly number[], epsilon: number) {
  const mean = meanOver(context, x, axes, (element) => element);
  const variance = meanOver(context, x, axes, (element, indices) => {
    const centred = f32.sub(element, broadcastAt(mean, indices));
    return f32.mul(centred, centred);
  });
  const inverse = elementwise(context, [variance], x.type, (v) =>
    f32.div(f32.of(1), f32.sqrt(f32.add(v, f32.of(epsilon)))),
  );
  return { mean, variance, inverse };
}

/** Statistics are computed in float32: stash_type names the type for it, float or (held in float32) double. */
export function ensureStash(context: Context): void {
  const code = context.int('stash_type', TYPES.float.code);
  ensure(
    code === TYPES.float.code || code === TYPES.double.code,
    `stash_type ${code} is not supported; ${TYPES.float.code} (float) is`,
  );
}

const fromAxis = (context: Context, x: Tensor): number[] => {
  const rank = x.shape.length;
  const axis = context.axis(context.int('axis', -1), rank);
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
};

/** (x - mean) / sqrt(variance + epsilon) * scale + bias over some axes; and the mean and the inverse deviation. */
export function layerNormalized(
  context: Context,
  [x, scale, bias]: readonly [Tensor, Tensor, (Tensor | undefined)?],
  axes: readonly number[],
  epsilon: number,
): [Tensor, Tensor, Tensor] {
  const { mean, inverse } = statistics(context, x, axes, epsilon);
  const inputs = [x, mean, inverse, scale, ...(bias ? [bias] : [])];
  const y = elementwise(context, inputs, x.type, (value, m, i, s, b) => {
    const normal = f32.mul(f32.mul(f32.sub(value!, m!), i!), s!);
    return b ? f32.add(normal, b) : normal;
  });
  return [y, mean, inverse];
}

const LayerNormalization: Lowering = (context) => {
  const [x, scale, bias] = [context.input(0), context.input(1), context.optional(2)];
  ensureFloat(x, scale);
  ensureStash(context);
  return layerNormalized(context, [x, scale, bias], fromAxis(context, x), context.float('epsilon', 1e-5));
};

/** x / sqrt(mean of squares + epsilon) * scale over some axes; and that square root. */
export function rmsNormalized(
  context: Context,
  [x, scale]: readonly [Tensor, Tensor],
  axes: readonly number[],
  epsilon: number,
): { readonly y: Tensor; readonly root: Tensor } {
  const square = meanOver(context, x, axes, (element) => f32.mul(element, element));
  const root = elementwise(context, [square], x.type, (value) => f32.sqrt(f32.add(value, f32.of(epsilon))));
  const y = elementwise(context, [x, root, scale], x.type, (value, r, s) => f32.mul(f32.div(value!, r!), s!));
  return { y, root };
}

const RMSNormalization: Lowering = (context) => {
  const [x, scale] = [context.input(0), context.input(1)];
  ensureFloat(x, scale);
  ensureStash(context);
  const { y, root } = rmsNormalized(
    context,
    [x, scale],
    fromAxis(context, x),
    context.float('epsilon', 1e-5),
  );
  return [y, elementwise(context, [root], x.type, (value) => f32.div(f32.of(1), value!))];
};

/** Normalizes each channel (or group of channels) of each image. */
function normalizeChannels(context: Context, x: Tensor, groups: number, perGroup: boolean): Tensor {
  const [scale, bias] = [context.input(1), context.input(2)];
  ensureFloat(x, scale, bias);
  ensure(x.shape.length >= 3, `the input's rank is ${x.shape.length}; at least 3 is needed`);
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  ensure(groups >= 1 && channels % groups === 0, `${channels} channels do not divide into ${groups} groups`);
  const size = channels / groups;
  const grouped = context.define({
    type: x.type,
    shape: [batch, groups, size, ...spatial],
    channelsLast: false,
    body: ([n, g, c, ...spatial]) => at(x, [n!, flatten([g!, c!], [groups, size]), ...spatial]),
  });
  const axes = grouped.shape.flatMap((_, i) => (i >= 2 ? [i] : []));
  const { mean, inverse } = statistics(context, grouped, axes, context.float('epsilon', 1e-5));
  return context.define({
    type: x.type,
    shape: x.shape,
    channelsLast: true,
    body: (indices) => {
      const [n, c] = indices as [Index, Index];
      const group = quotient(c, size);
      const line = [n, group, ...axes.map(() => constantIndex(0))];
      const normal = f32.mul(f32.sub(at(x, indices), at(mean, line)), at(inverse, line));
      const parameter = perGroup ? group : c;
      return f32.add(f32.mul(normal, at(scale, [parameter])), at(bias, [parameter]));
    },
  });
}

const InstanceNormalization: Lowering = (context) => {
  const x = context.input(0);
  return normalizeChannels(context, x, x.shape[1] ?? 1, false);
};

/** Up to version 20 scale and bias are by group, since then by channel. */
const GroupNormalization: Lowering = (context) => {
  ensureStash(context);
  return normalizeChannels(context, context.input(0), context.int('num_groups', 1), context.version < 21);
};

/** x / (bias + alpha/size * sum of squares over nearby channels)^beta; the usual beta is 0.75. */
const LRN: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const size = context.int('size', 1);
  const beta = context.float('beta', 0.75);
  const bias = f32.of(context.float('bias', 1));
  const scale = f32.of(context.float('alpha', 1e-4) / size);
  const roots: Readonly<Record<number, (value: Expression) => Expression>> = {
    1: (value) => value,
    0.5: f32.sqrt,
    0.75: (value) => f32.mul(f32.sqrt(value), f32.sqrt(f32.sqrt(value))),
  };
  const power = roots[beta];
  const before = Math.floor((size - 1) / 2);
  const baseAt = (indices: readonly Index[]): Expression => {
    const sum = fold([size], 0, ([k], accumulator) => {
      const channel = shift(add(indices[1]!, k!), -before);
      const element = atOr(x, [indices[0]!, channel, ...indices.slice(2)], 0);
      return f32.add(accumulator, f32.mul(element, element));
    });
    return f32.add(bias, f32.mul(scale, sum));
  };
  const common = { type: x.type, shape: x.shape, channelsLast: true };
  if (power) {
    return context.define({ ...common, body: (indices) => f32.div(at(x, indices), power(baseAt(indices))) });
  }
  const base = context.define({ ...common, body: baseAt });
  const divisor = floatPower(context, base, context.constant(x.type, [], [beta]));
  return elementwise(context, [x, divisor], x.type, f32.div);
};

const MeanVarianceNormalization: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const axes = context.axes(context.ints('axes', [0, 2, 3]), x.shape.length).sort((a, b) => a - b);
  const mean = meanOver(context, x, axes, (element) => element);
  const variance = meanOver(context, x, axes, (element, indices) => {
    const centred = f32.sub(element, broadcastAt(mean, indices));
    return f32.mul(centred, centred);
  });
  return elementwise(context, [x, mean, variance], x.type, (value, m, v) =>
    f32.div(f32.sub(value!, m!), f32.add(f32.sqrt(v!), f32.of(1e-9))),
  );
};

/** Scales each vector along an axis to length 1 (p-norm 1 or 2). */
const LpNormalization: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const axis = context.axis(context.int('axis', -1), x.shape.length);
  const p = context.int('p', 2);
  ensure(p === 1 || p === 2, `p ${p} is not 1 or 2`);
  const { shape, full } = reducedShape(x.shape, [axis], true);
  const norm = context.define({
    type: x.type,
    shape,
    body: (indices) => {
      const sum = fold([x.shape[axis] as number], 0, (reduced, accumulator) => {
        const element = at(x, full(indices, reduced));
        return f32.add(accumulator, p === 1 ? f32.abs(element) : f32.mul(element, element));
      });
      return p === 1 ? sum : f32.sqrt(sum);
    },
  });
  // A line of zeros stays one.
  return elementwise(context, [x, norm], x.type, (value, length) =>
    select(f32.eq(length!, f32.of(0)), f32.of(0), f32.div(value!, length!)),
  );
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__RMSNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__SimplifiedLayerNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__LRN.html
 * @see https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
 * @see https://onnx.ai/onnx/operators/onnx__LpNormalization.html
 */
export const operators: Operators = {
  BatchNormalization,
  LayerNormalization,
  RMSNormalization,
  SimplifiedLayerNormalization: RMSNormalization,
  InstanceNormalization,
  GroupNormalization,
  LRN,
  MeanVarianceNormalization,
  LpNormalization,
};
