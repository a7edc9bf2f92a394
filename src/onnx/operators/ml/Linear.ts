import { ensure } from '../../errors.ts';
import { f32 } from '../../ir/expression.ts';
import { constantIndex } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { matrixProduct } from '../math/Matrix.ts';
import { firstGreatest, labelled, labelsOf, ZERO_OR_ONE } from './classes.ts';
import { floatRowsOf } from './rows.ts';
import { namedTransform, transformed, twoFromOne } from './transform.ts';
import { plus } from './votes.ts';

/** Linear models: rows times coefficients, plus intercepts. */

/** @param targets rows of the matrix that `coefficients` holds */
export function products(context: Context, x: Tensor, name: string, targets: number): Tensor {
  const features = x.shape[1] as number;
  const given = context.floats(name) ?? [];
  ensure(
    given.length === targets * features,
    `${name} has ${given.length} entries, for ${targets} targets of ${features} features`,
  );
  const turned = Array.from(
    { length: given.length },
    (_, i) => given[(i % targets) * features + Math.floor(i / targets)] as number,
  );
  return matrixProduct(context, x, context.constant(TYPES.float, [features, targets], turned));
}

const LinearRegressor: Lowering = (context) => {
  const targets = context.int('targets', 1);
  const scores = products(context, floatRowsOf(context), 'coefficients', targets);
  const intercepts = context.floats('intercepts') ?? [];
  const moved = intercepts.length === targets ? plus(context, scores, intercepts) : scores;
  return transformed(context, moved, namedTransform(context));
};

const LinearClassifier: Lowering = (context) => {
  const labels = labelsOf(context, 'classlabels_strings', 'classlabels_ints');
  const intercepts = context.floats('intercepts') ?? [];
  // multi_class says how the model was trained; post_transform alone decides what happens to the scores.
  context.disregard('multi_class');
  const transform = namedTransform(context);
  const x = floatRowsOf(context);
  const rows = x.shape[0] as number;
  ensure(intercepts.length > 0, 'it has no intercepts');
  const scores = plus(context, products(context, x, 'coefficients', intercepts.length), intercepts);
  if (intercepts.length > 1) {
    ensure(labels.count === intercepts.length, `${intercepts.length} scores for ${labels.count} labels`);
    return [
      labelled(context, labels, rows, firstGreatest(context, scores)),
      transformed(context, scores, transform),
    ];
  }
  // One score decides between two classes.
  const two = labels.count === 2 ? labels : { count: 2, integers: labels.integers && ZERO_OR_ONE };
  const label = labelled(context, two, rows, (row) => f32.gt(at(scores, [row, constantIndex(0)]), f32.of(0)));
  return [
    label,
    labels.count === 2
      ? twoFromOne(context, scores, transform, true)
      : transformed(context, scores, transform),
  ];
};

/**
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html
 */
export const operators: Operators = {
  'ai.onnx.ml.LinearClassifier': LinearClassifier,
  'ai.onnx.ml.LinearRegressor': LinearRegressor,
};
