import { exponential } from '../digits/network.ts';
import type { Flower } from './dataset.ts';

/**
 * Gradient boosting of trees for several classes, with second-order steps (Chen and Guestrin, XGBoost, 2016): in each
 * round one tree a class, fitted to the gradients of the softmax loss. Only + - * / are used, which IEEE 754 fixes, so
 * that training yields the same trees on every machine.
 */

export interface Leaf {
  readonly value: number;
}

export interface Split {
  readonly feature: number;
  /** Rows with a feature up to this go left. */
  readonly threshold: number;
  readonly left: Tree;
  readonly right: Tree;
}

export type Tree = Leaf | Split;

export const isLeaf = (tree: Tree): tree is Leaf => 'value' in tree;

export interface Settings {
  readonly rounds: number;
  readonly depth: number;
  readonly rate: number;
  /** L2 penalty on a leaf's value. */
  readonly penalty: number;
}

interface Row {
  readonly sizes: readonly number[];
  readonly gradient: number;
  readonly curvature: number;
}

const sumOf = (rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + of(row), 0);

/** Greatest reduction of the loss by a group of rows alone, up to a factor of 1/2. */
const scoreOf = (gradient: number, curvature: number, { penalty }: Settings): number =>
  (gradient * gradient) / (curvature + penalty);

function grow(rows: readonly Row[], depth: number, settings: Settings): Tree {
  const gradient = sumOf(rows, (row) => row.gradient);
  const curvature = sumOf(rows, (row) => row.curvature);
  const leaf: Leaf = { value: (-settings.rate * gradient) / (curvature + settings.penalty) };
  if (depth === 0) return leaf;
  let best: { gain: number; feature: number; threshold: number } | undefined;
  for (let feature = 0; feature < (rows[0]?.sizes.length ?? 0); feature++) {
    const sorted = [...rows].sort((a, b) => (a.sizes[feature] as number) - (b.sizes[feature] as number));
    let [leftGradient, leftCurvature] = [0, 0];
    sorted.forEach((row, i) => {
      const [here, next] = [row.sizes[feature] as number, sorted[i + 1]?.sizes[feature]];
      leftGradient += row.gradient;
      leftCurvature += row.curvature;
      if (next === undefined || next === here) return;
      const gain =
        scoreOf(leftGradient, leftCurvature, settings) +
        scoreOf(gradient - leftGradient, curvature - leftCurvature, settings) -
        scoreOf(gradient, curvature, settings);
      if (gain > (best?.gain ?? 1e-9)) best = { gain, feature, threshold: Math.fround((here + next) / 2) };
    });
  }
  if (!best) return leaf;
  const { feature, threshold } = best;
  const isLeft = ({ sizes }: Row): boolean => (sizes[feature] as number) <= threshold;
  return {
    feature,
    threshold,
    left: grow(rows.filter(isLeft), depth - 1, settings),
    right: grow(
      rows.filter((row) => !isLeft(row)),
      depth - 1,
      settings,
    ),
  };
}

function reachedValue(tree: Tree, sizes: readonly number[]): number {
  while (!isLeaf(tree)) tree = (sizes[tree.feature] as number) <= tree.threshold ? tree.left : tree.right;
  return tree.value;
}

/** @returns trees by round and class */
export function boost(flowers: readonly Flower[], classes: number, settings: Settings): Tree[][] {
  const scores = flowers.map(() => new Array<number>(classes).fill(0));
  return Array.from({ length: settings.rounds }, () => {
    const probabilities = scores.map((own) => {
      const top = Math.max(...own);
      const powers = own.map((score) => exponential(score - top));
      const total = powers.reduce((sum, power) => sum + power, 0);
      return powers.map((power) => power / total);
    });
    const trees = Array.from({ length: classes }, (_, k) => {
      const rows = flowers.map(({ sizes, species }, i): Row => {
        const p = (probabilities[i] as number[])[k] as number;
        return { sizes, gradient: p - (species === k ? 1 : 0), curvature: p * (1 - p) };
      });
      return grow(rows, settings.depth, settings);
    });
    flowers.forEach(({ sizes }, i) => {
      trees.forEach((tree, k) => {
        (scores[i] as number[])[k] = ((scores[i] as number[])[k] as number) + reachedValue(tree, sizes);
      });
    });
    return trees;
  });
}
