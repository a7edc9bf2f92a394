import { ensure } from '../../errors.ts';
import { f32, select } from '../../ir/expression.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { labelsOf } from './classes.ts';
import { ofMany, ofOne, ofTwo } from './decision.ts';
import type { Forest } from './forest.ts';
import { numbers, readEnsemble, readTreeEnsemble } from './readForest.ts';
import { rowsOf } from './rows.ts';
import { namedTransform, TRANSFORMS, type Transform, transformed } from './transform.ts';
import { AGGREGATES, AGGREGATIONS, type Aggregate, plus, scored } from './votes.ts';

/** Tree ensembles, with onnxruntime's conventions where ai.onnx.ml leaves something open. */

/** Scores of a regression: averaged if asked for, moved by the base values. */
function regression(
  context: Context,
  forest: Forest,
  targets: number,
  aggregate: Aggregate,
  base: readonly number[],
  transform: Transform,
): Tensor {
  const { scores } = scored(context, rowsOf(context), forest, targets, aggregate);
  ensure(
    base.length === 0 || base.length === targets,
    `base_values has ${base.length} entries, for ${targets} targets`,
  );
  const { absent } = AGGREGATIONS[aggregate];
  const finished = elementwise(context, [scores], TYPES.float, (score) => {
    if (aggregate === 'AVERAGE') return f32.div(score, f32.of(forest.roots.length));
    return absent === 0 ? score : select(f32.eq(score, f32.of(absent)), f32.of(0), score);
  });
  const moved = base.length > 0 ? plus(context, finished, base) : finished;
  return transformed(context, moved, transform);
}

function named<T extends string>(what: string, names: readonly T[], name: string | undefined): T {
  ensure((names as readonly (string | undefined)[]).includes(name), `${what} ${name} is not known`);
  return name as T;
}

const TreeEnsembleRegressor: Lowering = (context) => {
  const targets = context.int('n_targets', 0);
  const aggregate = named('aggregate_function', AGGREGATES, context.string('aggregate_function', 'SUM'));
  const transform = namedTransform(context);
  const forest = readEnsemble(context, 'target');
  return regression(context, forest, targets, aggregate, numbers(context, 'base_values'), transform);
};

const TreeEnsemble: Lowering = (context) => {
  const aggregate = named('aggregate_function', AGGREGATES, AGGREGATES[context.int('aggregate_function', 1)]);
  const transform = named('post_transform', TRANSFORMS, TRANSFORMS[context.int('post_transform', 0)]);
  const targets = context.int('n_targets', 0);
  const y = regression(context, readTreeEnsemble(context), targets, aggregate, [], transform);
  // The result is of the input's type, which may be double.
  return elementwise(context, [y], context.input(0).type, (score) => score);
};

const TreeEnsembleClassifier: Lowering = (context) => {
  const labels = labelsOf(context, 'classlabels_strings', 'classlabels_int64s');
  const transform = namedTransform(context);
  const forest = readEnsemble(context, 'class');
  const base = numbers(context, 'base_values');
  const many = labels.count > 2;
  ensure(
    base.length === 0 || (many ? base.length === labels.count : base.length <= labels.count),
    `base_values has ${base.length} entries, for ${labels.count} classes`,
  );
  const made = scored(context, rowsOf(context), forest, labels.count, 'SUM');
  if (many) return ofMany(context, made, labels, base, transform);
  if (labels.count === 1) return ofOne(context, made, labels, base, transform);
  return ofTwo(context, made, labels, base, transform, forest);
};

/**
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
 */
export const operators: Operators = {
  'ai.onnx.ml.TreeEnsemble': TreeEnsemble,
  'ai.onnx.ml.TreeEnsembleClassifier': TreeEnsembleClassifier,
  'ai.onnx.ml.TreeEnsembleRegressor': TreeEnsembleRegressor,
};
