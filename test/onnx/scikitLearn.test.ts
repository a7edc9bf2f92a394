import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectSameAsOnnxruntime,
  floats,
  integers,
  modelBytes,
  noise,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Operators of ai.onnx.ml around trees, as scikit-learn's converters emit them, against onnxruntime. */

const ml = (
  op: string,
  inputs: readonly Value[],
  attributes: Record<string, Attribute> = {},
  more: Parameters<typeof single>[2] = {},
) => single(op, inputs, { attributes, domain: 'ai.onnx.ml', ...more });

const rows = noise([5, 4], 1, 2);
const whole = integers('int64', [5, 4], -3, 3);
const list = (count: number, seed: number): { floats: number[] } => ({
  floats: [...noise([count], seed, 1).values],
});
const TRANSFORMS = ['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO'];

describe('ai.onnx.ml: features', () => {
  it('Scaler agrees with onnxruntime, with values for each column or one for all', async () => {
    for (const x of [rows, whole]) {
      await expectSameAsOnnxruntime(ml('Scaler', [x], { offset: list(4, 2), scale: list(4, 3) }));
      await expectSameAsOnnxruntime(ml('Scaler', [x], { offset: { floats: [0.5] }, scale: { floats: [3] } }));
    }
  });

  for (const norm of ['MAX', 'L1', 'L2']) {
    it(`Normalizer by ${norm} agrees with onnxruntime on rows, a vector and zeros`, async () => {
      const x = floats([3, 2], [3, -4, 0, 0, -1, -2]);
      for (const tensor of [rows, whole, x, noise([4], 2)]) {
        await expectSameAsOnnxruntime(ml('Normalizer', [tensor], { norm }));
      }
    });
  }

  it('Binarizer agrees with onnxruntime', async () => {
    const x = floats([5], [-1, 0, 0.25, 0.26, Infinity]);
    await expectSameAsOnnxruntime(ml('Binarizer', [x], { threshold: { float: 0.25 } }));
  });

  it('Imputer replaces NaN or a number, by column and for all', async () => {
    const x = floats([2, 3], [1, NaN, -1, NaN, 5, 7]);
    for (const values of [[10, 20, 30], [4]]) {
      for (const replaced of [NaN, -1]) {
        const attributes = {
          imputed_value_floats: { floats: values },
          replaced_value_float: { float: replaced },
        };
        await expectSameAsOnnxruntime(ml('Imputer', [x], attributes));
      }
    }
    await expectSameAsOnnxruntime(
      ml('Imputer', [whole], { imputed_value_int64s: [9], replaced_value_int64: -3 }),
    );
  });

  it('ArrayFeatureExtractor goes by places that are known and that are not', async () => {
    const places = value('int64', [1, 3], [2, 0, 3]);
    for (const x of [rows, whole, noise([2, 3, 4], 3), noise([5], 4)]) {
      await expectSameAsOnnxruntime(ml('ArrayFeatureExtractor', [x, places]));
      await expectSameAsOnnxruntime(ml('ArrayFeatureExtractor', [x, places], {}, { constants: [1] }));
    }
  });

  it('FeatureVectorizer cuts off and fills up', async () => {
    const inputs = [rows, noise([5, 2], 2), noise([5, 3], 3)];
    await expectSameAsOnnxruntime(ml('FeatureVectorizer', inputs, { inputdimensions: [3, 4, 3] }));
  });

  it('OneHotEncoder agrees with onnxruntime', async () => {
    for (const x of [whole, floats([4], [1.9, -2, 0, 7])]) {
      await expectSameAsOnnxruntime(ml('OneHotEncoder', [x], { cats_int64s: [0, -2, 1, 3] }));
    }
  });

  it('LabelEncoder maps integers and floats, and the rest to the default', async () => {
    const keys = { keys_int64s: [-3, 0, 2] };
    const numbers = { keys_floats: { floats: [0.5, NaN, 2] } };
    const x = floats([5], [0.5, 2, NaN, 3, -0.5]);
    const expectLabels = async (input: Value, attributes: Record<string, Attribute>) => {
      for (const version of [2, 4]) {
        const domains = { 'ai.onnx.ml': version };
        await expectSameAsOnnxruntime(ml('LabelEncoder', [input], attributes, { domains }));
      }
    };
    await expectLabels(whole, { ...keys, values_int64s: [7, -8, 9], default_int64: 100 });
    await expectLabels(whole, { ...keys, values_floats: { floats: [0.25, 1e9, -3] } });
    await expectLabels(x, { ...numbers, values_int64s: [1, 2, 3] });
    await expectLabels(x, {
      ...numbers,
      values_floats: { floats: [1, 2, 3] },
      default_float: { float: -1.5 },
    });
  });
});

