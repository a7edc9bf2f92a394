import { expect } from 'chai';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  integers,
  modelBytes,
  noise,
  type Result,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Operators of the newest versions, against onnxruntime where it has them and by definition where it does not. */

async function run(...args: Parameters<typeof single>): Promise<Result> {
  const spec = single(...args);
  const [y] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
  return y!;
}

/** Elements of a tensor by their indices; 0 outside. */
const reader =
  ({ shape, values }: Value) =>
  (...indices: readonly number[]): number => {
    let flat = 0;
    for (const [i, index] of indices.entries()) {
      if (index < 0 || index >= (shape[i] as number)) return 0;
      flat = flat * (shape[i] as number) + index;
    }
    return values[flat] as number;
  };

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

it('Swish is x sigmoid(alpha x)', async () => {
  const x = noise([20], 1, 6);
  const y = await run('Swish', [x], { attributes: { alpha: { float: 1.5 } }, opset: 24 });
  expectClose(y, { shape: [20], values: x.values.map((v) => v / (1 + Math.exp(-1.5 * v))) });
});

describe('TensorScatter', () => {
  const past = noise([3, 2, 5, 2], 1);
  const update = noise([3, 2, 2, 2], 2);
  const at = value('int64', [3], [0, 2, 4]);
  const [old, fresh] = [reader(past), reader(update)];
  for (const mode of ['linear', 'circular']) {
    it(`writes at the given starts, ${mode}`, async () => {
      const starts = mode === 'linear' ? value('int64', [3], [0, 2, 3]) : at;
      const y = await run('TensorScatter', [past, update, starts], { attributes: { mode }, opset: 24 });
      const values = range(3).flatMap((n) =>
        range(2).flatMap((h) =>
          range(5).flatMap((p) =>
            range(2).map((d) => {
              const k = (p - starts.values[n]! + 5) % 5;
              return k < 2 ? fresh(n, h, k, d) : old(n, h, p, d);
            }),
          ),
        ),
      );
      expectClose(y, { shape: past.shape, values }, 0, 0);
    });
  }
  it('writes from the start if nothing else is said', async () => {
    const y = await run('TensorScatter', [past, update], { opset: 24 });
    const kept = range(3).flatMap((n) =>
      range(2).flatMap((h) =>
        range(5).flatMap((p) => range(2).map((d) => (p < 2 ? fresh(n, h, p, d) : old(n, h, p, d)))),
      ),
    );
    expectClose(y, { shape: past.shape, values: kept }, 0, 0);
  });
});

describe('DeformConv', () => {
  for (const [what, groups, offsetGroups, attributes] of [
    ['plain', 1, 1, {}],
    ['padded, with strides and dilation', 1, 2, { pads: [1, 1, 1, 1], strides: [2, 1], dilations: [1, 2] }],
    ['groups', 2, 2, { pads: [1, 0, 1, 0] }],
  ] as const) {
    for (const [withMask, withBias] of [
      [false, false],
      [true, true],
    ]) {
      it(`is a convolution of sampled places: ${what}${withMask ? ', with bias and mask' : ''}`, async () => {
        const {
          pads = [0, 0, 0, 0],
          strides = [1, 1],
          dilations = [1, 1],
        } = attributes as {
          pads?: readonly number[];
          strides?: readonly number[];
          dilations?: readonly number[];
        };
        const [batch, channels, height, width, filters] = [2, 4, 6, 7, 4];
        const kernel = [3, 2];
        const [oh, ow] = [height, width].map((extent, d) =>
          Math.floor(
            (extent + pads[d]! + pads[d + 2]! - dilations[d]! * (kernel[d]! - 1) - 1) / strides[d]! + 1,
          ),
        ) as [number, number];
        const taps = 6;
        const x = noise([batch, channels, height, width], 1);
        const w = noise([filters, channels / groups, ...kernel], 2);
        const offset = noise([batch, offsetGroups * taps * 2, oh, ow], 3, 2);
        const bias = withBias ? noise([filters], 4) : undefined;
        const mask = withMask ? noise([batch, offsetGroups * taps, oh, ow], 5) : undefined;
        const y = await run('DeformConv', [x, w, offset, bias, mask], {
          attributes: { ...attributes, group: groups, offset_group: offsetGroups },
          opset: 19,
        });
        const [pixel, weight, moved] = [reader(x), reader(w), reader(offset)];
        const between = (n: number, c: number, row: number, column: number): number => {
          const [r, q] = [Math.floor(row), Math.floor(column)];
          const [v, u] = [row - r, column - q];
          return (
            (1 - v) * ((1 - u) * pixel(n, c, r, q) + u * pixel(n, c, r, q + 1)) +
            v * ((1 - u) * pixel(n, c, r + 1, q) + u * pixel(n, c, r + 1, q + 1))
          );
        };
        const element = (n: number, f: number, row: number, column: number): number => {
          let sum = bias ? bias.values[f]! : 0;
          const perGroup = channels / groups;
          for (const ci of range(perGroup)) {
            const c = Math.floor(f / (filters / groups)) * perGroup + ci;
            const og = Math.floor(c / (channels / offsetGroups));
            for (const kr of range(kernel[0]!)) {
              for (const kc of range(kernel[1]!)) {
                const tap = og * taps + kr * kernel[1]! + kc;
                const r = row * strides[0]! - pads[0]! + kr * dilations[0]! + moved(n, 2 * tap, row, column);
                const q =
                  column * strides[1]! - pads[1]! + kc * dilations[1]! + moved(n, 2 * tap + 1, row, column);
                const factor = mask ? reader(mask)(n, tap, row, column) : 1;
                sum += weight(f, ci, kr, kc) * factor * between(n, c, r, q);
              }
            }
          }
          return sum;
        };
        const values = range(batch).flatMap((n) =>
          range(filters).flatMap((f) => range(oh).flatMap((r) => range(ow).map((c) => element(n, f, r, c)))),
        );
        expectClose(y, { shape: [batch, filters, oh, ow], values }, 1e-4, 1e-5);
      });
    }
  }
});

