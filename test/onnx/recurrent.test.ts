import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  modelBytes,
  noise,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** LSTM, GRU and RNN against onnxruntime, and against ONNX's formulas where onnxruntime has no kernel. */

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Operator = keyof typeof GATES;
const STATES = { LSTM: 2, GRU: 1, RNN: 1 } as const;
const [STEPS, BATCH, SIZE, HIDDEN] = [3, 2, 5, 4] as const;

interface Options {
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  readonly isPlain?: boolean;
  readonly lengths?: readonly number[];
  readonly peepholes?: boolean;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly constants?: readonly number[];
}

function node(op: Operator, options: Options) {
  const {
    direction = 'forward',
    isPlain,
    lengths,
    peepholes,
    attributes,
    constants = [1, 2, 3, 7],
  } = options;
  const d = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const state = (seed: number) => noise([d, BATCH, HIDDEN], seed, 0.9);
  const inputs: (Value | undefined)[] = [
    noise([STEPS, BATCH, SIZE], 1, 2),
    noise([d, rows, SIZE], 2, 0.7),
    noise([d, rows, HIDDEN], 3, 0.7),
  ];
  if (!isPlain) {
    inputs.push(
      noise([d, 2 * rows], 4, 0.3),
      lengths && value('int32', [BATCH], lengths),
      state(5),
      ...(op === 'LSTM' ? [state(6)] : []),
      ...(peepholes ? [noise([d, 3 * HIDDEN], 7, 0.5)] : []),
    );
  }
  return single(op, inputs, {
    attributes: { hidden_size: HIDDEN, direction, ...attributes },
    constants: constants.filter((i) => inputs[i]),
    outputs: 1 + STATES[op],
  });
}

const cases: Record<string, Options> = {
  'without biases and states': { isPlain: true },
  'with biases and states': {},
  'in reverse': { direction: 'reverse' },
  'in both directions': { direction: 'bidirectional' },
  'with lengths known at import': { lengths: [2, 3], constants: [1, 2, 3, 4, 7] },
  'with lengths as an input': { lengths: [1, 3] },
  'with lengths, in both directions': { lengths: [3, 1], direction: 'bidirectional' },
  'with a clip': { attributes: { clip: { float: 0.3 } } },
  'with weights as inputs': { constants: [] },
};

for (const op of ['LSTM', 'GRU', 'RNN'] as const) {
  describe(op, () => {
    for (const [what, options] of Object.entries(cases)) {
      it(`agrees with onnxruntime ${what}`, async () => {
        await expectSameAsOnnxruntime(node(op, options));
      });
    }
    const functions = { LSTM: 3, GRU: 2, RNN: 1 }[op];
    for (const name of [
      'Relu',
      'Softsign',
      'Softplus',
      'HardSigmoid',
      'ScaledTanh',
      'Affine',
      'LeakyRelu',
      'Elu',
    ]) {
      it(`agrees with onnxruntime with ${name}`, async () => {
        const activations = { strings: Array.from({ length: functions }, () => name) };
        const floats = Array.from({ length: functions }, (_, i) => 0.5 + i / 8);
        const attributes: Record<string, Attribute> = { activations };
        if (!/^(Relu|Soft)/.test(name)) attributes.activation_alpha = { floats };
        if (/Affine|Scaled|Hard/.test(name)) attributes.activation_beta = { floats };
        await expectSameAsOnnxruntime(node(op, { attributes }));
      });
    }
  });
}

describe('GRU, the reset after the product', () => {
  for (const direction of ['forward', 'bidirectional'] as const) {
    it(`agrees with onnxruntime, ${direction}`, async () => {
      await expectSameAsOnnxruntime(node('GRU', { direction, attributes: { linear_before_reset: 1 } }));
    });
  }
});

describe('RNN with Elu', () => {
  // onnxruntime subtracts 1 from the exponential, and loses these digits.
  it('keeps its digits near 0', async () => {
    const floats = (...values: number[]) => value('float', [values.length, 1, 1], values.map(Math.fround));
    const inputs = [floats(-1e-6), floats(1), floats(0)];
    const attributes: Record<string, Attribute> = {
      hidden_size: 1,
      activations: { strings: ['Elu'] },
    };
    const spec = single('RNN', inputs, { attributes, constants: [1, 2] });
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), [inputs[0]!]);
    expectClose(y!, { shape: [1, 1, 1, 1], values: [Math.expm1(-1e-6)] }, 3e-7, 0);
  });
});

describe('the loops of an unrolled network', () => {
  it('are named after their steps, at most three a step', async () => {
    const { labels } = await expectSameAsOnnxruntime(node('LSTM', {}));
    for (let t = 0; t < STEPS; t++) {
      expect(labels.filter((label) => label === `the_LSTM[${t}] (LSTM)`).length, `step ${t}`).to.equal(3);
    }
  });
});

describe('LSTM with peepholes', () => {
  it('agrees with onnxruntime', async () => {
    await expectSameAsOnnxruntime(node('LSTM', { peepholes: true, direction: 'bidirectional' }));
  });

  it('agrees with onnxruntime, input and forget gate coupled', async () => {
    await expectSameAsOnnxruntime(node('LSTM', { attributes: { input_forget: 1 } }));
  });
});
