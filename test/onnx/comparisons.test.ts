import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  modelBytes,
  runCompiled,
  single,
  type TypeName,
  type Value,
  value,
} from '../support/onnx.ts';

/** Comparisons of numbers that a program holds in another type than the model: as the exact numbers compare. */

const MODES: Readonly<Record<string, (x: number, t: number) => boolean>> = {
  BRANCH_LEQ: (x, t) => x <= t,
  BRANCH_LT: (x, t) => x < t,
  BRANCH_GTE: (x, t) => x >= t,
  BRANCH_GT: (x, t) => x > t,
  BRANCH_EQ: (x, t) => x === t,
  BRANCH_NEQ: (x, t) => x !== t,
};

/** A tree of one branch: 1 where it is true, 2 elsewhere. */
const stump = (mode: string, threshold: Attribute): Record<string, Attribute> => ({
  nodes_treeids: [0, 0, 0],
  nodes_nodeids: [0, 1, 2],
  nodes_featureids: [0, 0, 0],
  nodes_modes: { strings: [mode, 'LEAF', 'LEAF'] },
  nodes_truenodeids: [1, 0, 0],
  nodes_falsenodeids: [2, 0, 0],
  ['tensor' in (threshold as object) ? 'nodes_values_as_tensor' : 'nodes_values']: threshold,
  target_treeids: [0, 0],
  target_nodeids: [1, 2],
  target_ids: [0, 0],
  n_targets: 1,
});

async function leaves(mode: string, threshold: Attribute, x: Value): Promise<readonly number[]> {
  const isTensor = 'tensor' in (threshold as object);
  const weights: Readonly<Record<string, Attribute>> = isTensor
    ? { target_weights_as_tensor: { tensor: value('double', [2], [1, 2]) } }
    : { target_weights: { floats: [1, 2] } };
  const spec = single('TreeEnsembleRegressor', [x], {
    domain: 'ai.onnx.ml',
    domains: { 'ai.onnx.ml': 3 },
    attributes: { ...stump(mode, threshold), ...weights },
  });
  const [made] = await runCompiled(importOnnx(modelBytes(spec)), [x]);
  return made!.values;
}

const column = (type: TypeName, values: readonly number[]): Value => value(type, [values.length, 1], values);

describe('trees on integers', () => {
  // Neighbours that float32 does not tell apart, and the ends of int32.
  const integers = [-(2 ** 31), -16777217, -16777216, -1, 0, 1, 2, 16777215, 16777216, 16777217, 2 ** 31 - 1];
  const thresholds = [0, -0.5, 0.5, 1, 1.5, 16777216, -16777216, 2 ** 31, -(2 ** 31), 3e38, -3e38].map(
    Math.fround,
  );
  for (const [mode, holds] of Object.entries(MODES)) {
    it(`compare exactly in ${mode}`, async () => {
      for (const type of ['int32', 'int64'] as const) {
        for (const threshold of thresholds) {
          const made = await leaves(mode, { floats: [threshold, 0, 0] }, column(type, integers));
          const right = integers.map((x) => (holds(x, threshold) ? 1 : 2));
          expect(made, `${type} ${threshold}`).to.deep.equal(right);
        }
      }
    });
  }
});
