import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  integers,
  modelBytes,
  type NodeSpec,
  noise,
  runCompiled,
  runOnnxruntime,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Float operators of com.microsoft against onnxruntime's own kernels. */

type Attributes = Record<string, Attribute>;
type Inputs = readonly (Value | undefined)[];
type Case = readonly [op: string, what: string, inputs: Inputs, attributes?: Attributes, more?: object];

const float = (x: number) => ({ float: x });
const x = noise([2, 3, 8], 1, 3);
const bias = noise([8], 2);
const gamma = noise([8], 3);
const beta = noise([8], 4);
const image = noise([1, 2, 5, 5], 1);
const filters = noise([3, 2, 3, 3], 2);
const matrix = noise([3, 4], 1);

const fused: Case[] = [
  ['BiasGelu', 'a row', [x, bias]],
  ['Gelu', 'a block', [x]],
  ['FastGelu', 'without a bias', [x]],
  ['FastGelu', 'with a bias', [x, bias]],
  ['QuickGelu', 'its own factor', [x]],
  ['QuickGelu', 'another factor', [x], { alpha: float(0.9) }],
  ['FusedMatMul', 'alpha', [matrix, noise([4, 5], 2)], { alpha: float(0.3) }],
  ['FusedMatMul', 'the first transposed', [noise([2, 4, 3], 1), noise([2, 4, 5], 2)], { transA: 1 }],
  ['FusedMatMul', 'the second transposed', [noise([2, 3, 4], 1), noise([5, 4], 2)], { transB: 1 }],
  [
    'FusedMatMul',
    'batches moved',
    [noise([3, 2, 4], 1), noise([5, 2, 4], 2)],
    { transBatchA: 1, transBatchB: 1, transB: 1 },
  ],
  ['FusedGemm', 'Relu', [matrix, noise([4, 5], 2), noise([5], 3)], { activation: 'Relu' }],
  [
    'FusedGemm',
    'LeakyRelu',
    [matrix, noise([4, 5], 2), noise([5], 3)],
    { activation: 'LeakyRelu', activation_alpha: float(0.2) },
  ],
  ...(
    [
      ['Relu', []],
      ['Tanh', []],
      ['Sigmoid', []],
      ['LeakyRelu', [0.1]],
      ['Clip', [-0.5, 0.5]],
      ['HardSigmoid', [0.3, 0.4]],
    ] as const
  ).map(
    ([activation, parameters]): Case => [
      'FusedConv',
      activation,
      [image, filters, noise([3], 3)],
      { activation, ...(parameters.length > 0 ? { activation_params: { floats: parameters } } : {}) },
    ],
  ),
  ['FusedConv', 'an addend', [image, filters, noise([3], 3), noise([1, 3, 3, 3], 5)], { activation: 'Relu' }],
];

const norms: Case[] = [
  ['SkipLayerNormalization', 'a bias', [x, noise([2, 3, 8], 5), gamma, beta, bias], {}, { outputs: 4 }],
  ['SkipLayerNormalization', 'no bias', [x, noise([2, 3, 8], 5), gamma], { epsilon: float(0.01) }],
  ['SkipSimplifiedLayerNormalization', 'a bias', [x, noise([2, 3, 8], 5), gamma, bias]],
  [
    'EmbedLayerNormalization',
    'segments and a mask',
    [
      integers('int32', [2, 3], 0, 9),
      integers('int32', [2, 3], 0, 1, 2),
      noise([10, 8], 3),
      noise([6, 8], 4),
      noise([2, 8], 5),
      gamma,
      beta,
      value('int32', [2, 3], [1, 1, 0, 1, 1, 1]),
    ],
    {},
    { outputs: 3 },
  ],
  [
    'EmbedLayerNormalization',
    'positions',
    [
      integers('int32', [2, 3], 0, 9),
      undefined,
      noise([10, 8], 3),
      noise([6, 8], 4),
      undefined,
      gamma,
      beta,
      undefined,
      value('int32', [2, 3], [3, 1, 0, 1, 2, 5]),
    ],
    {},
    { outputs: 2 },
  ],
];

