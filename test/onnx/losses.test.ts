import { expectSameAsOnnxruntime, floats, integers, noise, single, value } from '../support/onnx.ts';

/** Losses against onnxruntime, which expands them by their definition as functions of ONNX. */

const scores = noise([3, 5, 2], 1, 3);
const labels = integers('int64', [3, 2], 0, 4, 2);
const weights = floats([5], [0.5, 2, 1, 0.25, 4]);

describe('losses', () => {
  for (const op of ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss']) {
    for (const reduction of ['none', 'sum', 'mean']) {
      for (const [what, inputs] of [
        ['no weights', [scores, labels]],
        ['weights', [scores, labels, weights]],
      ] as const) {
        for (const ignored of [undefined, 1, -1]) {
          const without = ignored === undefined ? '' : `, ${ignored} ignored`;
          it(`agree with onnxruntime: ${op}, ${reduction}, ${what}${without}`, async () => {
            const targets = ignored === -1 ? value('int64', [3, 2], [0, -1, 2, 3, -1, 4]) : labels;
            await expectSameAsOnnxruntime(
              single(op, [scores, targets, ...inputs.slice(2)], {
                attributes: { reduction, ...(ignored === undefined ? {} : { ignore_index: ignored }) },
                opset: 13,
              }),
            );
          });
        }
      }
    }
  }

  it('SoftmaxCrossEntropyLoss yields the logarithms of probabilities too', async () => {
    const spec = single('SoftmaxCrossEntropyLoss', [scores, labels], { outputs: 2, opset: 13 });
    await expectSameAsOnnxruntime(spec);
  });

  it('takes a target for each row, of int32', async () => {
    const rows = integers('int32', [4], 0, 2, 3);
    await expectSameAsOnnxruntime(single('SoftmaxCrossEntropyLoss', [noise([4, 3]), rows], { opset: 13 }));
  });
});
