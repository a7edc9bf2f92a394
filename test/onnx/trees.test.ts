import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import { nodeAttributes, randomTrees, type TreeNode, weightAttributes } from '../support/forest.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  type Result,
  runCompiled,
  runOnnxruntime,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Trees and forests of ai.onnx.ml against onnxruntime. */

function seeded(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'];
const TRANSFORMS = ['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO', 'PROBIT'];
const ROWS = 9;
const FEATURES = 4;
const rows = noise([ROWS, FEATURES], 5);

const ml = (
  op: string,
  x: Value,
  attributes: Record<string, Attribute>,
  outputs = 1,
  domains = { 'ai.onnx.ml': 3 },
) => single(op, [x], { attributes, outputs, domain: 'ai.onnx.ml', domains });

const forest = (seed: number, more: Partial<Parameters<typeof randomTrees>[1]> = {}) =>
  randomTrees(seeded(seed), { trees: 5, depth: 4, features: FEATURES, modes: ['BRANCH_LEQ'], ...more });

function regressor(
  trees: TreeNode[][],
  targets: number,
  attributes: Record<string, Attribute> = {},
  targetsOf = (_tree: number, _leaf: number): readonly number[] =>
    Array.from({ length: targets }, (_, i) => i),
): Record<string, Attribute> {
  return {
    ...nodeAttributes(trees),
    ...weightAttributes(trees, 'target', targetsOf, seeded(99)),
    n_targets: targets,
    ...attributes,
  };
}

describe('TreeEnsembleRegressor', () => {
  it('agrees with onnxruntime on one tree with one target', async () => {
    await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', rows, regressor(forest(1, { trees: 1 }), 1)));
  });

  it('agrees with onnxruntime on a tree that is a leaf', async () => {
    await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', rows, regressor(forest(1, { depth: 0 }), 1)));
  });

  for (const mode of MODES) {
    it(`compares by ${mode} on both sides of the threshold and on it`, async () => {
      const thresholds = [-1, -0, 0, 0.5, 2];
      const x = floats([12, 1], [-2, -1, -1e-45, -0, 0, 1e-45, 0.5, 1, 2, Infinity, -Infinity, NaN]);
      const trees = forest(3, { trees: 20, depth: 2, features: 1, modes: [mode], thresholds });
      await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', x, regressor(trees, 1)));
    });
  }

  it('takes all modes in one forest, missing values led to either side', async () => {
    const x = floats(
      [4, FEATURES],
      rows.values.slice(0, 16).map((v, i) => (i % 3 === 0 ? NaN : v)),
    );
    const trees = forest(4, { trees: 30, modes: MODES, missing: true, thresholds: [-0.5, 0, 0.5] });
    await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', x, regressor(trees, 1)));
  });

  for (const aggregate of ['SUM', 'AVERAGE', 'MIN', 'MAX']) {
    it(`yields ${aggregate} of one target and of three, with and without base values`, async () => {
      for (const targets of [1, 3]) {
        for (const base of [{}, { base_values: { floats: [0.25, -3, 7].slice(0, targets) } }]) {
          const attributes = regressor(forest(5), targets, { aggregate_function: aggregate, ...base });
          await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', rows, attributes));
        }
      }
    });

    it(`yields ${aggregate} where leaves have weights for some targets only`, async () => {
      const targetsOf = (tree: number, leaf: number) => [(tree + leaf) % 2];
      const attributes = regressor(forest(6), 3, { aggregate_function: aggregate }, targetsOf);
      await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', rows, attributes));
    });
  }

  for (const transform of TRANSFORMS) {
    it(`applies ${transform} to one target and to two`, async () => {
      for (const targets of [1, 2]) {
        // Averages of probabilities, as PROBIT wants them.
        const more = { aggregate_function: 'AVERAGE', post_transform: transform };
        await expectSameAsOnnxruntime(
          ml('TreeEnsembleRegressor', rows, regressor(forest(7), targets, more)),
          // Near 0 the approximation loses digits.
          transform === 'PROBIT' ? { absolute: 1e-4 } : {},
        );
      }
    });
  }

  it('divides floats by thresholds of doubles between two floats as doubles', async () => {
    const third = Math.fround(1 / 3);
    for (const mode of MODES) {
      for (const threshold of [third + 1e-10, third - 1e-10, third, -third + 1e-10]) {
        const trees = forest(9, { trees: 1, depth: 1, features: 1, modes: [mode] });
        const { nodes_values: _, ...attributes } = regressor(trees, 1);
        const { target_weights: __, ...rest } = attributes;
        const count = trees[0]!.length;
        const x = value('double', [4, 1], [third, -third, third + 2 ** -25, third - 2 ** -25]);
        const tensor = (values: readonly number[]) => ({ tensor: value('double', [values.length], values) });
        const ensemble = {
          ...rest,
          nodes_values_as_tensor: tensor(new Array(count).fill(threshold)),
          target_weights_as_tensor: tensor([1, 2]),
        };
        await expectSameAsOnnxruntime(ml('TreeEnsembleRegressor', x, ensemble));
      }
    }
  });

  it('takes one program node a level, however many trees', () => {
    const spec = ml('TreeEnsembleRegressor', rows, regressor(forest(10, { trees: 40, depth: 6 }), 1));
    const { program } = importOnnx(modelBytes(spec));
    expect(program.nodes.filter(({ kind }) => kind === 'loop')).to.have.length(6 + 1);
  });
});

describe('TreeEnsembleClassifier', () => {
  const classifier = (
    classes: readonly number[],
    targetsOf: (tree: number, leaf: number) => readonly number[],
    attributes: Record<string, Attribute> = {},
    weight = seeded(98),
  ): Record<string, Attribute> => {
    const trees = forest(11);
    return {
      ...nodeAttributes(trees),
      ...weightAttributes(trees, 'class', targetsOf, weight),
      classlabels_int64s: classes,
      ...attributes,
    };
  };
  const signed = () => {
    const random = seeded(97);
    return () => random() - 0.5;
  };

  for (const transform of TRANSFORMS) {
    const more = { post_transform: transform };
    const isProbit = transform === 'PROBIT';

    it(`applies ${transform} to four classes, scored by every leaf or each by its trees`, async () => {
      for (const targetsOf of [() => [0, 1, 2, 3], (tree: number) => [tree % 4]]) {
        for (const base of [{}, { base_values: { floats: [0.1, 0.2, -0.1, 0.3] } }]) {
          for (const weight of isProbit ? [() => 0.1] : [seeded(98), signed()]) {
            const attributes = classifier([3, 1, 40, -2], targetsOf, { ...more, ...base }, weight);
            await expectSameAsOnnxruntime(ml('TreeEnsembleClassifier', rows, attributes, 2), {
              absolute: isProbit ? 1e-4 : 1e-6,
            });
          }
        }
      }
    });

    if (isProbit) continue;

    for (const base of [[], [0.25], [0.125, -0.25]]) {
      it(`applies ${transform} to two classes with ${base.length} base values`, async () => {
        const all = base.length > 0 ? { ...more, base_values: { floats: base } } : more;
        // The usual ways: weights for the first class only, for the second only, for both.
        for (const targetsOf of [() => [0], () => [1], () => [0, 1]]) {
          for (const weight of [seeded(98), signed()]) {
            const attributes = classifier([5, 8], targetsOf, all, weight);
            await expectSameAsOnnxruntime(ml('TreeEnsembleClassifier', rows, attributes, 2));
          }
        }
      });
    }
  }

  it('takes leaves that score one class or the other', async () => {
    const targetsOf = (tree: number, leaf: number) => [(tree + leaf) % 2];
    for (const labels of [
      [0, 1],
      [0, 1, 2],
    ]) {
      for (const weight of [seeded(98), signed()]) {
        const attributes = classifier(labels, targetsOf, { post_transform: 'LOGISTIC' }, weight);
        await expectSameAsOnnxruntime(ml('TreeEnsembleClassifier', rows, attributes, 2));
      }
    }
  });

  it('takes features that are integers', async () => {
    const x = value(
      'int64',
      [ROWS, FEATURES],
      rows.values.map((v) => Math.round(8 * v)),
    );
    await expectSameAsOnnxruntime(
      ml(
        'TreeEnsembleClassifier',
        x,
        classifier([0, 1, 2], () => [0, 1, 2]),
        2,
      ),
    );
  });

  it('takes one class', async () => {
    for (const base of [{}, { base_values: { floats: [-0.3] } }]) {
      const attributes = classifier([7], () => [0], base, signed());
      await expectSameAsOnnxruntime(ml('TreeEnsembleClassifier', rows, attributes, 2));
    }
  });
});

describe('TreeEnsemble', () => {
  const tensor = (type: 'float' | 'uint8', values: readonly number[]) => ({
    tensor: value(type, [values.length], values),
  });
  const version = { 'ai.onnx.ml': 5 };

  /** One tree: is the first feature a member of a set? Else compare the second. */
  const attributes = {
    n_targets: 2,
    nodes_modes: tensor('uint8', [6, 0, 6]),
    nodes_splits: tensor('float', [0, 0.5, 0]),
    nodes_featureids: [0, 1, 0],
    nodes_truenodeids: [0, 1, 2],
    nodes_trueleafs: [1, 1, 1],
    nodes_falsenodeids: [1, 2, 3],
    nodes_falseleafs: [0, 0, 1],
    membership_values: tensor('float', [1, 2, 3, NaN, 7, NaN]),
    tree_roots: [0, 1],
    leaf_targetids: [0, 1, 0, 1],
    leaf_weights: tensor('float', [1.5, -2, 0.25, 8]),
  };
  const x = floats([8, 2], [1, 0, 2, 0.5, 3, 0.6, 4, 0.5, 7, 0.7, 7, 0, NaN, 1, 0, NaN]);

  for (const aggregate of [0, 1, 2, 3]) {
    it(`takes sets of members and trees that share nodes, aggregate ${aggregate}`, async () => {
      const ensemble = { ...attributes, aggregate_function: aggregate };
      await expectSameAsOnnxruntime(ml('TreeEnsemble', x, ensemble, 1, version));
    });
  }

  it('has the post_transform of ONNX, of which onnxruntime swaps 1 and 2', async () => {
    for (const [mine, theirs] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const specOf = (transform: number) =>
        ml('TreeEnsemble', x, { ...attributes, post_transform: transform }, 1, version);
      const [result] = await runCompiled(importOnnx(modelBytes(specOf(mine))), [x]);
      const [expected] = await runOnnxruntime(modelBytes(specOf(theirs)), { x0: x }, ['y0']);
      expectClose(result as Result, expected as Result);
    }
  });
});

describe('trees are refused for', () => {
  const refusal =
    (op: string, attributes: Record<string, Attribute>, outputs = 1) =>
    () =>
      importOnnx(modelBytes(ml(op, rows, attributes, outputs)));
  const good = regressor(forest(12, { trees: 1, depth: 2 }), 1);

  it('a cycle', () => {
    const count = (good['nodes_truenodeids'] as number[]).length;
    const attributes = { ...good, nodes_truenodeids: new Array(count).fill(0) };
    expect(refusal('TreeEnsembleRegressor', attributes)).to.throw(
      'a tree has a cycle, or more than 1024 levels',
    );
  });

  it('a feature that the rows do not have', () => {
    const features = (good['nodes_featureids'] as number[]).map(() => FEATURES);
    expect(refusal('TreeEnsembleRegressor', { ...good, nodes_featureids: features })).to.throw(
      'a tree asks for feature 4, of 4',
    );
  });

  it('lists of different lengths', () => {
    expect(refusal('TreeEnsembleRegressor', { ...good, nodes_values: { floats: [1] } })).to.throw(
      /nodes_values has 1 entries in place of \d+/,
    );
  });

  it('a child that is no node', () => {
    const ids = (good['nodes_falsenodeids'] as number[]).map(() => 77);
    expect(refusal('TreeEnsembleRegressor', { ...good, nodes_falsenodeids: ids })).to.throw(
      'tree 0 has no node 77',
    );
  });

  it('more weights than memory has room for', () => {
    expect(refusal('TreeEnsembleRegressor', { ...good, n_targets: 2 ** 31 })).to.throw(
      /leaves with weights for 2147483648 targets are more than 33554432 weights/,
    );
  });

  it('a number of targets of 0', () => {
    expect(refusal('TreeEnsembleRegressor', { ...good, n_targets: 0 })).to.throw('it has no targets');
  });
});
