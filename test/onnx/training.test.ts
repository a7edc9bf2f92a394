import { expect } from 'chai';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { expectSameAsOnnxruntime, floats, modelBytes, noise, single, value } from '../support/onnx.ts';

/** Operators that behave otherwise in training: what of it is a function of the inputs runs, the rest is refused. */

const x = noise([2, 3, 4, 2], 1, 2);
const parameters = [noise([3], 2), noise([3], 3), noise([3], 4), floats([3], [0.5, 1, 2])];

describe('training mode', () => {
  it('BatchNormalization normalizes by the batch and moves the running statistics', async () => {
    const spec = single('BatchNormalization', [x, ...parameters], {
      attributes: { training_mode: 1, momentum: { float: 0.7 } },
      outputs: 3,
      opset: 15,
    });
    await expectSameAsOnnxruntime(spec);
  });

  it('Dropout with nothing to drop passes its input on', async () => {
    const spec = single('Dropout', [x, floats([], [0]), value('bool', [], [1])], {
      constants: [1, 2],
      outputs: 2,
      opset: 13,
    });
    await expectSameAsOnnxruntime(spec);
  });

  it('Dropout at inference passes its input on, whatever the ratio', async () => {
    const spec = single('Dropout', [x, floats([], [0.75]), value('bool', [], [0])], {
      constants: [1, 2],
      outputs: 2,
      opset: 13,
    });
    await expectSameAsOnnxruntime(spec);
  });

  it('Dropout that drops is refused', () => {
    const spec = single('Dropout', [x, floats([], [0.5]), value('bool', [], [1])], {
      constants: [1, 2],
      opset: 13,
    });
    expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /random/);
  });
});
