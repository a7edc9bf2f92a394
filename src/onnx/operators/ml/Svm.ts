import { ensure } from '../../errors.ts';
import { exp, tanh } from '../../functions/index.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { matrixProduct } from '../math/Matrix.ts';
import { firstGreatest, type Labels, labelled, labelsOf } from './classes.ts';
import { products } from './Linear.ts';
import { floatRowsOf } from './rows.ts';
import { namedTransform, transformed, twoFromOne } from './transform.ts';

/** Support vector machines. */

/** The kernel of each row and support vector. */
function kernels(context: Context, x: Tensor, count: number): Tensor {
  const kind = context.string('kernel_type', 'LINEAR');
  const [gamma = 0, coef0 = 0, degree = 0] = context.floats('kernel_params') ?? [];
  if (kind === 'RBF') {
    const features = x.shape[1] as number;
    const given = context.floats('support_vectors') ?? [];
    ensure(
      given.length === count * features,
      `support_vectors has ${given.length} entries, for ${count} vectors of ${features} features`,
    );
    const vectors = context.constant(TYPES.float, [count, features], given);
    const distances = context.define({
      type: TYPES.float,
      shape: [x.shape[0] as number, count],
      body: ([row, vector]) =>
        fold([features], 0, ([k], sum) => {
          const difference = f32.sub(
            at(x, [row as Index, k as Index]),
            at(vectors, [vector as Index, k as Index]),
          );
          return f32.add(sum, f32.mul(difference, difference));
        }),
    });
    return elementwise(context, [distances], TYPES.float, (d) =>
      exp(f32.mul(f32.of(-gamma), d as Expression)),
    );
  }
  const dot = products(context, x, 'support_vectors', count);
  if (kind === 'LINEAR') return dot;
  const inner = (value: Expression): Expression => f32.add(f32.mul(f32.of(gamma), value), f32.of(coef0));
  if (kind === 'SIGMOID')
    return elementwise(context, [dot], TYPES.float, (value) => tanh(inner(value as Expression)));
  ensure(kind === 'POLY', `the kernel ${kind} is not known`);
  ensure(
    Number.isInteger(degree) && degree >= 1 && degree <= 16,
    `a polynomial kernel of degree ${degree} is not supported; whole degrees up to 16 are`,
  );
  return elementwise(context, [dot], TYPES.float, (value) => {
    const base = inner(value as Expression);
    return Array.from({ length: degree - 1 }).reduce((sum: Expression) => f32.mul(sum, base), base);
  });
}

const SVMRegressor: Lowering = (context) => {
  const x = floatRowsOf(context);
  const count = context.int('n_supports', 0);
  const [rho = 0] = context.floats('rho') ?? [];
  const coefficients = context.floats('coefficients') ?? [];
  const scores =
    count > 0
      ? matrixProduct(
          context,
          kernels(context, x, count),
          context.constant(TYPES.float, [count, 1], sized('coefficients', coefficients, count)),
        )
      : products(context, x, 'coefficients', 1);
  context.only('post_transform', 'NONE');
  // Without support vectors the machine is linear.
  context.disregard('kernel_type', 'kernel_params', 'support_vectors');
  const isOneClass = context.int('one_class', 0) !== 0;
  return elementwise(context, [scores], TYPES.float, (score) => {
    const moved = f32.add(score as Expression, f32.of(rho));
    return isOneClass ? select(f32.gt(moved, f32.of(0)), f32.of(1), f32.of(-1)) : moved;
  });
};

function sized(name: string, list: readonly number[], count: number): readonly number[] {
  ensure(list.length === count, `${name} has ${list.length} entries in place of ${count}`);
  return list;
}

const SVMClassifier: Lowering = (context) => {
  const labels = labelsOf(context, 'classlabels_strings', 'classlabels_ints');
  ensure(
    !context.has('prob_a'),
    'probabilities of a support vector machine take an iteration of unknown length; export with probability=False',
  );
  ensure(labels.count >= 2, 'it has one class only');
  const perClass = context.ints('vectors_per_class', []);
  context.disregard('prob_b');
  return perClass.some((count) => count > 0)
    ? ofPairs(context, labels, perClass)
    : ofClasses(context, labels);
};

