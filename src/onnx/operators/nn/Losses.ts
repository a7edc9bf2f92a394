import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, select } from '../../ir/expression.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { logSoftmaxAlong } from '../math/Softmax.ts';

/** Losses: how far scores are from the classes that they should name. */

const ZERO = f32.of(0);

/** The sum of all elements. */
const total = (context: Context, x: Tensor): Tensor =>
  context.define({
    type: x.type,
    shape: [],
    body: () => fold(x.shape, 0, (indices, accumulator) => f32.add(accumulator, at(x, indices))),
  });

/**
 * -x[n, target, …] * weight[target] at each position of `target`, 0 where the target is `ignore_index`; then the mean
 * (by the sum of the weights), the sum, or neither.
 *
 * @param x logarithms of probabilities, classes along dimension 1
 */
function negativeLogLikelihood(
  context: Context,
  x: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
): Tensor {
  ensureFloat(x, ...(weight ? [weight] : []));
  ensure(target.type.family === 'integer', `"${target.name}" is of type ${target.type.name}, not an integer`);
  const [batch, classes, ...spatial] = x.shape;
  ensure(
    classes !== undefined && `${target.shape}` === `${[batch, ...spatial]}`,
    `targets of shape [${target.shape}] do not fit scores of shape [${x.shape}]`,
  );
  ensure(!weight || `${weight.shape}` === `${classes}`, `the weights are not of shape [${classes}]`);
  const ignored = context.has('ignore_index') ? i32.of(context.int('ignore_index', 0)) : undefined;
  const unlessIgnored = (value: Expression, label: Expression): Expression =>
    ignored ? select(i32.eq(label, ignored), ZERO, value) : value;
  const weightOf = (label: ReturnType<typeof at>): Expression =>
    unlessIgnored(weight ? reading(weight, [{ gathered: label }], 0) : f32.of(1), label);
  const losses = context.define({
    type: x.type,
    shape: target.shape,
    body: (indices) => {
      const label = at(target, indices);
      const [n, ...rest] = indices;
      const score = f32.neg(reading(x, [n!, { gathered: label }, ...rest], 0));
      return unlessIgnored(weight ? f32.mul(score, weightOf(label)) : score, label);
    },
  });
  const reduction = context.string('reduction', 'mean');
  if (reduction === 'none') return losses;
  const sum = total(context, losses);
  if (reduction === 'sum') return sum;
  ensure(reduction === 'mean', `reduction ${reduction} is not known`);
  if (!weight && !ignored) {
    return elementwise(context, [sum], x.type, (all) => f32.div(all, f32.of(sizeOf(target.shape))));
  }
  const weights = context.define({
    type: x.type,
    shape: target.shape,
    body: (indices) => weightOf(at(target, indices)),
  });
  return elementwise(context, [sum, total(context, weights)], x.type, f32.div);
}

const NegativeLogLikelihoodLoss: Lowering = (context) =>
  negativeLogLikelihood(context, context.input(0), context.input(1), context.optional(2));

const SoftmaxCrossEntropyLoss: Lowering = (context) => {
  const scores = context.input(0);
  ensureFloat(scores);
  const logarithms = logSoftmaxAlong(context, scores, 1);
  return [negativeLogLikelihood(context, logarithms, context.input(1), context.optional(2)), logarithms];
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html
 * @see https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html
 */
export const operators: Operators = {
  NegativeLogLikelihoodLoss,
  SoftmaxCrossEntropyLoss,
};
