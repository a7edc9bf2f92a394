import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  expectSameAsOnnxruntime,
  floats,
  integers,
  modelBytes,
  noise,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Operators that write at, sort or select by indices: scattering, TopK, and what only runs on known values. */

const list = (...values: number[]) => value('int64', [values.length], values);

describe('scattering', () => {
  const data = noise([3, 4], 1);
  const indices = value('int64', [2, 3], [1, 0, 2, -1, 2, 0]);
  const repeated = value('int64', [2, 5], [1, 0, 1, -1, 1, 3, 3, 3, 0, -4]);
  for (const constants of [[], [1], [0, 1]]) {
    const how = `with constant inputs [${constants}]`;
    for (const reduction of ['none', 'add', 'mul', 'min', 'max']) {
      it(`ScatterElements agrees with onnxruntime, reduction ${reduction}, ${how}`, async () => {
        const options = { attributes: { reduction, axis: 1 }, constants, opset: 18 };
        await expectSameAsOnnxruntime(single('ScatterElements', [data, repeated, noise([2, 5], 2)], options));
        const integral = [integers('int32', [3, 4], -9, 9), repeated, integers('int32', [2, 5], -9, 9, 3)];
        await expectSameAsOnnxruntime(single('ScatterElements', integral, options));
      });
      it(`ScatterND agrees with onnxruntime, reduction ${reduction}, ${how}`, async () => {
        const options = { attributes: { reduction }, constants, opset: 18 };
        const rows = value('int64', [2, 2, 1], [1, -1, 0, 1]);
        await expectSameAsOnnxruntime(single('ScatterND', [data, rows, noise([2, 2, 4], 2)], options));
        const elements = value('int64', [4, 2], [0, 1, 2, -1, 0, 1, 1, 0]);
        await expectSameAsOnnxruntime(single('ScatterND', [data, elements, noise([4], 2)], options));
        const integral = [integers('int32', [3, 4], -9, 9), elements, integers('int32', [4], -9, 9, 3)];
        await expectSameAsOnnxruntime(single('ScatterND', integral, options));
      });
    }
    it(`ScatterElements agrees with onnxruntime along an axis and in 3-D, ${how}`, async () => {
      await expectSameAsOnnxruntime(
        single('ScatterElements', [data, indices, noise([2, 3], 2)], { constants, opset: 16 }),
      );
      const deep = [noise([2, 3, 4], 1), integers('int64', [1, 2, 3], -3, 2), noise([1, 2, 3], 4)];
      await expectSameAsOnnxruntime(
        single('ScatterElements', deep, { attributes: { axis: 1 }, constants, opset: 16 }),
      );
    });
  }
  it('Scatter of version 9 agrees with onnxruntime', async () => {
    await expectSameAsOnnxruntime(single('Scatter', [data, indices, noise([2, 3], 2)], { opset: 9 }));
  });
  it('ScatterND of bytes agrees with onnxruntime', async () => {
    const inputs = [
      integers('uint8', [5, 3], 0, 255),
      value('int64', [2, 1], [4, 1]),
      integers('uint8', [2, 3], 0, 255, 2),
    ];
    await expectSameAsOnnxruntime(single('ScatterND', inputs, { opset: 16 }));
  });
  it('an index outside the data writes nothing', async () => {
    const inputs = [floats([2], [1, 2]), value('int64', [2], [7, 0]), floats([2], [8, 9])];
    for (const constants of [[], [1]] as number[][]) {
      const model = importOnnx(modelBytes(single('ScatterElements', inputs, { constants, opset: 16 })));
      const inputValues = inputs.filter((_, i) => !constants.includes(i));
      expect(await runCompiled(model, inputValues)).to.deep.equal([{ shape: [2], values: [9, 2] }]);
    }
  });
  it('a sum of int64 updates that may leave 32 bits is refused', () => {
    const inputs = [integers('int64', [4], 0, 9), value('int64', [2], [0, 0]), integers('int64', [2], 0, 9)];
    const spec = single('ScatterElements', inputs, { attributes: { reduction: 'add' }, opset: 18 });
    expect(() => importOnnx(modelBytes(spec))).to.throw(/may not fit int32/);
  });
});

