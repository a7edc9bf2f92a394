import { ensure } from '../../errors.ts';
import { exp, log, sigmoid } from '../../functions/index.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { at, type Context } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { softmaxAlong } from '../math/Softmax.ts';

/** `post_transform` of ai.onnx.ml operators, in the order of TreeEnsemble's numbers (onnxruntime swaps 1 and 2). */
export const TRANSFORMS = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'] as const;
export type Transform = (typeof TRANSFORMS)[number];

export function namedTransform(context: Context): Transform {
  const name = context.string('post_transform', 'NONE');
  ensure((TRANSFORMS as readonly string[]).includes(name), `post_transform ${name} is not known`);
  return name as Transform;
}

/** The transform of scores by row. Of a single score onnxruntime takes only PROBIT. */
export function transformed(context: Context, scores: Tensor, transform: Transform): Tensor {
  if (scores.shape[1] === 1 && transform !== 'PROBIT') return scores;
  switch (transform) {
    case 'NONE':
      return scores;
    case 'LOGISTIC':
      return elementwise(context, [scores], scores.type, sigmoid);
    case 'PROBIT':
      return elementwise(context, [scores], scores.type, probit);
    case 'SOFTMAX':
      return softmaxAlong(context, scores, 1);
    case 'SOFTMAX_ZERO':
      return softmaxOfOthers(context, scores);
  }
}

/**
 * Scores of two classes from one, as onnxruntime makes them: the logistic function of the score's two signs, or else
 * both signs, or the complement of a probability and itself.
 *
 * @param score by row, of extent 1
 */
export function twoFromOne(
  context: Context,
  score: Tensor,
  transform: Transform,
  isProbability: boolean,
): Tensor {
  ensure(transform !== 'PROBIT', 'post_transform PROBIT leaves the score of one of two classes undefined');
  const logistic = transform === 'LOGISTIC';
  return context.define({
    type: score.type,
    shape: [score.shape[0] as number, 2],
    body: ([row, k]) => {
      const one = at(score, [row as Index, constantIndex(0)]);
      const other = isProbability && !logistic ? f32.sub(f32.of(1), one) : f32.neg(one);
      const chosen = select(indexValue(k as Index), one, other);
      return logistic ? sigmoid(chosen) : chosen;
    },
  });
}

const A = f32.of(0.147);
/** 2 / (pi * a), with the digits of pi that onnxruntime uses. */
const TWO_OVER_PI_A = f32.div(f32.of(2), f32.mul(f32.of(314159 / 100000), A));

/** sqrt 2 times the inverse error function of 2p - 1, by Winitzki's approximation with a = 0.147. */
function probit(p: Expression): Expression {
  const x = f32.sub(f32.mul(f32.of(2), p), f32.of(1));
  const l = log(f32.mul(f32.sub(f32.of(1), x), f32.add(f32.of(1), x)));
  const v = f32.add(TWO_OVER_PI_A, f32.mul(f32.of(0.5), l));
  const root = f32.sqrt(f32.sub(f32.mul(v, v), f32.mul(f32.div(f32.of(1), A), l)));
  const magnitude = f32.sqrt(f32.sub(root, v));
  const signed = select(f32.lt(x, f32.of(0)), f32.neg(magnitude), magnitude);
  return f32.mul(f32.of(Math.SQRT2), signed);
}

/** Softmax in which scores next to 0 stay where they are. */
function softmaxOfOthers(context: Context, scores: Tensor): Tensor {
  const [rows = 0, classes = 0] = scores.shape;
  const over = (
    init: Expression & { kind: 'literal' },
    step: (sum: Expression, at: Index, row: Index) => Expression,
  ) =>
    context.define({
      type: scores.type,
      shape: [rows, 1],
      body: ([row]) => fold([classes], init.word, ([k], sum) => step(sum, k as Index, row as Index)),
    });
  const most = over(f32.of(Number.NEGATIVE_INFINITY), (sum, k, row) => f32.max(sum, at(scores, [row, k])));
  const isZero = (x: Expression) => f32.le(f32.abs(x), f32.of(1e-7));
  const powers = elementwise(context, [scores, most], scores.type, (x, top) =>
    select(isZero(x), f32.mul(x, exp(f32.neg(top))), exp(f32.sub(x, top))),
  );
  const total = over(f32.of(0), (sum, k, row) =>
    f32.add(sum, select(isZero(at(scores, [row, k])), i32.of(0), at(powers, [row, k]))),
  );
  return context.define({
    type: scores.type,
    shape: scores.shape,
    body: ([row, k]) =>
      f32.div(at(powers, [row as Index, k as Index]), at(total, [row as Index, constantIndex(0)])),
  });
}
