import { expectSameAsOnnxruntime, floats, noise, single } from '../support/onnx.ts';

/** Pools of other norms and over regions, and normalization by powers that no root gives. */

describe('pools', () => {
  for (const p of [1, 2, 3, 5]) {
    it(`LpPool and GlobalLpPool with p ${p} agree with onnxruntime`, async () => {
      const x = noise([2, 3, 6, 5], p, 2);
      const window = { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] };
      await expectSameAsOnnxruntime(single('LpPool', [x], { attributes: { p, ...window }, opset: 11 }));
      await expectSameAsOnnxruntime(single('GlobalLpPool', [x], { attributes: { p } }));
    });
  }
  it('LpPool with dilation and a partial last window agrees with onnxruntime', async () => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], dilations: [2, 2], ceil_mode: 1 };
    await expectSameAsOnnxruntime(single('LpPool', [noise([1, 2, 8, 7])], { attributes, opset: 18 }));
  });
  for (const spatial_scale of [1, 0.5]) {
    it(`MaxRoiPool by ${spatial_scale} agrees with onnxruntime`, async () => {
      const rois = floats([4, 5], [0, 1, 1, 6, 6, 1, 0, 0, 8, 7, 0, -3, -2, 2.5, 20, 1, 5, 5, 5, 5]);
      const attributes = { pooled_shape: [3, 2], spatial_scale: { float: spatial_scale } };
      await expectSameAsOnnxruntime(single('MaxRoiPool', [noise([2, 3, 8, 9]), rois], { attributes }));
    });
  }
});

describe('LRN', () => {
  for (const beta of [0.25, 0.6, 0.75, 1]) {
    it(`with beta ${beta} agrees with onnxruntime`, async () => {
      const attributes = { size: 3, beta: { float: beta }, alpha: { float: 0.5 }, bias: { float: 1.5 } };
      await expectSameAsOnnxruntime(single('LRN', [noise([2, 5, 3, 4], 1, 3)], { attributes }));
    });
  }
});
