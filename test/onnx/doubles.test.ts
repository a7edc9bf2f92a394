import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import { type Expression, word } from '../../src/onnx/ir/expression.ts';
import { halvesOfKey, halvesOfNumber, keyOf, keys } from '../../src/onnx/tensors/doubleBits.ts';
import { roundedToInteger, signOf, truncatedToI32 } from '../../src/onnx/tensors/doubleRounding.ts';
import { TYPES } from '../../src/onnx/types.ts';
import {
  type Attribute,
  type GraphSpec,
  modelBytes,
  type NodeSpec,
  node,
  runCompiled,
  type Value,
  value,
} from '../support/onnx.ts';

/** Indices, integers and choices that doubles decide by digits that float32 does not have. */

const UP = 1 + 2 ** -40;
const DOWN = 1 - 2 ** -40;
const BITS = 2 ** -52;

/** Doubles around integers and halves, of every size, that float32 would round across them. */
const edges = [
  0,
  0.5,
  1,
  1.5,
  2,
  2.5,
  3.5,
  255.5,
  2 ** 22 + 0.5,
  2 ** 23,
  2 ** 24 + 1,
  2 ** 31,
  2 ** 32 + 0.5,
]
  .flatMap((x) => [x, x * (1 + BITS), x * (1 - BITS)])
  .concat([
    2 ** 31 - 1,
    2 ** 31 - 0.5,
    2 ** 51 + 0.5,
    2 ** 51 + 1.5,
    2 ** 52 + 1,
    2 ** 53,
    1e300,
    5e-324,
    1e-40,
  ])
  .flatMap((x) => [x, -x])
  .concat([Infinity, -Infinity, NaN]);

const toEven = (x: number): number => {
  const low = Math.floor(x);
  const rest = x - low;
  const even = rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  // An integer that is 0 keeps the sign of its number.
  return even === 0 ? x * 0 : even;
};
const toI32 = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x))) + 0;

async function outputs(spec: GraphSpec): Promise<(readonly number[])[]> {
  const model = importOnnx(modelBytes(spec));
  const inputValues = model.inputs.map(({ name }) => spec.inputs[name] as Value);
  return (await runCompiled(model, inputValues)).map(({ values }) => values);
}

async function single(
  op: string,
  x: Value,
  attributes: Record<string, Attribute> = {},
  constants: Record<string, Value> = {},
): Promise<readonly number[]> {
  const nodes = [node(op, ['x', ...Object.keys(constants)], ['y'], attributes)];
  const [actual] = await outputs({ nodes, constants, inputs: { x }, outputs: ['y'] });
  return actual!;
}

const row = (...values: number[]): Value => value('double', [1, values.length], values);

