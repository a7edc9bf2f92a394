import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import { type Expression, f32, word } from '../../src/onnx/ir/expression.ts';
import {
  type Halves,
  halvesOfF32,
  halvesOfI32,
  halvesOfNumber,
  keyOf,
  keyOfNumber,
  keys,
  roundedToF32,
} from '../../src/onnx/tensors/doubleBits.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { f32OfWord } from '../../src/scalar/machine.ts';
import {
  type Attribute,
  type GraphSpec,
  modelBytes,
  node,
  runCompiled,
  single,
  type TypeName,
  type Value,
  value,
} from '../support/onnx.ts';

/** Comparisons of numbers that a program holds in another type than the model: as the exact numbers compare. */

const MODES: Readonly<Record<string, (x: number, t: number) => boolean>> = {
  BRANCH_LEQ: (x, t) => x <= t,
  BRANCH_LT: (x, t) => x < t,
  BRANCH_GTE: (x, t) => x >= t,
  BRANCH_GT: (x, t) => x > t,
  BRANCH_EQ: (x, t) => x === t,
  BRANCH_NEQ: (x, t) => x !== t,
};

/** A tree of one branch: 1 where it is true, 2 elsewhere. */
const stump = (mode: string, threshold: Attribute): Record<string, Attribute> => ({
  nodes_treeids: [0, 0, 0],
  nodes_nodeids: [0, 1, 2],
  nodes_featureids: [0, 0, 0],
  nodes_modes: { strings: [mode, 'LEAF', 'LEAF'] },
  nodes_truenodeids: [1, 0, 0],
  nodes_falsenodeids: [2, 0, 0],
  ['tensor' in (threshold as object) ? 'nodes_values_as_tensor' : 'nodes_values']: threshold,
  target_treeids: [0, 0],
  target_nodeids: [1, 2],
  target_ids: [0, 0],
  n_targets: 1,
});

async function leaves(mode: string, threshold: Attribute, x: Value): Promise<readonly number[]> {
  const isTensor = 'tensor' in (threshold as object);
  const weights: Readonly<Record<string, Attribute>> = isTensor
    ? { target_weights_as_tensor: { tensor: value('double', [2], [1, 2]) } }
    : { target_weights: { floats: [1, 2] } };
  const spec = single('TreeEnsembleRegressor', [x], {
    domain: 'ai.onnx.ml',
    domains: { 'ai.onnx.ml': 3 },
    attributes: { ...stump(mode, threshold), ...weights },
  });
  const [actual] = await runCompiled(importOnnx(modelBytes(spec)), [x]);
  return actual!.values;
}

/** Doubles that float32 does not tell apart, on thresholds and beside them, and all kinds of special ones. */
const near = [
  1.2,
  1.2000001,
  1.2 + 2 ** -52,
  1.2 - 2 ** -52,
  Math.fround(1.2),
  0.1,
  -1.2,
  -1.2 - 2 ** -52,
  4.14,
];
const special = [0, -0, 5e-324, -5e-324, 1e-40, 1e308, -1e308, Infinity, -Infinity, NaN];
const doubles = [...near, ...special, 16777217, 2 ** 53, 0.5 + 2 ** -30];

const column = (type: TypeName, values: readonly number[]): Value => value(type, [values.length, 1], values);

describe('trees on integers', () => {
  // Neighbours that float32 does not tell apart, and the ends of int32.
  const integers = [-(2 ** 31), -16777217, -16777216, -1, 0, 1, 2, 16777215, 16777216, 16777217, 2 ** 31 - 1];
  const thresholds = [0, -0.5, 0.5, 1, 1.5, 16777216, -16777216, 2 ** 31, -(2 ** 31), 3e38, -3e38].map(
    Math.fround,
  );
  for (const [mode, holds] of Object.entries(MODES)) {
    it(`compare exactly in ${mode}`, async () => {
      for (const type of ['int32', 'int64'] as const) {
        for (const threshold of thresholds) {
          const actual = await leaves(mode, { floats: [threshold, 0, 0] }, column(type, integers));
          const right = integers.map((x) => (holds(x, threshold) ? 1 : 2));
          expect(actual, `${type} ${threshold}`).to.deep.equal(right);
        }
      }
    });
  }
});

describe('trees on doubles', () => {
  for (const [mode, holds] of Object.entries(MODES)) {
    it(`compare exactly in ${mode}`, async () => {
      for (const threshold of [1.2, -1.2, 0, 0.1, 1e-40, 1e308, 0.5]) {
        const tensor = value('double', [3], [threshold, 0, 0]);
        const actual = await leaves(mode, { tensor }, column('double', doubles));
        // NaN is unequal to everything, and nothing else holds of it.
        const right = doubles.map((x) => (holds(x, threshold) ? 1 : 2));
        expect(actual, `${threshold}`).to.deep.equal(right);
      }
    });
  }

  it('compare with thresholds that are float32', async () => {
    const actual = await leaves(
      'BRANCH_LT',
      { floats: [0.1, 0, 0] },
      column('double', [0.1, Math.fround(0.1)]),
    );
    expect(actual).to.deep.equal([1, 2]);
  });
});

const OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Equal: (a, b) => a === b,
};

async function outputs(spec: GraphSpec): Promise<(readonly number[])[]> {
  const model = importOnnx(modelBytes(spec));
  const inputValues = model.inputs.map(({ name }) => spec.inputs[name] as Value);
  return (await runCompiled(model, inputValues)).map(({ values }) => values);
}

describe('doubles', () => {
  const n = doubles.length;
  const x = value('double', [n, 1], doubles);
  const y = value('double', [1, n], doubles);
  for (const [op, holds] of Object.entries(OPERATORS)) {
    const right = doubles.flatMap((a) => doubles.map((b) => Number(holds(a, b))));

    it(`are compared exactly by ${op}: two inputs, an input and a constant, copies of both`, async () => {
      expect(
        await outputs({ nodes: [node(op, ['x', 'y'], ['z'])], inputs: { x, y }, outputs: ['z'] }),
      ).to.deep.equal([right]);
      const nodes = [
        node('Reshape', ['c', 'row'], ['r']),
        node('Transpose', ['x'], ['t']),
        node('Transpose', ['t'], ['u']),
        node('Where', ['yes', 'u', 'x'], ['w']),
        node('Concat', ['w', 'w'], ['k'], { axis: 1 }),
        node('Slice', ['k', 'from', 'to'], ['s']),
        node(op, ['x', 'r'], ['z']),
        node(op, ['w', 'r'], ['v']),
      ];
      const constants = {
        c: value('double', [n, 1], doubles),
        row: value('int64', [2], [1, n]),
        from: value('int64', [2], [0, 1]),
        to: value('int64', [2], [n, 2]),
      };
      const yes = value('bool', [1, 1], [1]);
      const actual = await outputs({ nodes, constants, inputs: { x, yes }, outputs: ['z', 'v'] });
      expect(actual).to.deep.equal([right, right]);
    });

    it(`are compared exactly by ${op} after casts of integers and floats`, async () => {
      const integers = [
        -(2 ** 31),
        -16777217,
        -16777216,
        -257,
        -1,
        0,
        1,
        255,
        256,
        16777216,
        16777217,
        2 ** 31 - 1,
      ];
      const floats = [0, -0, 0.1, 1.2, 1e-45, 1e-40, 3e38, Infinity, -Infinity, NaN, 16777216].map(
        Math.fround,
      );
      const i = value('int64', [integers.length, 1], integers);
      const f = value('float', [floats.length, 1], floats);
      const c = [...integers, 16777216.5, -256.5, 0.1, 1.2, 1e-45, ...floats];
      const actual = await outputs({
        nodes: [
          node('Cast', ['i'], ['p'], { to: TYPES.double.code }),
          node('Cast', ['f'], ['q'], { to: TYPES.double.code }),
          node(op, ['p', 'c'], ['z']),
          node(op, ['q', 'c'], ['w']),
        ],
        constants: { c: value('double', [1, c.length], c) },
        inputs: { i, f },
        outputs: ['z', 'w'],
      });
      const table = (list: readonly number[]) => list.flatMap((a) => c.map((b) => Number(holds(a, b))));
      expect(actual).to.deep.equal([table(integers), table(floats)]);
    });
  }

  it('stay exact within a range that the input is bound to', async () => {
    const model = importOnnx(
      modelBytes({
        nodes: [node('Identity', ['x'], ['y']), node('Equal', ['x', 'c'], ['z'])],
        inputs: { x },
        constants: { c: value('double', [1, 1], [1.2]) },
        outputs: ['y', 'z'],
      }),
      { ranges: { x: { low: -0.5, high: 1.2 } } },
    );
    const within = (d: number): number => Math.min(1.2, Math.max(-0.5, d));
    const [y1, z] = await runCompiled(model, [x]);
    expect(y1!.values).to.deep.equal(doubles.map((d) => Math.fround(within(d))));
    expect(z!.values).to.deep.equal(doubles.map((d) => Number(within(d) === 1.2)));
  });

  it('are ranked exactly by TopK', async () => {
    const close = [1.2, 1.2 + 2 ** -52, 1.2 - 2 ** -52, NaN, -0, 0, 1.2];
    const nodes = [node('TopK', ['x', 'k'], ['v', 'i'])];
    const actual = await outputs({
      nodes,
      inputs: { x: value('double', [7], close) },
      constants: { k: value('int64', [1], [7]) },
      outputs: ['i'],
    });
    expect(actual).to.deep.equal([[3, 1, 0, 6, 2, 4, 5]]);
  });

  const operator = async (op: string, attributes: Record<string, Attribute>, version = 2) => {
    const spec = single(op, [value('double', [1, n], doubles)], {
      domain: 'ai.onnx.ml',
      domains: { 'ai.onnx.ml': version },
      attributes,
    });
    const [actual] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
    return actual!.values;
  };

  it('are above the threshold of Binarizer, or not, exactly', async () => {
    for (const threshold of [Math.fround(1.2), 0, Math.fround(0.1)]) {
      const right = doubles.map((d) => Number(d > threshold));
      expect(await operator('Binarizer', { threshold: { float: threshold } })).to.deep.equal(right);
    }
  });

  it('are replaced by Imputer and found by LabelEncoder only where they are equal', async () => {
    const replaced = Math.fround(1.2);
    const imputed = await operator('Imputer', {
      replaced_value_float: { float: replaced },
      imputed_value_floats: { floats: [77] },
    });
    expect(imputed).to.deep.equal(doubles.map((d) => (d === replaced ? 77 : Math.fround(d))));
    const keys = [1.2, 1.2 + 2 ** -52, 0.1];
    const found = await operator(
      'LabelEncoder',
      {
        keys_tensor: { tensor: value('double', [3], keys) },
        values_tensor: { tensor: value('double', [3], [1, 2, 3]) },
        default_tensor: { tensor: value('double', [1], [9]) },
      },
      4,
    );
    expect(found).to.deep.equal(doubles.map((d) => keys.indexOf(d) + 1 || 9));
  });
});

