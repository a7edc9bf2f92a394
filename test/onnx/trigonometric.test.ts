import { importOnnx } from '../../src/onnx/index.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  runCompiled,
  single,
} from '../support/onnx.ts';

/** Against onnxruntime; the accuracy of the functions themselves is in functions.test.ts. */

const special = floats([10], [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-40, 3.4e38, -2.5]);

describe('trigonometric operators', () => {
  for (const op of ['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh']) {
    it(`${op} agrees with onnxruntime within -1 and 1, within -9 and 9, and above 1`, async () => {
      await expectSameAsOnnxruntime(single(op, [noise([40], 1)]));
      await expectSameAsOnnxruntime(single(op, [noise([40], 2, 9)]));
      const above = noise([40], 3, 2).values.map((x) => 3 + x);
      await expectSameAsOnnxruntime(single(op, [floats([40], above)]));
    });
    // Beyond 2^14 sin and cos lose digits, so 3.4e38 says nothing about them.
    const values = /^(Sin|Cos|Tan)$/.test(op)
      ? special.values.filter((x) => x < 1e5 || x > 3.5e38)
      : special.values;
    it(`${op} agrees with onnxruntime on special values`, async () => {
      await expectSameAsOnnxruntime(single(op, [floats([values.length], values)]));
    });
  }

  // onnxruntime loses these digits.
  for (const [op, negative, positive] of [
    ['Elu', 1, 1],
    ['Celu', 1, 1],
    ['Selu', 1.6732631921768188 * 1.0507010221481323, 1.0507010221481323],
  ] as const) {
    it(`${op} keeps its digits near 0`, async () => {
      const x = noise([40], 4, 1e-5);
      const [y] = await runCompiled(importOnnx(modelBytes(single(op, [x]))), [x]);
      const values = x.values.map((one) => (one < 0 ? negative * Math.expm1(one) : positive * one));
      expectClose(y!, { shape: [40], values }, 4e-7, 0);
    });
  }
});