const weights = [noise([2, 4, 8], 1), noise([8, 24], 2), noise([24], 3)];
const head = (seed: number, length = 4): Value => noise([2, length, 8], seed);
const attentions: Case[] = [
  ['Attention', 'two heads', weights, { num_heads: 2 }],
  ['Attention', 'unidirectional', weights, { num_heads: 2, unidirectional: 1 }],
  ['Attention', 'a mask', [...weights, value('int32', [2, 4], [1, 1, 1, 0, 1, 0, 1, 1])], { num_heads: 2 }],
  ['Attention', 'a mask by query', [...weights, integers('int32', [2, 4, 4], 0, 1)], { num_heads: 2 }],
  ['Attention', 'lengths', [...weights, value('int32', [2], [3, 4])], { num_heads: 2 }],
  [
    'Attention',
    'other sizes',
    [noise([2, 4, 8], 1), noise([8, 28], 2), noise([28], 3)],
    { num_heads: 2, qkv_hidden_sizes: [8, 8, 12] },
  ],
  [
    'Attention',
    'earlier keys',
    [...weights, undefined, noise([2, 2, 2, 3, 4], 5)],
    { num_heads: 2, unidirectional: 1 },
    { outputs: 2 },
  ],
  [
    'Attention',
    'a bias of the scores',
    [...weights, undefined, undefined, noise([2, 2, 4, 4], 6)],
    { num_heads: 2 },
  ],
  ['MultiHeadAttention', 'three tensors', [head(1), head(2), head(3)], { num_heads: 2 }],
  ['MultiHeadAttention', 'a bias', [head(1), head(2), head(3), noise([24], 4)], { num_heads: 2 }],
  [
    'MultiHeadAttention',
    'other keys',
    [head(1), head(2, 6), head(3, 6)],
    { num_heads: 4, scale: float(0.4) },
  ],
  [
    'MultiHeadAttention',
    'a mask and a bias of the scores',
    [
      head(1),
      head(2),
      head(3),
      undefined,
      value('int32', [2, 4], [1, 1, 1, 0, 1, 0, 1, 1]),
      noise([1, 2, 4, 4], 6),
    ],
    { num_heads: 2 },
  ],
  [
    'MultiHeadAttention',
    'earlier keys',
    [
      head(1),
      head(2),
      head(3),
      undefined,
      undefined,
      undefined,
      noise([2, 2, 3, 4], 5),
      noise([2, 2, 3, 4], 6),
    ],
    { num_heads: 2, unidirectional: 1 },
    { outputs: 3 },
  ],
];
const [cos, sin] = [noise([16, 8], 8), noise([16, 8], 9)];
const group = (queries: number, before: number, more: Value[] = []): Inputs => [
  noise([1, queries, 64], 1),
  noise([1, queries, 32], 2),
  noise([1, queries, 32], 3),
  before > 0 ? noise([1, 2, before, 16], 4) : undefined,
  before > 0 ? noise([1, 2, before, 16], 5) : undefined,
  value('int32', [1], [queries + before - 1]),
  value('int32', [], [queries + before]),
  ...more,
];
const GROUPED = { num_heads: 4, kv_num_heads: 2 };
const KNOWN = { constants: [5, 6], outputs: 3 };
const groups: Case[] = [
  ['GroupQueryAttention', 'a prompt', group(5, 0), GROUPED, KNOWN],
  ['GroupQueryAttention', 'the next token', group(1, 6), GROUPED, KNOWN],
  ['GroupQueryAttention', 'rotation', group(5, 0, [cos, sin]), { ...GROUPED, do_rotary: 1 }, KNOWN],
  [
    'GroupQueryAttention',
    'rotation of the next token, interleaved',
    group(1, 6, [cos, sin]),
    { ...GROUPED, do_rotary: 1, rotary_interleaved: 1 },
    KNOWN,
  ],
  ['GroupQueryAttention', 'a window', group(6, 0), { ...GROUPED, local_window_size: 3 }, KNOWN],
  [
    'GroupQueryAttention',
    'attributes at the only value that is supported',
    group(5, 0),
    { ...GROUPED, smooth_softmax: 0, qk_output: 0, k_quant_type: 'NONE', v_quant_type: 'NONE' },
    KNOWN,
  ],
  ['GroupQueryAttention', 'softcap', group(5, 0), { ...GROUPED, softcap: float(0.5) }, KNOWN],
];