describe('doubles that decide an index', () => {
  const lines: readonly number[][] = [
    [1, UP, DOWN, UP],
    [-1, -UP, -DOWN, -UP],
    [DOWN, 1, DOWN, 1],
    [0, -0, -5e-324, 5e-324],
    [1e308, 1.1e308, Infinity, 1e308],
    [-1e308, -Infinity, -1.1e308, -Infinity],
    [-Infinity, -Infinity, -Infinity, -Infinity],
    [1, NaN, UP, NaN],
  ];
  const x = value('double', [lines.length, 4], lines.flat());
  const best = (line: readonly number[], sign: number): number =>
    line.some(Number.isNaN) ? NaN : sign * Math.max(...line.map((v) => sign * v));
  const isBest = (v: number, most: number): boolean => v === most || (Number.isNaN(v) && Number.isNaN(most));
  for (const [op, sign] of [
    ['ArgMax', 1],
    ['ArgMin', -1],
  ] as const) {
    it(`are told apart by ${op}, first and last`, async () => {
      for (const last of [0, 1]) {
        const right = lines.map((line) => {
          const hits = line.map((v) => isBest(v, best(line, sign)));
          return last ? hits.lastIndexOf(true) : hits.indexOf(true);
        });
        expect(await single(op, x, { axis: 1, select_last_index: last })).to.deep.equal(right);
      }
    });
  }

  it('are told apart by Hardmax', async () => {
    const right = lines.flatMap((line) => {
      const first = line.findIndex((v) => isBest(v, best(line, 1)));
      return line.map((_, i) => Number(i === first));
    });
    expect(await single('Hardmax', x)).to.deep.equal(right);
  });

  it('are told apart by MaxPool, padding included', async () => {
    const nodes = [node('MaxPool', ['x'], ['y', 'i'], { kernel_shape: [2], strides: [2], pads: [1, 1] })];
    const close = value('double', [1, 1, 4], [-1, -UP, -DOWN, -1]);
    const actual = await outputs({ nodes, inputs: { x: close }, outputs: ['y', 'i'] });
    expect(actual).to.deep.equal([
      [-1, Math.fround(-DOWN), -1],
      [0, 2, 3],
    ]);
  });

  it('stay exact in GlobalMaxPool', async () => {
    const nodes = [node('GlobalMaxPool', ['x'], ['y']), node('Equal', ['x', 'y'], ['z'])];
    const close = value('double', [1, 1, 4], [1, UP, DOWN, UP]);
    expect(await outputs({ nodes, inputs: { x: close }, outputs: ['z'] })).to.deep.equal([[0, 1, 0, 1]]);
  });

  it('are places that GridSample and MaxRoiPool refuse to round', () => {
    const x = value('float', [1, 1, 2, 2], [1, 2, 3, 4]);
    const grid = value('double', [1, 1, 1, 2], [0, 0]);
    const sample = (mode: string): GraphSpec => ({
      nodes: [node('GridSample', ['x', 'g'], ['y'], { mode })],
      inputs: { x, g: grid },
      outputs: ['y'],
    });
    const reason = /"g" is of type double, and float32 may round its places/;
    expect(() => importOnnx(modelBytes(sample('nearest')))).to.throw(reason);
    importOnnx(modelBytes(sample('bilinear')));
    const nodes = [node('MaxRoiPool', ['x', 'g'], ['y'], { pooled_shape: [1, 1] })];
    const regions = value('double', [1, 5], [0, 0, 0, 1, 1]);
    const spec = { nodes, inputs: { x: { ...x, type: 'double' as const }, g: regions }, outputs: ['y'] };
    expect(() => importOnnx(modelBytes(spec))).to.throw(reason);
  });

  it('are told apart by OneHot', async () => {
    const indices = value('double', [2], [DOWN, 1]);
    const nodes = [node('OneHot', ['x', 'd', 'v'], ['y'])];
    const constants = { d: value('int64', [1], [2]), v: value('float', [2], [0, 1]) };
    const actual = await outputs({ nodes, constants, inputs: { x: indices }, outputs: ['y'] });
    expect(actual).to.deep.equal([[1, 0, 0, 1]]);
  });

  it('stay exact where they are the greatest or least of others', async () => {
    const greatest = lines.map((line) => best(line, 1));
    const least = lines.map((line) => best(line, -1));
    const actual = await outputs({
      nodes: [
        node('ReduceMax', ['x'], ['p'], { axes: [1] }),
        node('ReduceMin', ['x'], ['q'], { axes: [1] }),
        node('Equal', ['x', 'p'], ['a']),
        node('Equal', ['x', 'q'], ['b']),
      ],
      opset: 13,
      inputs: { x },
      outputs: ['p', 'q', 'a', 'b'],
    });
    const equal = (most: readonly number[]) =>
      lines.flatMap((line, i) => line.map((v) => Number(v === most[i])));
    expect(actual).to.deep.equal([
      greatest.map(Math.fround),
      least.map(Math.fround),
      equal(greatest),
      equal(least),
    ]);
  });
});