describe('ai.onnx.ml: linear models', () => {
  for (const post_transform of TRANSFORMS) {
    it(`LinearRegressor applies ${post_transform} to one target and to three`, async () => {
      for (const targets of [1, 3]) {
        const attributes = { targets, coefficients: list(4 * targets, 5), post_transform };
        await expectSameAsOnnxruntime(ml('LinearRegressor', [rows], attributes));
        const moved = { ...attributes, intercepts: list(targets, 6) };
        await expectSameAsOnnxruntime(ml('LinearRegressor', [rows], moved));
      }
    });

    it(`LinearClassifier applies ${post_transform} to one score, to two and to three`, async () => {
      for (const [labels, scores] of [
        [[4, -9], 1],
        [[4, -9], 2],
        [[4, -9, 0], 3],
      ] as const) {
        const attributes = {
          classlabels_ints: labels,
          coefficients: list(4 * scores, 5),
          intercepts: list(scores, 6),
          post_transform,
        };
        for (const x of [rows, whole]) {
          await expectSameAsOnnxruntime(ml('LinearClassifier', [x], attributes, { outputs: 2 }));
        }
      }
    });
  }
});

describe('ai.onnx.ml: support vector machines', () => {
  const kernels = [
    { kernel_type: 'LINEAR', kernel_params: { floats: [0, 0, 0] } },
    { kernel_type: 'RBF', kernel_params: { floats: [0.3, 0, 3] } },
    { kernel_type: 'POLY', kernel_params: { floats: [0.3, 0.5, 3] } },
    { kernel_type: 'SIGMOID', kernel_params: { floats: [0.3, 0.5, 3] } },
  ];

  for (const kernel of kernels) {
    it(`SVMRegressor with the kernel ${kernel.kernel_type} agrees with onnxruntime`, async () => {
      for (const one_class of [0, 1]) {
        const attributes = {
          ...kernel,
          n_supports: 6,
          coefficients: list(6, 7),
          support_vectors: list(24, 8),
          rho: { floats: [0.25] },
          one_class,
        };
        await expectSameAsOnnxruntime(ml('SVMRegressor', [rows], attributes));
      }
    });

    for (const post_transform of TRANSFORMS) {
      it(`SVMClassifier agrees with onnxruntime, kernel ${kernel.kernel_type}, ${post_transform}`, async () => {
        for (const [labels, perClass] of [
          [
            [3, 8],
            [2, 4],
          ],
          [
            [3, 8, -1, 0],
            [2, 1, 3, 1],
          ],
        ] as const) {
          const vectors = perClass.reduce((sum: number, count) => sum + count, 0);
          const attributes = {
            ...kernel,
            classlabels_ints: labels,
            vectors_per_class: perClass,
            coefficients: list((labels.length - 1) * vectors, 9),
            support_vectors: list(4 * vectors, 10),
            rho: list((labels.length * (labels.length - 1)) / 2, 11),
            post_transform,
          };
          await expectSameAsOnnxruntime(ml('SVMClassifier', [rows], attributes, { outputs: 2 }));
        }
      });
    }
  }

  it('linear machines need no support vectors', async () => {
    const kernel = { kernel_type: 'LINEAR', kernel_params: { floats: [0, 0, 0] }, rho: { floats: [0.5] } };
    const regressor = { ...kernel, n_supports: 0, coefficients: list(4, 12) };
    await expectSameAsOnnxruntime(ml('SVMRegressor', [rows], regressor));
    for (const labels of [
      [3, 8],
      [3, 8, 0],
    ]) {
      for (const scale of [1, -1, 0.1]) {
        const coefficients = list(4 * labels.length, 13).floats.map((v) =>
          scale > 0.5 ? v : scale * Math.abs(v),
        );
        const attributes = { ...kernel, classlabels_ints: labels, coefficients: { floats: coefficients } };
        await expectSameAsOnnxruntime(ml('SVMClassifier', [rows], attributes, { outputs: 2 }));
      }
    }
  });

  it('refuses probabilities, which take an iteration', () => {
    const attributes = {
      ...kernels[1]!,
      classlabels_ints: [0, 1],
      vectors_per_class: [1, 1],
      coefficients: list(2, 1),
      support_vectors: list(8, 2),
      rho: { floats: [0] },
      prob_a: { floats: [1] },
      prob_b: { floats: [0] },
    };
    expect(() => importOnnx(modelBytes(ml('SVMClassifier', [rows], attributes, { outputs: 2 })))).to.throw(
      'export with probability=False',
    );
  });
});

