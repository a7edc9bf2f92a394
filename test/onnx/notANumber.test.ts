import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import { floats, modelBytes, runCompiled, single, type Value, value } from '../support/onnx.ts';

/** NaN where operators put numbers in order: it counts as the greatest, as in NumPy, PyTorch and onnxruntime. */

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

async function run(
  op: string,
  inputs: readonly Value[],
  options: Parameters<typeof single>[2] = {},
): Promise<(readonly number[])[]> {
  const spec = single(op, inputs, { opset: 17, ...options });
  const results = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
  return results.map(({ values }) => values);
}

/** Lines of every kind: NaN alone, several, beside infinities, signed zeros, all equal. */
const lines = [
  [1, nan, 3, 2],
  [nan, nan, 0, -0],
  [nan, nan, nan, nan],
  [infinity, nan, -infinity, nan],
  [2, 2, 2, 2],
  [-0, 0, nan, -1],
  [3, 1, 2, 0],
];

/** NaN above all numbers, zeros equal, equal elements by their places. */
const sorted = (line: readonly number[], sign: 1 | -1): number[] =>
  line
    .map((_, i) => i)
    .sort((i, j) => {
      const [a, b] = [line[i]!, line[j]!];
      const rank =
        Number.isNaN(a) || Number.isNaN(b) ? +Number.isNaN(a) - +Number.isNaN(b) : Math.sign(a - b);
      // Infinity less itself is NaN.
      return (a === b ? 0 : rank * sign) || i - j;
    });

describe('NaN in ordered lines', () => {
  for (const largest of [1, 0]) {
    it(`is greatest in TopK with largest=${largest}, whose indices are a permutation`, async () => {
      for (const line of lines) {
        for (const k of [1, 2, 4]) {
          const [values, places] = await run('TopK', [floats([4], line), value('int64', [1], [k])], {
            attributes: { largest },
            constants: [1],
            outputs: 2,
          });
          const right = sorted(line, largest ? -1 : 1).slice(0, k);
          expect(places, `${line}`).to.deep.equal(right);
          expect(values).to.deep.equal(right.map((i) => line[i]));
        }
      }
    });
  }

  it('is where ArgMax, ArgMin and Hardmax point', async () => {
    for (const line of lines.filter((one) => one.some(Number.isNaN))) {
      const x = floats([1, 4], line);
      const first = line.findIndex(Number.isNaN);
      for (const op of ['ArgMax', 'ArgMin']) {
        expect(await run(op, [x], { attributes: { axis: 1 } })).to.deep.equal([[first]]);
        const last = await run(op, [x], { attributes: { axis: 1, select_last_index: 1 } });
        expect(last).to.deep.equal([[line.findLastIndex(Number.isNaN)]]);
      }
      const oneHot = line.map((_, i) => Number(i === first));
      expect(await run('Hardmax', [x])).to.deep.equal([oneHot]);
    }
  });

  it('is what Max, Min, ReduceMax, ReduceMin, Clip, Relu and MaxPool yield', async () => {
    const [a, b] = [floats([4], [nan, 1, nan, 2]), floats([4], [0, nan, nan, 3])];
    expect(await run('Max', [a, b])).to.deep.equal([[nan, nan, nan, 3]]);
    expect(await run('Min', [a, b])).to.deep.equal([[nan, nan, nan, 2]]);
    expect(await run('Relu', [a])).to.deep.equal([[nan, 1, nan, 2]]);
    const bounds = [floats([], [0]), floats([], [1])];
    expect(await run('Clip', [a, ...bounds])).to.deep.equal([[nan, 1, nan, 1]]);
    for (const op of ['ReduceMax', 'ReduceMin']) {
      const actual = await run(op, [floats([2, 2], [1, nan, 3, 2])], {
        attributes: { axes: [1], keepdims: 0 },
      });
      expect(actual).to.deep.equal([[nan, op === 'ReduceMax' ? 3 : 2]]);
    }
    expect(await run('GlobalMaxPool', [floats([1, 1, 3], [1, nan, 3])])).to.deep.equal([[nan]]);
  });

  it('has its own place among the indices of MaxPool', async () => {
    const [values, places] = await run('MaxPool', [floats([1, 1, 6], [1, 2, nan, 4, 5, 6])], {
      attributes: { kernel_shape: [2], strides: [2] },
      outputs: 2,
    });
    expect(values).to.deep.equal([2, nan, 6]);
    expect(places).to.deep.equal([1, 2, 5]);
  });

  it('comes last in Unique, once', async () => {
    const spec = single('Unique', [floats([6], [3, nan, 1, nan, -infinity, 1])], {
      constants: [0],
      outputs: 4,
      opset: 17,
    });
    const results = await runCompiled(importOnnx(modelBytes(spec)), []);
    expect(results.map(({ values }) => values)).to.deep.equal([
      [-infinity, 1, 3, nan],
      [4, 2, 0, 1],
      [2, 3, 1, 3, 0, 1],
      [1, 2, 1, 2],
    ]);
  });

  it('ranks first in NonMaxSuppression, wherever it stands', async () => {
    // Boxes apart from each other, so that all are taken, in the order of their scores.
    const boxes = [0, 1, 2, 3].flatMap((i) => [2 * i, 0, 2 * i + 1, 1]);
    for (const line of lines) {
      const spec = single(
        'NonMaxSuppression',
        [floats([1, 4, 4], boxes), floats([1, 1, 4], line), value('int64', [1], [4])],
        { constants: [0, 1, 2], opset: 11 },
      );
      const [actual] = await runCompiled(importOnnx(modelBytes(spec)), []);
      const taken = actual!.values.filter((_, i) => i % 3 === 2);
      expect(taken, `${line}`).to.deep.equal(sorted(line, -1));
    }
  });

  it('is the first class of a linear classifier all of whose scores are NaN', async () => {
    const spec = single('LinearClassifier', [floats([2, 1], [nan, 1])], {
      domain: 'ai.onnx.ml',
      attributes: {
        coefficients: { floats: [1, 2, 3] },
        intercepts: { floats: [0, 0, 0] },
        classlabels_ints: [7, 8, 9],
        post_transform: 'NONE',
        multi_class: 1,
      },
      outputs: 2,
    });
    const [labels] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
    expect(labels!.values).to.deep.equal([7, 9]);
  });
});
