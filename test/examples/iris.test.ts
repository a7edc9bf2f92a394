import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { boost } from '../../examples/iris/boosting.ts';
import { heldOut, SPECIES, training } from '../../examples/iris/dataset.ts';
import { encodeModel } from '../../examples/iris/onnx.ts';
import { SETTINGS } from '../../examples/iris/settings.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { expectClose, floats, type Result, runCompiled, runOnnxruntime } from '../support/onnx.ts';

const file = readFileSync(new URL('../../examples/iris/iris.onnx', import.meta.url));
const sizesOf = (sizes: readonly number[]) => floats([1, 4], sizes);

describe('the iris example', () => {
  it('comes out of its training to the last byte', () => {
    const encoded = encodeModel(boost(training(), SPECIES.length, SETTINGS));
    expect(Buffer.compare(encoded, file)).to.equal(0);
  });

  it('knows at least 28 of 30 flowers that it was not trained on', async () => {
    const model = importOnnx(file);
    let correct = 0;
    for (const { sizes, species } of heldOut()) {
      const [label] = await runCompiled(model, [sizesOf(sizes)]);
      if (label?.values[0] === species) correct++;
    }
    expect(heldOut()).to.have.length(30);
    expect(correct).to.be.at.least(28);
  });

  it('agrees with onnxruntime about flowers', async () => {
    const model = importOnnx(file);
    for (const { sizes } of [...heldOut(), ...training()].filter((_, i) => i % 10 === 0)) {
      const mine = await runCompiled(model, [sizesOf(sizes)]);
      const theirs = await runOnnxruntime(file, { sizes: sizesOf(sizes) }, ['species', 'probabilities']);
      expect(mine[0]).to.deep.equal(theirs[0]);
      expectClose(mine[1] as Result, theirs[1] as Result, 1e-4, 0);
    }
  });
});