describe('doubles that become integers', () => {
  const x = row(...edges);
  const functions = { Floor: Math.floor, Ceil: Math.ceil, Round: toEven, Sign: Math.sign } as const;
  for (const [op, right] of Object.entries(functions)) {
    it(`do so by their exact values in ${op}, whose results are exact in turn`, async () => {
      expect(await single(op, x)).to.deep.equal(edges.map((v) => Math.fround(right(v))));
      const all = edges.map(right);
      const constants = { all: row(...all) };
      const nodes = [node(op, ['x'], ['y']), node('Equal', ['y', 'all'], ['z'])];
      const [same] = await outputs({ nodes, constants, inputs: { x }, outputs: ['z'] });
      expect(same).to.deep.equal(all.map((v) => Number(!Number.isNaN(v))));
    });
  }

  it('do so by their exact values in Cast', async () => {
    const cast = (type: keyof typeof TYPES) => single('Cast', x, { to: TYPES[type].code });
    expect(await cast('int32')).to.deep.equal(edges.map(toI32));
    expect(await cast('int64')).to.deep.equal(edges.map(toI32));
    expect(await cast('uint8')).to.deep.equal(edges.map((v) => toI32(v) & 255));
    expect(await cast('bool')).to.deep.equal(edges.map((v) => Number(v !== 0)));
  });

  it('are rounded once by Cast to shorter floats', async () => {
    for (const [type, bits] of [
      ['float16', 10],
      ['bfloat16', 7],
    ] as const) {
      const [unit, tie] = [2 ** -bits, 2 ** -bits / 2];
      const close = [1 + tie, 1 + tie + 2 ** -40, 1 + tie - 2 ** -40, 1 + 3 * tie, 1 + 3 * tie - 2 ** -40];
      const rounded = [1, 1 + unit, 1, 1 + 2 * unit, 1 + unit];
      const signed = [...close, ...close.map((v) => -v), 0, -0, 1e308, -Infinity, NaN, 1e-300];
      const right = [...rounded, ...rounded.map((v) => -v), 0, -0, Infinity, -Infinity, NaN, 0];
      expect(await single('Cast', row(...signed), { to: TYPES[type].code })).to.deep.equal(right);
    }
    // The least subnormal numbers: half of one goes to 0, and more than half to one.
    const least = [2 ** -25, 2 ** -25 * (1 + 2 ** -40)];
    expect(await single('Cast', row(...least), { to: TYPES.float16.code })).to.deep.equal([0, 2 ** -24]);
    const bfloat = [2 ** -134, 2 ** -134 * (1 + 2 ** -40)];
    expect(await single('Cast', row(...bfloat), { to: TYPES.bfloat16.code })).to.deep.equal([0, 2 ** -133]);
    const eight = { to: TYPES.float8e4m3fn.code };
    expect(await single('Cast', row(1.0625, 1.0625 + 2 ** -40), eight)).to.deep.equal([1, 1.125]);
  });

  it('are infinite only if they are so in double', async () => {
    expect(await single('IsInf', x)).to.deep.equal(edges.map((v) => Number(Math.abs(v) === Infinity)));
    const positive = await single('IsInf', x, { detect_negative: 0 });
    expect(positive).to.deep.equal(edges.map((v) => Number(v === Infinity)));
    const none = await single('IsInf', x, { detect_negative: 0, detect_positive: 0 });
    expect(none).to.deep.equal(edges.map(() => 0));
  });

  it('make jumps of activations where double has them', async () => {
    const close = [1, UP, DOWN, -1, -UP, -DOWN];
    const thresholded = await single('ThresholdedRelu', row(...close), { alpha: { float: 1 } });
    expect(thresholded).to.deep.equal(close.map((v) => (v > 1 ? Math.fround(v) : 0)));
    const shrunk = await single('Shrink', row(...close), { lambd: { float: 1 }, bias: { float: 0.5 } });
    expect(shrunk).to.deep.equal(close.map((v) => (v < -1 ? -0.5 : v > 1 ? 0.5 : 0)));
  });
});

/** Nodes from x to y, and which elements y has. */
const copies: Readonly<
  Record<
    string,
    { nodes: readonly NodeSpec[]; constants?: Record<string, Value>; y: (x: number[]) => number[] }
  >
