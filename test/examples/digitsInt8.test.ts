import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { heldOut, SIDE } from '../../examples/digits/dataset.ts';
import { accuracy } from '../../examples/digits/evaluate.ts';
import { floatFile } from '../../examples/digits-int8/float.ts';
import { quantisedModel } from '../../examples/digits-int8/quantise.ts';
import { wrapOnnx } from '../../examples/onnx.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { runCompiled, runOnnxruntime, value } from '../support/onnx.ts';
import { expectAgreement } from '../support/realModel.ts';

const file = readFileSync(new URL('../../examples/digits-int8/digits-int8.onnx', import.meta.url));
const shape = [1, 1, SIDE, SIDE];

describe('the int8 digits example', function () {
  this.timeout(60_000);
  const some = heldOut().filter((_, i) => i % 50 === 0);

  it('comes out of its script to the last byte', async () => {
    expect(Buffer.compare(await quantisedModel(), file)).to.equal(0);
  });

  it('reads at most 0.5 % fewer of the held-out digits right than the float network', async () => {
    const unseen = heldOut();
    const [int8, float] = [await accuracy(file, unseen), await accuracy(floatFile(), unseen)];
    expect(int8).to.be.at.least(float - 0.005);
  });

  it('agrees with onnxruntime on digits: the same digit, confidence within 1e-4', async () => {
    for (const { pixels } of some) {
      await expectAgreement(file, {}, { image: value('uint8', shape, [...pixels]) });
    }
  });

  it('has the same integers as onnxruntime after every layer', async () => {
    const layers = ['conv1', 'conv1.pool', 'conv2', 'conv2.pool', 'dense1', 'dense2'];
    const inputs = { image: { type: 'uint8', shape } } as const;
    const opened = wrapOnnx(file, { inputs, before: [], after: [], outputs: layers });
    const model = importOnnx(opened);
    for (const { pixels } of some) {
      const image = value('uint8', shape, [...pixels]);
      const mine = await runCompiled(model, [image]);
      expect(mine).to.deep.equal(await runOnnxruntime(opened, { image }, layers));
    }
  });
});
