import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  integers,
  modelBytes,
  noise,
  runCompiled,
  single,
  value,
} from '../support/onnx.ts';

/** Every mode of Resize against onnxruntime; plain scales are among the other operators' cases. */

const list = (...values: number[]) => value('int64', [values.length], values);
const image = noise([1, 2, 5, 6], 1);

type Attributes = Readonly<Record<string, Attribute>>;
const resize = (sizes: readonly number[], attributes: Attributes, roi?: readonly number[]) =>
  single('Resize', [image, roi && floats([roi.length], roi), undefined, list(...sizes)], {
    attributes,
    constants: [1, 3],
    opset: 19,
  });

describe('Resize', () => {
  const transformations = [
    'half_pixel',
    'half_pixel_symmetric',
    'pytorch_half_pixel',
    'align_corners',
    'asymmetric',
  ];
  for (const mode of ['nearest', 'linear', 'cubic']) {
    for (const transformation of transformations) {
      it(`agrees with onnxruntime, ${mode}, ${transformation}`, async () => {
        for (const sizes of [
          [1, 2, 10, 9],
          [1, 2, 3, 4],
          [1, 2, 1, 1],
          [1, 2, 7, 6],
        ]) {
          await expectSameAsOnnxruntime(
            resize(sizes, { mode, coordinate_transformation_mode: transformation }),
          );
        }
      });
    }
  }
  for (const rounding of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) {
    it(`agrees with onnxruntime, nearest, ${rounding}`, async () => {
      for (const transformation of ['asymmetric', 'half_pixel']) {
        const attributes = { nearest_mode: rounding, coordinate_transformation_mode: transformation };
        await expectSameAsOnnxruntime(resize([1, 2, 10, 12], attributes));
        await expectSameAsOnnxruntime(resize([1, 2, 3, 3], attributes));
      }
    });
  }
  for (const mode of ['nearest', 'linear', 'cubic']) {
    it(`agrees with onnxruntime on a region that reaches outside, ${mode}`, async () => {
      const attributes = {
        mode,
        coordinate_transformation_mode: 'tf_crop_and_resize',
        extrapolation_value: { float: 7.5 },
      };
      await expectSameAsOnnxruntime(resize([1, 2, 4, 8], attributes, [0, 0, 0.3, -0.2, 1, 1, 0.8, 1.1]));
      await expectSameAsOnnxruntime(resize([1, 2, 1, 3], attributes, [0, 0, 0.3, 0.2, 1, 1, 0.8, 0.5]));
    });
  }
  for (const mode of ['linear', 'cubic']) {
    for (const exclude_outside of [0, 1]) {
      it(`agrees with onnxruntime with antialias, ${mode}, exclude_outside ${exclude_outside}`, async () => {
        const attributes = { mode, antialias: 1, exclude_outside };
        for (const sizes of [
          [1, 2, 2, 2],
          [1, 2, 3, 5],
          [1, 2, 8, 9],
        ])
          await expectSameAsOnnxruntime(resize(sizes, attributes));
      });
    }
  }
  it('folds over the taps where antialias takes many', async () => {
    const spec = single('Resize', [noise([1, 1, 40, 40]), undefined, undefined, list(1, 1, 3, 4)], {
      attributes: { mode: 'linear', antialias: 1, exclude_outside: 1 },
      constants: [3],
      opset: 19,
    });
    await expectSameAsOnnxruntime(spec);
  });
  for (const policy of ['stretch', 'not_larger', 'not_smaller']) {
    it(`agrees with onnxruntime on chosen axes, ${policy}`, async () => {
      for (const sizes of [
        [7, 7],
        [3, 5],
      ]) {
        const spec = single('Resize', [image, undefined, undefined, list(...sizes)], {
          attributes: { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: policy },
          constants: [3],
          opset: 19,
        });
        await expectSameAsOnnxruntime(spec);
      }
    });
  }
  it('of bytes takes the nearest ones', async () => {
    const spec = single(
      'Resize',
      [integers('uint8', [1, 1, 4, 4], 0, 255), undefined, floats([4], [1, 1, 2, 0.5])],
      {
        constants: [2],
      },
    );
    await expectSameAsOnnxruntime(spec);
  });
  it('takes the size before rounding for align_corners, unlike onnxruntime', async () => {
    // 4 * 0.6 = 2.4 elements: the second one lies at 1 * 3 / 1.4.
    const line = floats([4], [0, 7, 14, 21]);
    const attributes = { mode: 'linear', coordinate_transformation_mode: 'align_corners' };
    const spec = single('Resize', [line, undefined, floats([1], [0.6])], { attributes, constants: [2] });
    const [result] = await runCompiled(importOnnx(modelBytes(spec)), [line]);
    expectClose(result!, { shape: [2], values: [0, 15] });
  });
  it('of mode tf_half_pixel_for_nn agrees with onnxruntime', async () => {
    const attributes = { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' };
    const inputs = [image, floats([0], []), floats([0], []), list(1, 2, 3, 9)];
    await expectSameAsOnnxruntime(single('Resize', inputs, { attributes, constants: [1, 2, 3], opset: 11 }));
  });
  it('refuses a coordinate mode that is not known', () => {
    const bytes = modelBytes(resize([1, 2, 3, 3], { coordinate_transformation_mode: 'sideways' }));
    expect(() => importOnnx(bytes)).to.throw('coordinate_transformation_mode sideways is not known');
  });
});