/** Coefficients of all pairs of classes together. */
const MAX_COEFFICIENTS = 2 ** 25;

/** One machine for each pair of classes, which votes for one of them; most votes win. */
function ofPairs(context: Context, labels: Labels, perClass: readonly number[]) {
  const classes = sized('vectors_per_class', perClass, labels.count).length;
  const vectors = perClass.reduce((sum, count) => sum + count, 0);
  const coefficients = sized('coefficients', context.floats('coefficients') ?? [], (classes - 1) * vectors);
  const rho = sized('rho', context.floats('rho') ?? [], (classes * (classes - 1)) / 2);
  const pairs: [number, number][] = [];
  for (let i = 0; i < classes; i++) for (let j = i + 1; j < classes; j++) pairs.push([i, j]);
  ensure(
    vectors * pairs.length <= MAX_COEFFICIENTS,
    `${vectors} support vectors for ${pairs.length} pairs of classes are too many`,
  );
  // The coefficients of a class' vectors against the class j are in row j, without a row for the class itself.
  const table = new Float64Array(vectors * pairs.length);
  let vector = 0;
  perClass.forEach((count, own) => {
    for (const end = vector + count; vector < end; vector++) {
      pairs.forEach(([i, j], pair) => {
        if (own !== i && own !== j) return;
        const row = own === i ? j - 1 : i;
        table[vector * pairs.length + pair] = coefficients[row * vectors + vector] as number;
      });
    }
  });
  const x = floatRowsOf(context);
  const summed = matrixProduct(
    context,
    kernels(context, x, vectors),
    context.constant(TYPES.float, [vectors, pairs.length], table),
  );
  const offsets = context.constant(TYPES.float, [pairs.length], rho);
  const scores = elementwise(context, [summed, offsets], TYPES.float, f32.add);
  const column = (which: 0 | 1) =>
    context.constant(
      TYPES.int32,
      [pairs.length],
      pairs.map((pair) => pair[which]),
    );
  const [first, second] = [column(0), column(1)];
  const votes = context.define({
    type: TYPES.float,
    shape: [x.shape[0] as number, classes],
    body: ([row, own]) =>
      fold([pairs.length], 0, ([pair], sum) => {
        const isFirst = f32.gt(at(scores, [row as Index, pair as Index]), f32.of(0));
        const winner = select(isFirst, at(first, [pair as Index]), at(second, [pair as Index]));
        return f32.add(sum, select(i32.eq(winner, indexValue(own as Index)), f32.of(1), f32.of(0)));
      }),
  });
  const label = labelled(context, labels, x.shape[0] as number, firstGreatest(context, votes, false));
  const transform = namedTransform(context);
  const made =
    classes === 2
      ? twoFromOne(context, scores, transform, transform !== 'NONE')
      : transformed(context, scores, transform);
  return [label, made];
}

/** One linear machine for each class. */
function ofClasses(context: Context, labels: Labels) {
  const x = floatRowsOf(context);
  const [rho = 0] = context.floats('rho') ?? [];
  const coefficients = context.floats('coefficients') ?? [];
  // Without support vectors the machines are linear.
  context.disregard('kernel_type', 'kernel_params', 'support_vectors');
  const scores = elementwise(
    context,
    [products(context, x, 'coefficients', labels.count)],
    TYPES.float,
    (score) => f32.add(score as Expression, f32.of(rho)),
  );
  const greatest = firstGreatest(context, scores);
  const isPositive = coefficients.every((value) => value >= 0);
  const label = labelled(context, labels, x.shape[0] as number, (row) => {
    if (labels.count > 2) return greatest(row);
    // Of two classes, the second wins as soon as either score is large enough.
    const [a, b] = [at(scores, [row, constantIndex(0)]), at(scores, [row, constantIndex(1)])];
    const most = f32.max(a, b);
    const wins = isPositive ? f32.le(f32.of(0.5), most) : f32.gt(most, f32.of(0));
    return select(wins, i32.of(1), f32.gt(b, a));
  });
  return [label, transformed(context, scores, namedTransform(context))];
}

/**
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_SVMRegressor.html
 */
export const operators: Operators = {
  'ai.onnx.ml.SVMClassifier': SVMClassifier,
  'ai.onnx.ml.SVMRegressor': SVMRegressor,
};
