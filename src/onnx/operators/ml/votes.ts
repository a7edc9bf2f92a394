import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32 } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { type Forest, leavesBelow } from './forest.ts';
import { walk } from './walk.ts';

/** The weights of the leaves that rows reach, put together. */

/** Aggregations, in the order of TreeEnsemble's numbers. */
export const AGGREGATES = ['AVERAGE', 'SUM', 'MIN', 'MAX'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** Aggregations of the trees' weights, with the weight of a leaf that has none for a target. */
export const AGGREGATIONS: Readonly<Record<Aggregate, { absent: number; step: typeof f32.add }>> = {
  AVERAGE: { absent: 0, step: f32.add },
  SUM: { absent: 0, step: f32.add },
  MIN: { absent: Number.POSITIVE_INFINITY, step: f32.min },
  MAX: { absent: Number.NEGATIVE_INFINITY, step: f32.max },
};

/** Whether the leaf that a row reaches has a weight, by target. */
export interface Presence {
  /** Whether every row, and whether any row, reaches a leaf with a weight for the target. */
  readonly always: readonly boolean[];
  readonly ever: readonly boolean[];
  /** 1 if the row reached such a leaf, else 0. */
  readonly isScored: (row: Index, target: Index) => Expression;
}

export interface Scored {
  /** Scores, [rows, targets]. */
  readonly scores: Tensor;
  readonly presence: () => Presence;
}

/** Weights of all leaves together: each for each target, those that a leaf does not have included. */
const MAX_WEIGHTS = 2 ** 25;

/** All trees' say on each row and target, in the order of the trees. */
export function scored(
  context: Context,
  x: Tensor,
  forest: Forest,
  targets: number,
  aggregate: Aggregate,
): Scored {
  const { leaves, roots } = forest;
  const { absent, step } = AGGREGATIONS[aggregate];
  ensure(roots.length > 0, 'it has no trees');
  ensure(targets > 0, 'it has no targets or classes');
  ensure(
    leaves.length * targets <= MAX_WEIGHTS,
    `${leaves.length} leaves with weights for ${targets} targets are more than ${MAX_WEIGHTS} weights`,
  );
  const shape = [leaves.length, targets];
  const weights = new Float64Array(leaves.length * targets).fill(absent);
  const present = new Uint8Array(weights.length);
  for (const [leaf, list] of leaves.entries()) {
    for (const { target, value } of list) {
      ensure(
        Number.isInteger(target) && target >= 0 && target < targets,
        `a leaf has a weight for ${target}`,
      );
      const entry = leaf * targets + target;
      ensure(present[entry] === 0, `a leaf has two weights for ${target}`);
      weights[entry] = value;
      present[entry] = 1;
    }
  }
  const leafAt = walk(context, x, forest);
  const over = (table: Tensor, init: Expression & { kind: 'literal' }, by: typeof f32.add) =>
    context.define({
      type: table.type,
      shape: [x.shape[0] as number, targets],
      ...(table.range ? { range: table.range } : {}),
      body: ([row, target]) =>
        fold(
          [roots.length],
          init.word,
          ([tree], sum) =>
            by(sum, reading(table, [{ gathered: leafAt(row as Index, tree as Index) }, target as Index], 0)),
          { ordered: true },
        ),
    });
  const presence = (): Presence => {
    const table = over(context.constant(TYPES.int32, shape, present), i32.of(0), i32.or);
    const has = (leaf: number, target: number): boolean => present[leaf * targets + target] === 1;
    const below = roots.map((root) => [...leavesBelow(forest, root)]);
    const each = Array.from({ length: targets }, (_, target) => target);
    return {
      always: each.map((target) => below.some((all) => all.every((leaf) => has(leaf, target)))),
      ever: each.map((target) => below.some((all) => all.some((leaf) => has(leaf, target)))),
      isScored: (row, target) => at(table, [row, target]),
    };
  };
  return { scores: over(context.constant(TYPES.float, shape, weights), f32.of(absent), step), presence };
}

/** Scores with a value for each target added. */
export const plus = (context: Context, scores: Tensor, base: readonly number[]): Tensor =>
  elementwise(context, [scores, context.constant(TYPES.float, [base.length], base)], TYPES.float, f32.add);