describe('binary64 in words', () => {
  const literal = (expression: Expression): number =>
    expression.kind === 'literal' ? expression.word : expect.fail('not a literal');
  const wordsOf = (x: number) => {
    const { low, high } = halvesOfNumber(x);
    return { low: word(low), high: word(high) };
  };

  it('is rounded to binary32 as Math.fround does, for every exponent and tie', () => {
    const view = new DataView(new ArrayBuffer(8));
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
    const samples = [
      0,
      1,
      -1,
      5e-324,
      2 ** -149,
      2 ** -150,
      1.5 * 2 ** -150,
      3.4028235677973366e38,
      3.5e38,
      Infinity,
      NaN,
    ];
    for (let exponent = 860; exponent < 1160; exponent++) {
      for (const low of [0, 1, 0x10000000, 0x0fffffff, 0x10000001, 0x30000000, 0xffffffff, random()]) {
        for (const high of [0, 0xfffff, random() & 0xfffff]) {
          view.setUint32(0, ((random() & 1) << 31) | (exponent << 20) | high);
          view.setUint32(4, low);
          samples.push(view.getFloat64(0));
        }
      }
    }
    for (const x of samples) {
      const actual = f32OfWord(literal(roundedToF32(wordsOf(x))));
      if (!Object.is(actual, Math.fround(x))) expect.fail(`${x} became ${actual}`);
    }
  });

  it('holds every binary32 and int32 exactly', () => {
    const same = (actual: Halves, x: number): void => {
      const { low, high } = halvesOfNumber(x);
      const right = [low >>> 0, high >>> 0];
      expect([literal(actual.low), literal(actual.high)], `${x}`).to.deep.equal(right);
    };
    for (let bits = 0; bits < 2 ** 32; bits += 3_999_971) {
      const x = f32OfWord(bits);
      if (!Number.isNaN(x)) same(halvesOfF32(word(bits)), x);
      same(halvesOfI32(word(bits)), bits | 0);
    }
    for (const x of [0, -0, 1e-45, -1e-45, 2 ** -126, Infinity, -Infinity])
      same(halvesOfF32(f32.of(x)), f32OfWord(f32.of(x).word));
    for (let bit = 0; bit < 32; bit++)
      for (const x of [2 ** bit, 2 ** bit - 1, 2 ** bit + 1]) same(halvesOfI32(word(x | 0)), x | 0);
  });

  it('has keys in the order of the numbers', () => {
    const sorted = [
      -Infinity,
      -1e308,
      -1.2000001,
      -1.2,
      -5e-324,
      0,
      5e-324,
      0.1,
      1.2,
      1.2 + 2 ** -52,
      1e308,
      Infinity,
      NaN,
    ];
    const keyed = sorted.map((x) => keyOf(wordsOf(x)));
    keyed.forEach((a, i) => {
      keyed.forEach((b, j) => {
        expect(literal(keys.isBelow(a, b)), `${sorted[i]} < ${sorted[j]}`).to.equal(Number(i < j));
      });
      const { low, high } = keyOfNumber(sorted[i]!);
      expect([literal(a.low), literal(a.high)]).to.deep.equal([low >>> 0, high >>> 0]);
    });
    expect(literal(keys.eq(keyOf(wordsOf(-0)), keyOf(wordsOf(0))))).to.equal(1);
  });
});