describe('ai.onnx.ml: labels that are strings, and maps', () => {
  const classifier = (labels: Record<string, Attribute>) => ({
    ...labels,
    coefficients: list(8, 5),
    intercepts: list(2, 6),
  });

  it('leaves strings out, says so, and yields the scores that onnxruntime does', async () => {
    const attributes = classifier({ classlabels_strings: { strings: ['no', 'yes'] } });
    const spec = ml('LinearClassifier', [rows], attributes, { outputs: 2 });
    const model = importOnnx(modelBytes(spec));
    expect(model.outputs.map(({ name }) => name)).to.deep.equal(['y1']);
    expect(model.notes).to.deep.equal([
      'output "y0" is left out: node "the_LinearClassifier" (ai.onnx.ml.LinearClassifier): its output "y0" has strings as labels; export with integer labels',
    ]);
    const same = ml('LinearClassifier', [rows], classifier({ classlabels_ints: [0, 1] }), { outputs: 2 });
    const [mine] = await runCompiled(model, [rows]);
    const [, theirs] = await runCompiled(importOnnx(modelBytes(same)), [rows]);
    expect(mine).to.deep.equal(theirs);
  });

  it('leaves out what is computed from a constant of strings', async () => {
    const spec = ml('ArrayFeatureExtractor', [integers('int64', [3], 0, 1)]);
    const node = { ...spec.nodes[0]!, inputs: ['names', 'x0'] };
    const copy = { op: 'Identity', inputs: ['x0'], outputs: ['same'] };
    const bytes = modelBytes({ ...spec, nodes: [node, copy], outputs: ['y0', 'same'] });
    const file = onnxProto.onnx.ModelProto.decode(bytes);
    const text = (word: string) => new TextEncoder().encode(word);
    file.graph!.initializer!.push({
      name: 'names',
      dims: [2],
      dataType: 8,
      stringData: [text('a'), text('b')],
    });
    const model = importOnnx(onnxProto.onnx.ModelProto.encode(file).finish());
    expect(model.outputs.map(({ name }) => name)).to.deep.equal(['same']);
    expect(model.notes.at(-1)).to.equal(
      'output "y0" is left out: initializer "names": its elements are strings, which no program holds',
    );
  });

  it('refuses a model of which nothing else is left', () => {
    const attributes = { keys_int64s: [1], values_strings: { strings: ['one'] } };
    const spec = ml('LabelEncoder', [whole], attributes, { domains: { 'ai.onnx.ml': 2 } });
    expect(() => importOnnx(modelBytes(spec))).to.throw('has strings as values; export with integer labels');
  });

  it('gives the maps of ZipMap as the tensor of their values, and says so', async () => {
    const attributes = { classlabels_int64s: [0, 1, 2, 3] };
    const model = importOnnx(modelBytes(ml('ZipMap', [rows], attributes)));
    const [result] = await runCompiled(model, [rows]);
    expect(result).to.deep.equal({ shape: [5, 4], values: rows.values });
    expect(model.notes[0]).to.include('given as a tensor');
  });
});
