import { expect } from 'chai';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  runCompiled,
  single,
  value,
} from '../support/onnx.ts';

/** Operators that read images at computed places, or say where something was found. */

describe('GridSample', () => {
  const image = noise([2, 3, 4, 5], 1);
  // Half of the places are outside.
  const grid = noise([2, 3, 6, 2], 2, 2);
  for (const padding_mode of ['zeros', 'border', 'reflection']) {
    for (const align_corners of [0, 1]) {
      for (const mode of ['bilinear', 'nearest', 'bicubic']) {
        it(`agrees with onnxruntime: ${mode}, ${padding_mode}, align_corners ${align_corners}`, async () => {
          // onnxruntime moves all coordinates of a place to the border if one is outside; ONNX only that one.
          const inside =
            mode === 'bicubic' && padding_mode === 'border' ? noise([2, 3, 6, 2], 2, 0.75) : grid;
          const attributes = { mode, padding_mode, align_corners };
          await expectSameAsOnnxruntime(single('GridSample', [image, inside], { attributes, opset: 16 }));
        });
      }
      for (const mode of ['linear', 'nearest']) {
        it(`agrees with onnxruntime in a volume: ${mode}, ${padding_mode}, align_corners ${align_corners}`, async () => {
          const inputs = [noise([1, 2, 3, 4, 5], 3), noise([1, 2, 3, 2, 3], 4, 1.5)];
          const attributes = { mode, padding_mode, align_corners };
          await expectSameAsOnnxruntime(single('GridSample', inputs, { attributes, opset: 20 }));
        });
      }
    }
  }
  it('yields no number for a place that is none', async () => {
    const nowhere = floats([1, 1, 2, 2], [NaN, 0, Infinity, -Infinity]);
    const spec = single('GridSample', [floats([1, 1, 2, 2], [1, 2, 3, 4]), nowhere], { opset: 16 });
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
    expect(y?.values).to.deep.equal([NaN, NaN]);
  });
});

describe('RoiAlign', () => {
  const image = noise([2, 3, 8, 9], 1);
  const rois = floats([3, 4], [0.5, 1, 6, 7, -3, -2, 20, 5, 4, 4, 4.25, 4.5]);
  const batches = value('int64', [3], [0, 1, 0]);
  for (const mode of ['avg', 'max']) {
    for (const [opset, more] of [
      [10, {}],
      [16, { coordinate_transformation_mode: 'output_half_pixel' }],
      [16, { coordinate_transformation_mode: 'half_pixel' }],
    ] as const) {
      it(`agrees with onnxruntime: ${mode}, version ${opset} ${JSON.stringify(more)}`, async () => {
        const attributes = {
          ...more,
          mode,
          output_height: 3,
          output_width: 2,
          sampling_ratio: 2,
          spatial_scale: { float: 0.5 },
        };
        await expectSameAsOnnxruntime(single('RoiAlign', [image, rois, batches], { attributes, opset }));
      });
    }
  }
  it('refuses a number of samples that depends on data', () => {
    const spec = single('RoiAlign', [image, rois, batches], { opset: 16 });
    expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /positive sampling_ratio/);
  });
});

describe('MaxPool with places', () => {
  for (const [what, shape, attributes] of [
    ['plain', [2, 3, 6, 5], { kernel_shape: [2, 2], strides: [2, 2] }],
    ['overlapping and padded', [2, 3, 6, 5], { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] }],
    ['dilated', [1, 2, 9, 9], { kernel_shape: [3, 3], dilations: [2, 2] }],
    ['column major', [2, 3, 6, 5], { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 }],
    ['of one dimension', [2, 3, 10], { kernel_shape: [3], strides: [2] }],
    ['of three dimensions', [1, 2, 4, 4, 4], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] }],
  ] as const) {
    it(`agrees with onnxruntime: ${what}`, async () => {
      await expectSameAsOnnxruntime(single('MaxPool', [noise(shape)], { attributes, outputs: 2, opset: 12 }));
    });
  }
  it('names the first of equal elements, and none in the padding', async () => {
    const flat = floats([1, 1, 3, 3], new Array(9).fill(-Infinity));
    const attributes = { kernel_shape: [2, 2], pads: [1, 1, 0, 0] };
    const spec = single('MaxPool', [flat], { attributes, outputs: 2, opset: 12 });
    const [, places] = await runCompiled(importOnnx(modelBytes(spec)), [flat]);
    expectClose(places!, { shape: [1, 1, 3, 3], values: [0, 0, 1, 0, 0, 1, 3, 3, 4] }, 0, 0);
  });
  it('MaxUnpool puts back what MaxPool took', async () => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    await expectSameAsOnnxruntime({
      nodes: [
        { op: 'MaxPool', inputs: ['x'], outputs: ['p', 'i'], attributes },
        { op: 'MaxUnpool', inputs: ['p', 'i'], outputs: ['y'], attributes },
      ],
      inputs: { x: noise([2, 3, 6, 4]) },
      outputs: ['y'],
      opset: 12,
    });
  });
});
