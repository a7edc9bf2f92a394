import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { heldOut } from '../../examples/iris/dataset.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { expectClose, floats, type Result, runCompiled, runOnnxruntime } from '../support/onnx.ts';

/** Files that scikit-learn's, XGBoost's, LightGBM's and CatBoost's exporters wrote; `exported/make.py` says how. */

const FOLDER = join(import.meta.dirname, 'exported');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.onnx'));

/** Labels of strings, which are left out. */
const OF_STRINGS = ['perceptron_names.onnx', 'random_forest_names.onnx'];
/** Outputs of maps, which are given as tensors, and which onnxruntime-web cannot read. */
const MAPS: Readonly<Record<string, string>> = { 'random_forest_maps.onnx': 'output_probability' };

const flowers = heldOut().filter((_, i) => i % 3 === 0);
const x = floats(
  [flowers.length, 4],
  flowers.flatMap(({ sizes }) => sizes),
);

describe('models as exporters write them', () => {
  it('are there', () => {
    expect(files).to.have.length(20);
  });

  for (const name of files) {
    it(`${name} agrees with onnxruntime about ten flowers`, async () => {
      const bytes = readFileSync(join(FOLDER, name));
      const input = onnxProto.onnx.ModelProto.decode(bytes).graph!.input![0]!.name!;
      const model = importOnnx(bytes, { dims: { [`${input}.0`]: flowers.length } });
      const outputs = model.outputs.map((output) => output.name);
      const leftOut = model.notes.filter((note) => note.includes('is left out')).length;
      expect(leftOut, 'outputs left out').to.equal(OF_STRINGS.includes(name) ? 1 : 0);
      const mine = await runCompiled(model, [x]);
      const compared = outputs.filter((output) => output !== MAPS[name]);
      const theirs = await runOnnxruntime(bytes, { [input]: x }, compared);
      compared.forEach((output, i) => {
        const result = mine[outputs.indexOf(output)] as Result;
        const isExact = model.outputs[outputs.indexOf(output)]!.dtype !== 'f32';
        expectClose(result, theirs[i] as Result, isExact ? 0 : 1e-4, isExact ? 0 : 1e-6);
      });
    });
  }

  it('gives maps as rows of scores, which are those of the same model without maps', async () => {
    const bytes = readFileSync(join(FOLDER, 'random_forest_maps.onnx'));
    const model = importOnnx(bytes, { dims: { 'X.0': flowers.length } });
    const at = model.outputs.findIndex(({ name }) => name === MAPS['random_forest_maps.onnx']);
    const same = readFileSync(join(FOLDER, 'random_forest_names.onnx'));
    const [expected] = await runOnnxruntime(same, { X: x }, ['probabilities']);
    expectClose((await runCompiled(model, [x]))[at] as Result, expected as Result);
  });
});