> = {
  'Concat with a constant': {
    nodes: [node('Concat', ['x', 'c'], ['y'], { axis: 0 })],
    constants: { c: value('double', [1], [UP]) },
    y: (x) => [...x, UP],
  },
  'Pad with a number beside float32': {
    nodes: [node('Pad', ['x', 'pads', 'c'], ['y'])],
    constants: { pads: value('int64', [2], [1, 2]), c: value('double', [], [UP]) },
    y: (x) => [UP, ...x, UP, UP],
  },
  'Pad with zeros': {
    nodes: [node('Pad', ['x', 'pads'], ['y'])],
    constants: { pads: value('int64', [2], [1, 0]) },
    y: (x) => [0, ...x],
  },
  Gather: {
    nodes: [node('Gather', ['x', 'i'], ['y'])],
    constants: { i: value('int64', [3], [2, 0, 1]) },
    y: ([a, b, c]) => [c!, a!, b!],
  },
  'Expand of a constant': {
    nodes: [node('Expand', ['c', 's'], ['e']), node('Max', ['x', 'e'], ['y'])],
    constants: { c: value('double', [1], [1]), s: value('int64', [1], [3]) },
    y: (x) => x.map((v) => Math.max(1, v)),
  },
  'Min, Neg and Abs': {
    nodes: [node('Neg', ['x'], ['n']), node('Min', ['x', 'n'], ['m']), node('Abs', ['m'], ['y'])],
    y: (x) => x.map(Math.abs),
  },
  'Clip to numbers beside float32': {
    nodes: [node('Clip', ['x', 'low', 'high'], ['y'])],
    constants: { low: value('double', [], [DOWN]), high: value('double', [], [1]) },
    y: (x) => x.map((v) => Math.min(1, Math.max(DOWN, v))),
  },
  Relu: { nodes: [node('Relu', ['x'], ['y'])], y: (x) => x.map((v) => Math.max(0, v)) },
  'Trilu and ConstantOfShape': {
    nodes: [
      node('ConstantOfShape', ['s'], ['k'], { value: { tensor: value('double', [1], [UP]) } }),
      node('Concat', ['x', 'k'], ['j'], { axis: 0 }),
      node('Reshape', ['j', 'square'], ['q']),
      node('Trilu', ['q'], ['t']),
      node('Reshape', ['t', 'flat'], ['y']),
    ],
    constants: {
      s: value('int64', [1], [1]),
      square: value('int64', [2], [2, 2]),
      flat: value('int64', [1], [4]),
    },
    y: ([a, b]) => [a!, b!, 0, UP],
  },
};

describe('doubles that are copied or chosen', () => {
  const x = [1, UP, -DOWN];
  for (const [what, { nodes, constants, y }] of Object.entries(copies)) {
    it(`are compared exactly after ${what}`, async () => {
      const right = y(x);
      const near = right.flatMap((v) => [v, v * (1 + BITS), v * (1 - BITS)]);
      const actual = await outputs({
        nodes: [...nodes, node('Unsqueeze', ['y', 'one'], ['u']), node('Less', ['u', 'near'], ['z'])],
        constants: { ...constants, one: value('int64', [1], [1]), near: row(...near) },
        inputs: { x: value('double', [3], x) },
        outputs: ['z'],
      });
      expect(actual).to.deep.equal([right.flatMap((v) => near.map((n) => Number(v < n)))]);
    });
  }

  it('are exact where a shape depends on them', async () => {
    const [values, count, places] = await outputs({
      nodes: [
        node('Unique', ['c'], ['u']),
        node('Shape', ['u'], ['n']),
        node('NonZero', ['d'], ['p']),
        node('Identity', ['x'], ['y']),
      ],
      constants: {
        c: value('double', [4], [UP, 1, UP, DOWN]),
        d: value('double', [3], [5e-324, 0, -1e-300]),
      },
      inputs: { x: value('float', [1], [0]) },
      outputs: ['u', 'n', 'p', 'y'],
    });
    expect([values, count, places]).to.deep.equal([[DOWN, 1, UP].map(Math.fround), [3], [0, 2]]);
  });

  it('count in Range as they are', async () => {
    const bounds = { from: value('double', [], [16777216]), to: value('double', [], [16777219]) };
    const [actual] = await outputs({
      nodes: [node('Range', ['from', 'to', 'by'], ['r']), node('Less', ['x', 'r'], ['y'])],
      constants: { ...bounds, by: value('double', [], [1]) },
      inputs: { x: value('double', [1], [16777216.5]) },
      outputs: ['y'],
    });
    expect(actual).to.deep.equal([0, 1, 1]);
  });
});

