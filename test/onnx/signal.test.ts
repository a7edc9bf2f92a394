import { expect } from 'chai';
import { cosOfTurn, expOf, lnOf, sinOfTurn } from '../../src/onnx/functions/tables.ts';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { expectNear } from '../support/near.ts';
import {
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
import { ulpError } from '../support/scalarFunction.ts';

/** Windows, Fourier transforms, determinants, sequences turned around: against onnxruntime, or by definition. */

const long = (x: number) => value('int64', [], [x]);

describe('tables of functions', () => {
  it('agree with the platform to the last places of binary64', () => {
    for (let n = 1; n < 40; n++) {
      for (let k = -n; k <= 2 * n; k++) {
        expectNear(cosOfTurn(k, n), Math.cos((2 * Math.PI * k) / n), 4e-15);
        expectNear(sinOfTurn(k, n), Math.sin((2 * Math.PI * k) / n), 4e-15);
      }
    }
    for (const x of [1e-9, 0.3, 0.7072, 1, 1.4143, 2, 700, 1e9]) {
      expectNear(lnOf(x), Math.log(x), 1e-14);
      expectNear(expOf(Math.log(x)) / x, 1, 1e-14);
    }
  });
  it('end at every number', () => {
    const ends = [-1, 0, Infinity, NaN, 5e-324, 1.7e308];
    expect(ends.map(lnOf)).to.deep.equal([NaN, -Infinity, Infinity, NaN, lnOf(5e-324), lnOf(1.7e308)]);
    for (const x of [5e-324, 1.7e308]) expectNear(lnOf(x), Math.log(x), 1e-12);
    expect([-1e300, 1e300, -Infinity, Infinity, NaN, 0].map(expOf)).to.deep.equal([
      0,
      Infinity,
      0,
      Infinity,
      NaN,
      1,
    ]);
  });
  it('are exact at quarters of a turn', () => {
    // Adding 0 makes -0 a 0.
    expect([0, 1, 2, 3].map((k) => cosOfTurn(k, 4) + 0)).to.deep.equal([1, 0, -1, 0]);
    expect([0, 1, 2, 3].map((k) => sinOfTurn(k, 4) + 0)).to.deep.equal([0, 1, 0, -1]);
  });
});

describe('windows', () => {
  for (const op of ['HannWindow', 'HammingWindow', 'BlackmanWindow']) {
    for (const periodic of [0, 1]) {
      for (const size of [2 - periodic, 10, 400]) {
        it(`agree with onnxruntime: ${op} of ${size}, periodic ${periodic}`, async () => {
          const options = { attributes: { periodic }, constants: [0], opset: 17 };
          await expectSameAsOnnxruntime(single(op, [long(size)], options), { absolute: 2e-7 });
        });
      }
    }
  }
});

it('windows keep their digits at the ends, and a Blackman window starts with 0', async () => {
  const size = 200_000;
  const options = { constants: [0], opset: 17 };
  const window = async (op: string): Promise<readonly number[]> => {
    const [actual] = await runCompiled(importOnnx(modelBytes(single(op, [long(size)], options))), []);
    return actual!.values;
  };
  const [hann, blackman] = [await window('HannWindow'), await window('BlackmanWindow')];
  for (const i of [1, 2, 3, 1000, 99_999, 100_000, 199_999]) {
    const square = (turns: number): number => Math.sin(turns * Math.PI) ** 2;
    expect(ulpError(hann[i]!, square(i / size)), `Hann ${i}`).to.be.at.most(1);
    const exact = square(i / size) - 0.16 * square((2 * i) / size);
    expect(ulpError(blackman[i]!, exact), `Blackman ${i}`).to.be.at.most(1);
  }
  expect([hann[0], blackman[0]]).to.deep.equal([0, 0]);
});

it('refuses a mel scale that starts at or below -700 Hz, where its logarithm ends', () => {
  for (const low of [-700, -701, -1e30]) {
    const inputs = [long(4), long(16), long(8000), floats([], [low]), floats([], [4000])];
    const spec = single('MelWeightMatrix', inputs, { constants: [0, 1, 2, 3, 4], opset: 17 });
    expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /do not lie in the spectrum/);
  }
});

it('refuses a symmetric window of one element, which is 0 / 0', () => {
  const spec = single('HannWindow', [long(1)], { attributes: { periodic: 0 }, constants: [0], opset: 17 });
  expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /0 \/ 0/);
});

