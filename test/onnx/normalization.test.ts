import { importOnnx } from '../../src/onnx/index.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  runCompiled,
  single,
  type Value,
} from '../support/onnx.ts';

/** Normalizations against onnxruntime; by their definition in binary64 where it lacks them. */

const x = noise([2, 6, 4, 3], 1, 3);

describe('normalizations', () => {
  for (const [opset, parameters] of [
    [18, 3],
    [21, 6],
  ] as const) {
    it(`GroupNormalization of version ${opset} agrees with onnxruntime`, async () => {
      const inputs = [x, noise([parameters], 2), noise([parameters], 3)];
      const attributes = { num_groups: 3, epsilon: { float: 1e-3 } };
      await expectSameAsOnnxruntime(single('GroupNormalization', inputs, { attributes, opset }));
    });
  }
  for (const axis of [-1, 1, 2]) {
    it(`RMSNormalization from axis ${axis} divides by the root of the mean square`, async () => {
      const scale = noise(x.shape.slice(axis), 4);
      const attributes = { axis, epsilon: { float: 1e-3 } };
      const spec = single('RMSNormalization', [x, scale], { attributes, opset: 23 });
      const [y] = await runCompiled(importOnnx(modelBytes(spec)), [x, scale]);
      expectClose(y!, { shape: x.shape, values: rms(x, scale, 1e-3) });
    });
    it(`LayerNormalization from axis ${axis} agrees with onnxruntime, statistics included`, async () => {
      const shape = x.shape.slice(axis);
      const inputs = [x, noise(shape, 4), noise(shape, 5)];
      await expectSameAsOnnxruntime(
        single('LayerNormalization', inputs, { attributes: { axis }, outputs: 3, opset: 17 }),
      );
    });
  }
  for (const axes of [undefined, [0, 2, 3], [1], [2, 3]]) {
    it(`MeanVarianceNormalization over ${axes ?? 'the usual axes'} agrees with onnxruntime`, async () => {
      const attributes = axes ? { axes } : {};
      await expectSameAsOnnxruntime(single('MeanVarianceNormalization', [x], { attributes, opset: 13 }));
    });
  }
  it('InstanceNormalization agrees with onnxruntime', async () => {
    await expectSameAsOnnxruntime(single('InstanceNormalization', [x, noise([6], 2), noise([6], 3)]));
  });
  for (const p of [1, 2]) {
    it(`LpNormalization with p ${p} agrees with onnxruntime`, async () => {
      await expectSameAsOnnxruntime(single('LpNormalization', [x], { attributes: { p, axis: 1 } }));
    });
  }
  it('a constant line is normalized to 0', async () => {
    const flat = floats([1, 2, 2, 2], new Array(8).fill(5));
    await expectSameAsOnnxruntime(single('InstanceNormalization', [flat, noise([2], 2), noise([2], 3)]));
    // onnxruntime's difference of squares makes this not a number.
    const spec = single('MeanVarianceNormalization', [flat], { opset: 13 });
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), [flat]);
    expectClose(y!, { shape: flat.shape, values: new Array(8).fill(0) }, 0, 0);
  });
});

function rms({ values }: Value, scale: Value, epsilon: number): number[] {
  const width = scale.values.length;
  return values.map((value, i) => {
    const start = i - (i % width);
    const line = values.slice(start, start + width);
    const square = line.reduce((sum, one) => sum + one * one, 0) / width;
    return (value / Math.sqrt(square + epsilon)) * scale.values[i % width]!;
  });
}