describe('TopK', () => {
  const ties = value('int32', [2, 6], [3, 1, 3, 2, 1, 3, 0, 0, 0, 0, 5, -5]);
  for (const largest of [1, 0]) {
    for (const [axis, k] of [
      [-1, 1],
      [-1, 3],
      [0, 2],
      [1, 5],
    ] as const) {
      it(`agrees with onnxruntime, largest ${largest}, axis ${axis}, k ${k}`, async () => {
        const options = { attributes: { axis, largest }, outputs: 2, constants: [1] };
        await expectSameAsOnnxruntime(single('TopK', [noise([4, 5], 3), list(k)], options));
      });
    }
    it(`puts equal elements in the order of their places, largest ${largest}`, async () => {
      await expectSameAsOnnxruntime(
        single('TopK', [ties, list(5)], { attributes: { largest }, outputs: 2, constants: [1] }),
      );
    });
  }
  it('orders infinities and signed zeros', async () => {
    const special = floats([7], [0, Infinity, -0, -Infinity, 1, Infinity, -1]);
    await expectSameAsOnnxruntime(single('TopK', [special, list(7)], { outputs: 2, constants: [1] }));
  });
  it('takes k as an attribute up to version 9', async () => {
    await expectSameAsOnnxruntime(
      single('TopK', [noise([9])], { attributes: { k: 4 }, outputs: 2, opset: 9 }),
    );
  });
  it('is refused when there are fewer elements than k', () => {
    const bytes = modelBytes(single('TopK', [noise([3]), list(4)], { outputs: 2, constants: [1] }));
    expect(() => importOnnx(bytes)).to.throw('k is 4, and dimension 0 has 3 elements');
  });
});

describe('operators whose output depends on values that are known', () => {
  const flags = value('bool', [2, 3], [1, 0, 1, 0, 0, 1]);
  const repeated = floats([2, 4], [2, 1, 1, 3, 2, 1, 1, 3]);
  const boxes = floats(
    [2, 3, 4],
    [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 2, 1, 3, 1, 1, 0, 0, 5, 5, 6, 6, 5, 5.2, 6, 6.2],
  );
  const rates = floats([2, 2, 3], [0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.5, 0.5, 0.6, 0, 0.9, 0.95]);
  const scalar = (x: number) => floats([], [x]);
  const cases: readonly [string, readonly Value[], object][] = [
    ['NonZero', [flags], {}],
    ['NonZero', [floats([2, 2, 2], [0, 1, 0, -1, 0, 0, 2, 0])], {}],
    ['Compress', [noise([3, 4]), value('bool', [3], [0, 1, 1])], { attributes: { axis: 0 } }],
    ['Compress', [noise([3, 4]), value('bool', [5], [0, 1, 1, 0, 1])], {}],
    ['Unique', [repeated], { outputs: 4 }],
    ['Unique', [repeated], { outputs: 4, attributes: { sorted: 0 } }],
    ['Unique', [repeated], { outputs: 4, attributes: { axis: 1 } }],
    ['Unique', [repeated], { outputs: 4, attributes: { axis: 0 } }],
    ['NonMaxSuppression', [boxes, rates, list(2), scalar(0.5), scalar(0.05)], {}],
    ['NonMaxSuppression', [boxes, rates, list(3), scalar(0.9)], {}],
    ['NonMaxSuppression', [boxes, rates, list(3), scalar(0.2)], { attributes: { center_point_box: 1 } }],
  ];
  for (const [op, inputs, options] of cases) {
    const what = `of shapes ${inputs.map(({ shape }) => `[${shape}]`).join(' ')}, ${JSON.stringify(options)}`;
    it(`${op} of constants agrees with onnxruntime ${what}`, async () => {
      await expectSameAsOnnxruntime(single(op, inputs, { constants: inputs.map((_, i) => i), ...options }));
    });
    it(`${op} of an input is refused ${what}`, () => {
      expect(() => importOnnx(modelBytes(single(op, inputs, options)))).to.throw(/depends on/);
    });
  }
  it('Compress of an input by a known condition agrees with onnxruntime', async () => {
    const inputs = [noise([3, 4]), value('bool', [4], [0, 1, 0, 1])];
    await expectSameAsOnnxruntime(single('Compress', inputs, { attributes: { axis: 1 }, constants: [1] }));
  });
});