describe('doubles that float32 arithmetic made', () => {
  const x = value('double', [1, 2], [1, UP]);
  const deciding: Readonly<Record<string, NodeSpec>> = {
    Less: node('Less', ['s', 'x'], ['y']),
    Equal: node('Equal', ['x', 's'], ['y']),
    ArgMax: node('ArgMax', ['s'], ['y']),
    ArgMin: node('ArgMin', ['s'], ['y']),
    Hardmax: node('Hardmax', ['s'], ['y']),
    TopK: node('TopK', ['s', 'k'], ['y', 'i']),
    Floor: node('Floor', ['s'], ['y']),
    Ceil: node('Ceil', ['s'], ['y']),
    Round: node('Round', ['s'], ['y']),
    Sign: node('Sign', ['s'], ['y']),
    Cast: node('Cast', ['s'], ['y'], { to: TYPES.int32.code }),
    IsInf: node('IsInf', ['s'], ['y']),
    ThresholdedRelu: node('ThresholdedRelu', ['s'], ['y']),
    Shrink: node('Shrink', ['s'], ['y']),
  };
  const specOf = (decision: readonly NodeSpec[], producer: NodeSpec): GraphSpec => ({
    nodes: [producer, ...decision],
    constants: { k: value('int64', [1], [1]), c: row(UP, 0.1) },
    inputs: { x },
    outputs: ['y'],
  });
  for (const [op, decision] of Object.entries(deciding)) {
    it(`are refused by ${op}, which says what to do`, () => {
      for (const producer of [node('Mul', ['x', 'x'], ['s']), node('Add', ['c', 'c'], ['s'])]) {
        expect(() => importOnnx(modelBytes(specOf([decision], producer)))).to.throw(
          new RegExp(`${op}.*"s" is of type double and was computed in float32.*cast it to float`),
        );
      }
    });
  }

  it('are computed with, and decide once they are cast to float', async () => {
    const producer = node('Mul', ['x', 'x'], ['s']);
    const cast = [
      node('Cast', ['s'], ['f'], { to: TYPES.float.code }),
      node('ArgMax', ['f'], ['y'], { axis: 1 }),
    ];
    expect(await outputs(specOf(cast, producer))).to.deep.equal([[0]]);
    expect(await outputs(specOf([node('Neg', ['s'], ['y'])], producer))).to.deep.equal([[-1, -1]]);
  });
});

describe('the words of a double', () => {
  const literal = (expression: Expression): number =>
    expression.kind === 'literal' ? expression.word : expect.fail('not a literal');
  const wordsOf = (x: number) => {
    const { low, high } = halvesOfNumber(x);
    return { low: word(low), high: word(high) };
  };
  const view = new DataView(new ArrayBuffer(8));
  const numberOf = ({ low, high }: { low: Expression; high: Expression }): number => {
    view.setUint32(0, literal(high));
    view.setUint32(4, literal(low));
    return view.getFloat64(0);
  };
  const samples = [...edges];
  let state = 7;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  for (let exponent = 1018; exponent < 1080; exponent++) {
    for (const low of [0, 1, 0xffffffff, 0x80000000, 0x7fffffff, random(), random()]) {
      for (const high of [0, 0xfffff, 0x80000, random() & 0xfffff]) {
        view.setUint32(0, ((random() & 1) << 31) | (exponent << 20) | high);
        view.setUint32(4, low);
        samples.push(view.getFloat64(0));
      }
    }
  }

  it('round to the integers that JavaScript has, with ties and carries', () => {
    for (const x of samples) {
      const words = wordsOf(x);
      const made = [
        numberOf(roundedToInteger(words, 'down')),
        numberOf(roundedToInteger(words, 'up')),
        numberOf(roundedToInteger(words, 'even')),
        numberOf(signOf(words)),
        literal(truncatedToI32(words)) | 0,
      ];
      const right = [Math.floor(x), Math.ceil(x), toEven(x), Math.sign(x), toI32(x)];
      if (made.some((y, i) => !Object.is(y, right[i]))) expect.fail(`${x} became ${made}, not ${right}`);
    }
  });

  it('come back from keys, of either order', () => {
    for (const x of samples) {
      const key = keyOf(wordsOf(x));
      expect(numberOf(halvesOfKey(key))).to.deep.equal(x + 0);
      expect(numberOf(halvesOfKey(keys.reversed(keys.reversed(key))))).to.deep.equal(x + 0);
    }
  });
});
