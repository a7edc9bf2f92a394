import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import { f32OfWord } from '../../src/scalar/machine.ts';
import { hardArguments } from '../support/hardArguments.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  runCompiled,
  single,
} from '../support/onnx.ts';
import { ulpError } from '../support/scalarFunction.ts';

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
    it(`${op} agrees with onnxruntime on special values`, async () => {
      await expectSameAsOnnxruntime(single(op, [special]));
    });
  }

  for (const op of ['Sin', 'Cos', 'Tan'] as const) {
    const inDoubles = { Sin: Math.sin, Cos: Math.cos, Tan: Math.tan }[op];
    it(`${op} reduces every argument exactly, on both engines and as one loop`, async () => {
      const values = hardArguments().map(f32OfWord);
      const x = floats([values.length], values);
      const model = importOnnx(modelBytes(single(op, [x])));
      const [y] = await runCompiled(model, [x]);
      y!.values.forEach((mine, i) => {
        const exact = inDoubles(values[i] as number);
        expect(ulpError(mine, exact), `${op}(${values[i]})`).to.be.at.most(2);
      });
      expect(model.program.nodes.filter(({ kind }) => kind === 'loop')).to.have.lengthOf(1);
    });
    it(`${op} agrees with onnxruntime on large arguments`, async () => {
      const values = [1.7e9, 131_072.5, 1e8, 123_456_789, 1e15, 1e20, 2 ** 100, 1e38, -3.4e38, -1e6];
      await expectSameAsOnnxruntime(single(op, [floats([values.length], values)]), {
        relative: 3e-7,
        absolute: 0,
      });
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

  // onnxruntime has NaN here, as infinity - infinity.
  it('ReduceLogSumExp is infinite where the greatest element is', async () => {
    const x = floats([4, 2], [Infinity, 1, -Infinity, -Infinity, 3e38, -3e38, NaN, Infinity]);
    const spec = single('ReduceLogSumExp', [x], { attributes: { axes: [1], keepdims: 0 }, opset: 13 });
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), [x]);
    expectClose(y!, { shape: [4], values: [Infinity, -Infinity, Math.fround(3e38), NaN] }, 0, 0);
  });
});