describe('Fourier transforms', () => {
  for (const [what, shape, attributes, length] of [
    ['real samples', [2, 12, 1], {}, undefined],
    ['complex samples', [2, 12, 2], {}, undefined],
    ['the inverse', [2, 12, 2], { inverse: 1 }, undefined],
    ['one side', [2, 13, 1], { onesided: 1 }, undefined],
    ['fewer samples', [2, 12, 1], {}, 7],
    ['samples filled up with zeros', [1, 10, 2], {}, 16],
    ['another axis', [3, 5, 4, 1], { axis: 2 }, undefined],
  ] as const) {
    it(`DFT of ${what} agrees with onnxruntime`, async () => {
      const inputs = [noise(shape, 1), ...(length === undefined ? [] : [long(length)])];
      const options = { attributes, constants: length === undefined ? [] : [1], opset: 17 };
      await expectSameAsOnnxruntime(single('DFT', inputs, options), { absolute: 2e-6 });
    });
  }
  it('DFT takes its axis as an input since version 20', async () => {
    const spec = single('DFT', [noise([2, 3, 8, 1]), undefined, long(1)], { constants: [2], opset: 20 });
    await expectSameAsOnnxruntime(spec, { absolute: 2e-6 });
    const last = single('DFT', [noise([2, 3, 8, 1])], { opset: 20 });
    await expectSameAsOnnxruntime(last, { absolute: 2e-6 });
  });
  for (const [what, inputs, attributes] of [
    ['a window', [noise([2, 30, 1]), long(5), noise([8], 2)], {}],
    ['a frame length', [noise([1, 30]), long(7), undefined, long(10)], {}],
    ['both sides', [noise([1, 30, 1]), long(5), noise([8], 2)], { onesided: 0 }],
  ] as const) {
    it(`STFT with ${what} agrees with onnxruntime`, async () => {
      const constants = inputs.length === 4 ? [1, 3] : [1];
      const spec = single('STFT', inputs, { attributes, constants, opset: 17 });
      await expectSameAsOnnxruntime(spec, { absolute: 2e-6 });
    });
  }
  for (const [bins, length] of [
    [6, undefined],
    [5, 9],
    [4, 10],
    [6, 7],
  ] as const) {
    it(`DFT takes ${bins} frequencies back to ${length ?? 'as many'} real samples`, async () => {
      const x = noise([2, bins, 2], 3);
      const attributes = { inverse: 1, onesided: 1, axis: 1 };
      const spec = single('DFT', [x, ...(length === undefined ? [] : [long(length)])], {
        attributes,
        constants: length === undefined ? [] : [1],
        opset: 17,
      });
      const [y] = await runCompiled(importOnnx(modelBytes(spec)), [x]);
      const size = length ?? 2 * (bins - 1);
      // The whole spectrum: the half that is given (0 where it is not), and its mirror image.
      const part = (b: number, k: number, j: number): number =>
        k < bins ? (x.values[(b * bins + k) * 2 + j] as number) : 0;
      const whole = (b: number, k: number, j: number): number =>
        2 * k <= size ? part(b, k, j) : (j === 0 ? 1 : -1) * part(b, size - k, j);
      const values = Array.from({ length: 2 * size }, (_, i) => {
        const [b, n] = [Math.floor(i / size), i % size];
        let sum = 0;
        for (let k = 0; k < size; k++) {
          const angle = (2 * Math.PI * k * n) / size;
          sum += whole(b, k, 0) * Math.cos(angle) - whole(b, k, 1) * Math.sin(angle);
        }
        return sum / size;
      });
      expectClose(y!, { shape: [2, size, 1], values }, 1e-4, 1e-6);
    });
  }
  it('refuses a transform whose table would be too large', () => {
    const spec = single('DFT', [noise([1, 20_000, 1])], { opset: 17 });
    expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /20000 samples is too long/);
  });
  for (const [bins, length, rate, low, high] of [
    [8, 16, 8192, 0, 4096],
    [40, 512, 16_000, 20, 7600],
  ] as const) {
    it(`MelWeightMatrix of ${bins} bins agrees with onnxruntime`, async () => {
      const edges = [low, high].map((hertz) => floats([], [hertz]));
      const inputs = [long(bins), long(length), long(rate), ...edges];
      await expectSameAsOnnxruntime(
        single('MelWeightMatrix', inputs, { constants: [0, 1, 2, 3, 4], opset: 17 }),
      );
    });
  }
});

describe('Det', () => {
  for (const [what, x] of [
    ['2 × 2', noise([2, 2])],
    ['matrices of 3 × 3', noise([4, 3, 3], 2, 3)],
    ['matrices of 6 × 6', noise([2, 2, 6, 6], 3, 2)],
    ['a zero where the pivot would be', floats([3, 3], [0, 2, 1, 1, 0, 3, 2, 1, 0])],
    ['a singular matrix', floats([3, 3], [1, 2, 3, 2, 4, 6, 1, 0, 1])],
    ['zeros', floats([3, 3], new Array(9).fill(0))],
  ] as const) {
    it(`of ${what} agrees with onnxruntime`, async () => {
      await expectSameAsOnnxruntime(single('Det', [x]), { absolute: 1e-5 });
    });
  }
});

describe('ReverseSequence', () => {
  for (const [batch, time] of [
    [1, 0],
    [0, 1],
  ] as const) {
    it(`along dimension ${time} agrees with onnxruntime`, async () => {
      const lengths = value('int64', [4], [1, 4, 2, 3]);
      const options = { attributes: { batch_axis: batch, time_axis: time }, opset: 10 };
      await expectSameAsOnnxruntime(single('ReverseSequence', [noise([4, 4, 3]), lengths], options));
    });
  }
  it('of integers reverses no more than the lengths say', async () => {
    const spec = single('ReverseSequence', [integers('int64', [5, 2], -9, 9), value('int64', [2], [3, 5])], {
      opset: 10,
    });
    const model = importOnnx(modelBytes(spec));
    const [result] = await runCompiled(model, Object.values(spec.inputs));
    const x = (spec.inputs['x0'] as { values: readonly number[] }).values;
    const at = (t: number, b: number) => x[2 * t + b] as number;
    const expected = [0, 1, 2, 3, 4].flatMap((t) => [t < 3 ? at(2 - t, 0) : at(t, 0), at(4 - t, 1)]);
    expectClose(result!, { shape: [5, 2], values: expected }, 0, 0);
  });
});
