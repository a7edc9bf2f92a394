import { wordOfF32 } from '../../../scalar/machine.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, i32, type Reading, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { type Halves, keyOfNumber, keys } from '../../tensors/doubleBits.ts';
import { TYPES } from '../../types.ts';
import { at, type Context } from '../context.ts';
import { depthOf, type Forest, OUTCOMES } from './forest.ts';

/**
 * All trees walked at once, one program node a level: a tensor of node numbers, one for each row and tree, from which
 * the next level's is gathered. A leaf leads to itself, so trees of different depths keep step.
 */

/** The number of the leaf that a row reaches in a tree. */
export type LeafAt = (row: Index, tree: Index) => Reading;

/** Words of a node, and their number, which keeps a node within one chunk of memory. */
const FIELDS = { feature: 0, threshold: 1, outcomes: 2, whenTrue: 3, whenFalse: 4, thresholdLow: 5 } as const;
const NODE_WORDS = 8;

function tableOf(context: Context, { features, leaves, branches }: Forest): Tensor {
  const rows = [
    ...leaves.map((_, leaf) => [0, 0, 0, leaf, leaf]),
    ...branches.map(({ feature, threshold, outcomes, whenTrue, whenFalse }) => [
      feature,
      // The words of a table are integers; this one is read as what the features are.
      features === 'floats'
        ? wordOfF32(threshold) | 0
        : features === 'doubles'
          ? keyOfNumber(threshold).high
          : threshold,
      outcomes,
      whenTrue,
      whenFalse,
      ...(features === 'doubles' ? [keyOfNumber(threshold).low] : []),
    ]),
  ];
  const words = rows.flatMap((row) => [...row, ...new Array<number>(NODE_WORDS - row.length).fill(0)]);
  return context.constant(TYPES.int32, [rows.length, NODE_WORDS], words);
}

/** @param x features by row, floats or integers */
export function walk(context: Context, x: Tensor, forest: Forest): LeafAt {
  const [rows = 0, features = 0] = x.shape;
  const asked = forest.branches.reduce((most, { feature }) => Math.max(most, feature), -1);
  ensure(asked < features, `a tree asks for feature ${asked}, of ${features}`);
  const trees = forest.roots.length;
  const nodes = forest.leaves.length + forest.branches.length;
  const table = tableOf(context, forest);
  const outcomeOf = forest.features === 'floats' ? floatOutcome : integerOutcome;
  const keysAt = forest.features === 'doubles' ? context.doubles.keysOf(x) : undefined;
  const roots = context.constant(TYPES.int32, [trees], forest.roots);
  let reached: LeafAt = (_, tree) => at(roots, [tree]);
  for (let level = depthOf(forest); level > 0; level--) {
    const before = reached;
    const after = context.define({
      type: TYPES.int32,
      shape: [rows, trees],
      range: { low: 0, high: nodes - 1 },
      body: ([row, tree]) => {
        const node = before(row as Index, tree as Index);
        const field = (name: keyof typeof FIELDS): Reading =>
          reading(table, [{ gathered: node }, constantIndex(FIELDS[name])], 0);
        const coordinates = [row as Index, { gathered: field('feature') }];
        const outcome = keysAt
          ? keyOutcome(keysAt(coordinates), { high: field('threshold'), low: field('thresholdLow') })
          : outcomeOf(reading(x, coordinates, 0), field('threshold'));
        const isTrue = i32.and(field('outcomes'), outcome);
        return select(isTrue, field('whenTrue'), field('whenFalse'));
      },
    });
    reached = (row, tree) => at(after, [row, tree]);
  }
  return reached;
}

const { less, equal, greater, unordered } = OUTCOMES;

/** @param otherwise the outcome of a value that is neither less nor greater */
const outcomeFrom = (isLess: Expression, isGreater: Expression, otherwise: Expression): Expression =>
  select(isLess, i32.of(less), select(isGreater, i32.of(greater), otherwise));

/** Comparison of a float with a threshold, which is a number. */
const floatOutcome = (value: Expression, threshold: Expression): Expression =>
  outcomeFrom(
    f32.lt(value, threshold),
    f32.lt(threshold, value),
    select(f32.eq(value, threshold), i32.of(equal), i32.of(unordered)),
  );

const integerOutcome = (value: Expression, threshold: Expression): Expression =>
  outcomeFrom(i32.lt(value, threshold), i32.lt(threshold, value), i32.of(equal));

const keyOutcome = (value: Halves, threshold: Halves): Expression =>
  outcomeFrom(
    keys.lt(value, threshold),
    keys.lt(threshold, value),
    select(keys.isNumber(value), i32.of(equal), i32.of(unordered)),
  );