/** Operators without a kernel on the CPU, as the standard operators that they stand for. */
const plain: readonly [
  op: string,
  what: string,
  inputs: readonly Value[],
  attributes: Attributes,
  nodes: NodeSpec[],
][] = [
  [
    'BiasSoftmax',
    'a bias without outer dimensions',
    [noise([2, 3, 4, 5], 1), noise([4, 5], 2)],
    { axis: 3, is_inner_broadcast: 0 },
    [
      { op: 'Add', inputs: ['x0', 'x1'], outputs: ['sum'] },
      { op: 'Softmax', inputs: ['sum'], outputs: ['y0'] },
    ],
  ],
  [
    'BiasSoftmax',
    'a bias without inner dimensions',
    [noise([2, 3, 4, 5], 1), noise([2, 5], 2)],
    { axis: 3, is_inner_broadcast: 1 },
    [
      {
        op: 'Constant',
        inputs: [],
        outputs: ['shape'],
        attributes: { value: { tensor: value('int64', [4], [2, 1, 1, 5]) } },
      },
      { op: 'Reshape', inputs: ['x1', 'shape'], outputs: ['bias'] },
      { op: 'Add', inputs: ['x0', 'bias'], outputs: ['sum'] },
      { op: 'Softmax', inputs: ['sum'], outputs: ['y0'] },
    ],
  ],
  [
    'BiasSplitGelu',
    'halves',
    [noise([2, 3, 8], 1, 2), noise([8], 2)],
    {},
    [
      { op: 'Add', inputs: ['x0', 'x1'], outputs: ['sum'] },
      { op: 'Split', inputs: ['sum'], outputs: ['left', 'right'], attributes: { axis: -1 } },
      { op: 'Gelu', domain: 'com.microsoft', inputs: ['right'], outputs: ['gelu'] },
      { op: 'Mul', inputs: ['left', 'gelu'], outputs: ['y0'] },
    ],
  ],
  [
    'BiasAdd',
    'a skip connection',
    [noise([2, 3, 8], 1), noise([8], 2), noise([2, 3, 8], 3)],
    {},
    [
      { op: 'Add', inputs: ['x0', 'x1'], outputs: ['sum'] },
      { op: 'Add', inputs: ['sum', 'x2'], outputs: ['y0'] },
    ],
  ],
  [
    'MultiHeadAttention',
    'one tensor of all',
    [noise([2, 4, 2, 3, 5], 1)],
    { num_heads: 2 },
    [...picked('x0', ['q', 'k', 'v']), ...attended('q')],
  ],
  [
    'MultiHeadAttention',
    'keys and values in one',
    [noise([2, 4, 10], 1), noise([2, 4, 2, 2, 5], 2)],
    { num_heads: 2 },
    [...picked('x1', ['k', 'v']), ...attended('x0')],
  ],
];

/** The tensors that lie next to each other in dimension 3, with their heads joined. */
function picked(from: string, names: readonly string[]): NodeSpec[] {
  const shape = { value: { tensor: value('int64', [3], [2, 4, 10]) } };
  return [
    { op: 'Split', inputs: [from], outputs: names.map((name) => `${name}5`), attributes: { axis: 3 } },
    { op: 'Constant', inputs: [], outputs: ['shape'], attributes: shape },
    ...names.map((name) => ({ op: 'Reshape', inputs: [`${name}5`, 'shape'], outputs: [name] })),
  ];
}

function attended(query: string): NodeSpec[] {
  const attributes = { num_heads: 2 };
  return [
    {
      op: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: [query, 'k', 'v'],
      outputs: ['y0'],
      attributes,
    },
  ];
}

describe('float operators of com.microsoft', () => {
  for (const [op, what, inputs, attributes = {}, more = {}] of [
    ...fused,
    ...norms,
    ...attentions,
    ...groups,
  ]) {
    it(`${op} agrees with onnxruntime, ${what}`, async () => {
      const spec = single(op, inputs, { attributes, domain: 'com.microsoft', ...more });
      await expectSameAsOnnxruntime(spec, { absolute: 1e-5 });
    });
  }
  for (const [op, what, inputs, attributes, nodes] of plain) {
    it(`${op} is what the operators are that it stands for, ${what}`, async () => {
      const spec = single(op, inputs, { attributes, domain: 'com.microsoft' });
      const model = importOnnx(modelBytes(spec));
      const [mine] = await runCompiled(model, inputs);
      const bytes = modelBytes({ nodes, inputs: spec.inputs, outputs: ['y0'], opset: 13 });
      const [expected] = await runOnnxruntime(bytes, spec.inputs, ['y0']);
      expectClose(mine!, expected!, 1e-4, 1e-5);
    });
  }
  it('GroupQueryAttention is refused with a window of no keys', () => {
    const attributes = { ...GROUPED, local_window_size: 0 };
    const spec = single('GroupQueryAttention', group(5, 0), {
      attributes,
      domain: 'com.microsoft',
      ...KNOWN,
    });
    expect(() => importOnnx(modelBytes(spec))).to.throw('local_window_size is 0, which hides every key');
  });
  it('SimplifiedLayerNormalization agrees with onnxruntime', async () => {
    await expectSameAsOnnxruntime(single('SimplifiedLayerNormalization', [x, gamma], { outputs: 2 }));
  });
  it('Gelu of nothing but infinities and zeros agrees with onnxruntime', async () => {
    const special = floats([4], [0, -0, 30, -30]);
    await expectSameAsOnnxruntime(single('Gelu', [special], { domain: 'com.microsoft' }));
  });
});