describe('TfIdfVectorizer of integers', () => {
  const pool = {
    ngram_counts: [0, 4],
    ngram_indexes: [2, 0, 1, 3, 6, 4, 5],
    pool_int64s: [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
  };
  for (const mode of ['TF', 'IDF', 'TFIDF']) {
    for (const [min_gram_length, max_gram_length, max_skip_count] of [
      [1, 1, 0],
      [1, 2, 0],
      [2, 2, 5],
      [1, 2, 5],
    ] as const) {
      it(`counts as ${mode} n-grams of ${min_gram_length} to ${max_gram_length}, ${max_skip_count} skipped`, async () => {
        const attributes = { ...pool, mode, min_gram_length, max_gram_length, max_skip_count };
        const weights = mode === 'TF' ? {} : { weights: { floats: [0.5, 1, 2, 3, 4, 5, 6] } };
        const x = integers('int32', [3, 9], 2, 8);
        await expectSameAsOnnxruntime(
          single('TfIdfVectorizer', [x], { attributes: { ...attributes, ...weights } }),
        );
      });
    }
  }
});

describe('BitCast', () => {
  for (const [from, to, values, expected] of [
    ['float', 6, [1, -2, 0], [0x3f800000, -0x40000000, 0]],
    ['int32', 1, [0x3f800000, -0x40000000, 0], [1, -2, 0]],
    ['uint8', 3, [0, 127, 128, 255], [0, 127, -128, -1]],
    ['int8', 2, [0, 127, -128, -1], [0, 127, 128, 255]],
    ['uint16', 5, [0, 32767, 32768, 65535], [0, 32767, -32768, -1]],
  ] as const) {
    it(`of ${from} to type ${to} keeps the bits`, async () => {
      const y = await run('BitCast', [value(from, [values.length], values)], {
        attributes: { to },
        opset: 26,
      });
      expectClose(y, { shape: [values.length], values: expected }, 0, 0);
    });
  }
  it('is refused where a type is not held in its own bits', () => {
    for (const [from, to] of [
      ['double', 7],
      ['float', 12],
    ] as const) {
      const spec = single('BitCast', [value(from, [1], [1])], {
        attributes: { to },
        opset: 26,
      });
      expect(() => importOnnx(modelBytes(spec)), from).to.throw(ImportError);
    }
  });
});

it('refuses versions of the operators that are not known yet', () => {
  const spec = single('Relu', [noise([2])], { opset: 29 });
  expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /newer than 28/);
});

describe('axis of binary operators up to version 6', () => {
  it('says where the dimensions of the second tensor lie', async () => {
    const [a, b] = [noise([2, 3, 4], 1), noise([3], 2)];
    const y = await run('Add', [a, b], { attributes: { broadcast: 1, axis: 1 }, opset: 6 });
    const values = a.values.map((x, i) => Math.fround(x + b.values[Math.floor(i / 4) % 3]!));
    expectClose(y, { shape: a.shape, values }, 0, 0);
  });
});

it('Attention of a query that no key is open to is 0', async () => {
  const [q, k, v] = [1, 2, 3].map((seed) => noise([1, 1, 2, 4], seed)) as [Value, Value, Value];
  const mask = value('bool', [2, 2], [0, 0, 1, 0]);
  const y = await run('Attention', [q, k, v, mask], { opset: 23 });
  expectClose(y, { shape: [1, 1, 2, 4], values: [0, 0, 0, 0, ...v.values.slice(0, 4)] }, 1e-6);
});
