import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  integers,
  modelBytes,
  noise,
  runCompiled,
  runOnnxruntime,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Attention and rotary embeddings against onnxruntime. */

type Attributes = Record<string, Attribute>;
const CLOSE = { relative: 1e-4, absolute: 1e-5 };

describe('Attention', () => {
  const [batch, heads, queries, keys, size] = [2, 4, 3, 5, 6];
  const q = noise([batch, heads, queries, size], 1);
  const k = noise([batch, heads, keys, size], 2);
  const v = noise([batch, heads, keys, 8], 3);
  const flat = [noise([batch, queries, 24], 1), noise([batch, keys, 24], 2), noise([batch, keys, 24], 3)];
  const cases: readonly [
    what: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    outputs: number,
  ][] = [
    ['heads apart', [q, k, v], {}, 1],
    ['heads side by side', flat, { q_num_heads: 4, kv_num_heads: 4 }, 1],
    ['a scale', [q, k, v], { scale: { float: 0.7 } }, 1],
    ['softcap', [q, k, v], { softcap: { float: 0.3 } }, 1],
    ['causal', [noise([1, 2, 5, 4], 1), noise([1, 2, 5, 4], 2), noise([1, 2, 5, 4], 3)], { is_causal: 1 }, 1],
    ['a mask that is added', [q, k, v, noise([queries, keys], 4)], {}, 1],
    ['a mask by batch', [q, k, v, noise([batch, 1, queries, keys], 4)], {}, 1],
    [
      'a mask of bits',
      [q, k, v, value('bool', [queries, keys], [1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1])],
      {},
      1,
    ],
    ['fewer heads of the key', [q, noise([2, 2, 5, 6], 2), noise([2, 2, 5, 6], 3)], {}, 1],
    [
      'fewer heads of the key, side by side',
      [flat[0]!, noise([2, 5, 12], 2), noise([2, 5, 12], 3)],
      { q_num_heads: 4, kv_num_heads: 2 },
      1,
    ],
    [
      'keys of earlier calls',
      [
        q,
        noise([2, 4, 3, 6], 2),
        noise([2, 4, 3, 8], 3),
        undefined,
        noise([2, 4, 4, 6], 5),
        noise([2, 4, 4, 8], 6),
      ],
      { is_causal: 1 },
      3,
    ],
    ['the raw products', [q, k, v], { qk_matmul_output_mode: 0 }, 4],
    ['the weights', [q, k, v, noise([queries, keys], 4)], { qk_matmul_output_mode: 3 }, 4],
  ];
  for (const [what, inputs, attributes, outputs] of cases) {
    it(`agrees with onnxruntime with ${what}`, async () => {
      await expectSameAsOnnxruntime(single('Attention', inputs, { attributes, outputs, opset: 23 }), CLOSE);
    });
  }
  it('agrees with a graph of plain operators on keys up to a length by batch', async () => {
    const lengths = value('int64', [batch], [2, 5]);
    const inputs = [q, k, v, undefined, undefined, undefined, lengths];
    const spec = single('Attention', inputs, { opset: 24 });
    const [mine] = await runCompiled(importOnnx(modelBytes(spec)), [q, k, v, lengths]);
    const mask = floats([batch, 1, 1, keys], [0, 0, -1e30, -1e30, -1e30, 0, 0, 0, 0, 0]);
    const plain = {
      nodes: [
        { op: 'Transpose', inputs: ['k'], outputs: ['kt'], attributes: { perm: [0, 1, 3, 2] } },
        { op: 'MatMul', inputs: ['q', 'kt'], outputs: ['raw'] },
        { op: 'Mul', inputs: ['raw', 'scale'], outputs: ['scores'] },
        { op: 'Add', inputs: ['scores', 'mask'], outputs: ['masked'] },
        { op: 'Softmax', inputs: ['masked'], outputs: ['weights'] },
        { op: 'MatMul', inputs: ['weights', 'v'], outputs: ['y'] },
      ],
      inputs: { q, k, v },
      constants: { mask, scale: floats([], [1 / Math.sqrt(size)]) },
      outputs: ['y'],
    };
    const [expected] = await runOnnxruntime(modelBytes(plain), plain.inputs, plain.outputs);
    expectClose(mine!, expected!, CLOSE.relative, CLOSE.absolute);
  });
});

describe('attention that does not fit', () => {
  const x = (batch = 1) => noise([batch, 2, 4, 8]);
  const joined = (batch = 1) => noise([batch, 4, 8]);
  const microsoft = { domain: 'com.microsoft', attributes: { num_heads: 2 } };
  const cases: readonly [what: string, spec: GraphSpec, message: string | RegExp][] = [
    ['another batch', single('Attention', [x(), x(3), x(3)], { opset: 23 }), 'is not of 1 batches'],
    ['a larger mask', single('Attention', [x(), x(), x(), noise([7, 4])], { opset: 23 }), 'do not broadcast'],
    ['no heads', single('Attention', [joined(), joined(), joined()], { opset: 23 }), 'q_num_heads is 0'],
    [
      'a mask of starts and ends',
      single(
        'MultiHeadAttention',
        [joined(2), joined(2), joined(2), undefined, value('int32', [8], [4, 4, 0, 4, 8, 0, 4, 8])],
        microsoft,
      ),
      'a mask of shape [8]',
    ],
    [
      'another batch of keys',
      single('MultiHeadAttention', [joined(), joined(2), joined(2)], microsoft),
      'is not of 1 batches',
    ],
  ];
  for (const [what, spec, message] of cases) {
    it(`is refused: ${what}`, () => {
      expect(() => importOnnx(modelBytes(spec))).to.throw(message);
    });
  }
});

describe('RotaryEmbedding', () => {
  const [cos, sin] = [noise([10, 3], 2), noise([10, 3], 3)];
  const positions = integers('int64', [2, 4], 0, 9);
  const apart = noise([2, 2, 4, 6], 1);
  const joined = noise([2, 4, 12], 1);
  for (const interleaved of [0, 1]) {
    it(`agrees with onnxruntime, interleaved ${interleaved}`, async () => {
      const options = { attributes: { interleaved }, opset: 23 };
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [apart, cos, sin, positions], options));
      const withHeads = { attributes: { interleaved, num_heads: 2 }, opset: 23 };
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [joined, cos, sin, positions], withHeads));
      const byBatch = [joined, noise([2, 4, 3], 2), noise([2, 4, 3], 3)];
      await expectSameAsOnnxruntime(single('RotaryEmbedding', byBatch, withHeads));
      const part = { attributes: { interleaved, num_heads: 1, rotary_embedding_dim: 6 }, opset: 23 };
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [joined, cos, sin, positions], part));
    });
    it(`of com.microsoft agrees with onnxruntime, interleaved ${interleaved}`, async () => {
      const options = { attributes: { interleaved }, domain: 'com.microsoft' };
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [apart, positions, cos, sin], options));
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [joined, positions, cos, sin], options));
      const first = value('int64', [1], [5]);
      await expectSameAsOnnxruntime(single('RotaryEmbedding', [joined, first, cos, sin], options));
    });
  }
});
