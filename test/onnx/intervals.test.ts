import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  type GraphSpec,
  modelBytes,
  type NodeSpec,
  node,
  type Value,
  value,
} from '../support/onnx.ts';

/** Intervals of integers: as tight as each operator's definition lets them be, so that int64 arithmetic runs in 32 bits. */

const GREATEST = 2 ** 31 - 1;
const LEAST = -(2 ** 31);

interface Case {
  readonly op: string;
  readonly what: string;
  /** The least and greatest number that the operator can yield here. */
  readonly bounds: readonly [low: number, high: number];
  /** Inputs `x0`, `x1`, …, each with the range that its values have been given. */
  readonly ranges: readonly (readonly [low: number, high: number])[];
  readonly shapes?: readonly (readonly number[])[];
  readonly constants?: Readonly<Record<string, Value>>;
  readonly nodes: readonly NodeSpec[];
}

const ints = (...values: number[]): Value => value('int64', [values.length], values);
const scalar = (n: number): Value => value('int64', [], [n]);

/** One operator of inputs `x0`, … and constants `c0`, …, which yields `t`. */
const one = (
  op: string,
  ranges: Case['ranges'],
  bounds: Case['bounds'],
  more: Partial<Case> & {
    readonly inputs?: readonly string[];
    readonly attributes?: Record<string, Attribute>;
  } = {},
): Case => {
  const { inputs, attributes = {}, constants = {}, ...rest } = more;
  const names = inputs ?? [...ranges.map((_, i) => `x${i}`), ...Object.keys(constants)];
  return {
    op,
    what: `of ${ranges.map(([low, high]) => `${low}..${high}`).join(', ')}`,
    bounds,
    ranges,
    constants,
    nodes: [node(op, [...names], ['t'], attributes)],
    ...rest,
  };
};
const int = (n: number): Attribute => n;
const wide = (name: string): NodeSpec => node('Cast', [name], ['t'], { to: int(7) });

const cases: Case[] = [
  one(
    'Add',
    [
      [-3, 5],
      [10, 20],
    ],
    [7, 25],
  ),
  one(
    'Sub',
    [
      [-3, 5],
      [10, 20],
    ],
    [-23, -5],
  ),
  { ...one('Sub', [[-3, 5]], [0, 0], { inputs: ['x0', 'x0'] }), what: 'of itself' },
  one(
    'Mul',
    [
      [-3, 5],
      [10, 20],
    ],
    [-60, 100],
  ),
  { ...one('Mul', [[-3, 5]], [0, 25], { inputs: ['x0', 'x0'] }), what: 'of itself' },
  one(
    'Div',
    [
      [-30, 50],
      [2, 4],
    ],
    [-15, 25],
  ),
  one('Div', [[LEAST, GREATEST]], [-(2 ** 30), 2 ** 30 - 1], { constants: { c0: ints(2) } }),
  one(
    'Div',
    [
      [-30, 50],
      [-3, 3],
    ],
    [-50, 50],
  ),
  one(
    'Mod',
    [
      [-100, 100],
      [1, 7],
    ],
    [0, 6],
  ),
  one(
    'Mod',
    [
      [-100, 100],
      [-7, -1],
    ],
    [-6, 0],
  ),
  one(
    'Mod',
    [
      [-100, 100],
      [1, 7],
    ],
    [-6, 6],
    { attributes: { fmod: int(1) } },
  ),
  one(
    'Mod',
    [
      [0, 3],
      [5, 7],
    ],
    [0, 3],
    { attributes: { fmod: int(1) } },
  ),
  one('Neg', [[-3, 5]], [-5, 3]),
  one('Abs', [[-3, 5]], [0, 5]),
  one('Abs', [[-9, -4]], [4, 9]),
  one('Sign', [[-3, 5]], [-1, 1]),
  one('Pow', [[-3, 5]], [0, 25], { constants: { c0: scalar(2) } }),
  one('Pow', [[-3, 5]], [-27, 125], { constants: { c0: scalar(3) } }),
  one(
    'Min',
    [
      [-3, 5],
      [1, 2],
    ],
    [-3, 2],
  ),
  one(
    'Max',
    [
      [-3, 5],
      [1, 2],
    ],
    [1, 5],
  ),
  one(
    'Sum',
    [
      [-3, 5],
      [1, 2],
      [7, 7],
    ],
    [5, 14],
  ),
  one('Clip', [[-100, 100]], [-2, 9], { constants: { c0: scalar(-2), c1: scalar(9) } }),
  one('Clip', [[LEAST, GREATEST]], [0, 9], { constants: { c0: scalar(0), c1: scalar(9) } }),
  one(
    'Clip',
    [
      [-5, 5],
      [0, 10],
    ],
    [0, 10],
  ),
  {
    ...one('Clip', [[4, 9]], [3, 3], { constants: { c0: scalar(5), c1: scalar(3) } }),
    what: 'whose ends cross',
  },
  one('Clip', [[-9, 9]], [0, 9], { constants: { c0: scalar(0), c1: value('int64', [], [2 ** 62]) } }),
  one('Min', [[-3, 5]], [-3, 5], { constants: { c0: value('int64', [1], [2 ** 40]) } }),
  one('Max', [[-3, 5]], [-3, 5], { constants: { c0: value('int64', [1], [-(2 ** 40)]) } }),
  one(
    'BitwiseAnd',
    [
      [LEAST, GREATEST],
      [0, 12],
    ],
    [0, 12],
  ),
  one(
    'BitwiseOr',
    [
      [0, 4],
      [1, 2],
    ],
    [1, 7],
  ),
  one(
    'BitwiseXor',
    [
      [0, 4],
      [1, 2],
    ],
    [0, 7],
  ),
  one('BitwiseNot', [[-3, 5]], [-6, 2]),
  one('ReduceSum', [[-3, 5]], [-18, 30], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceSum', [[2, 5]], [12, 30], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceProd', [[0, 1]], [0, 1], { attributes: { keepdims: int(0) }, shapes: [[600]] }),
  one('ReduceProd', [[2, 3]], [8, 27], { attributes: { keepdims: int(0) }, shapes: [[3]] }),
  one('ReduceMax', [[-3, 5]], [-3, 5], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceMin', [[-3, 5]], [-3, 5], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceSumSquare', [[-3, 5]], [0, 150], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceL1', [[-3, 5]], [0, 30], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ReduceMean', [[-3, 5]], [-3, 5], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('ArgMax', [[-3, 5]], [0, 5], { attributes: { keepdims: int(0) }, shapes: [[6]] }),
  one('CumSum', [[0, 1]], [0, 6], { constants: { c0: scalar(0) }, shapes: [[6]] }),
  one('CumSum', [[-1, 2]], [-6, 12], { constants: { c0: scalar(0) }, shapes: [[6]] }),
  one('CumProd', [[0, 1]], [0, 1], { constants: { c0: scalar(0) }, shapes: [[6]] }),
  one(
    'MatMul',
    [
      [-1, 2],
      [0, 3],
    ],
    [-12, 24],
    {
      shapes: [
        [2, 4],
        [4, 3],
      ],
    },
  ),
  one(
    'Einsum',
    [
      [-1, 2],
      [0, 3],
    ],
    [-12, 24],
    {
      shapes: [
        [2, 4],
        [4, 3],
      ],
      attributes: { equation: 'ij,jk->ik' },
    },
  ),
  one('Gather', [[7, 9]], [7, 9], { constants: { c0: ints(0, 5, -1) }, shapes: [[6]] }),
  one(
    'Gather',
    [
      [7, 9],
      [-6, 5],
    ],
    [7, 9],
    { shapes: [[6], [2]] },
  ),
  one(
    'GatherElements',
    [
      [7, 9],
      [0, 5],
    ],
    [7, 9],
    { shapes: [[6], [2]] },
  ),
  one(
    'GatherND',
    [
      [7, 9],
      [-6, 5],
    ],
    [7, 9],
    { shapes: [[6], [2, 1]] },
  ),
  one(
    'Concat',
    [
      [7, 9],
      [-1, 3],
    ],
    [-1, 9],
    { attributes: { axis: int(0) } },
  ),
  one('Pad', [[7, 9]], [3, 9], { constants: { c0: ints(0, 2), c1: scalar(3) }, shapes: [[6]] }),
  one('Pad', [[7, 9]], [7, 9], {
    constants: { c0: ints(2, 2) },
    shapes: [[6]],
    attributes: { mode: 'reflect' },
  }),
  one('Slice', [[7, 9]], [7, 9], { constants: { c0: ints(1), c1: ints(3) }, shapes: [[6]] }),
  one('Tile', [[7, 9]], [7, 9], { constants: { c0: ints(3) } }),
  one('Expand', [[7, 9]], [7, 9], { constants: { c0: ints(4, 2) } }),
  one('Reshape', [[7, 9]], [7, 9], { constants: { c0: ints(2, 1) } }),
  one('Transpose', [[7, 9]], [7, 9], { shapes: [[2, 3]] }),
  one('Trilu', [[7, 9]], [0, 9], { shapes: [[3, 3]] }),
  one('OneHot', [[-3, 5]], [2, 4], { constants: { c0: scalar(6), c1: ints(2, 4) } }),
  one(
    'ScatterElements',
    [
      [7, 9],
      [-3, 1],
    ],
    [-3, 9],
    {
      shapes: [[6], [2]],
      constants: { i: ints(1, 4) },
      inputs: ['x0', 'i', 'x1'],
    },
  ),
  one(
    'ScatterND',
    [
      [7, 9],
      [-3, 1],
    ],
    [4, 10],
    {
      shapes: [[6], [1]],
      constants: { i: value('int64', [1, 1], [4]) },
      inputs: ['x0', 'i', 'x1'],
      attributes: { reduction: 'add' },
    },
  ),
  {
    ...one('TopK', [[7, 9]], [7, 9], { constants: { c0: ints(2) }, shapes: [[6]] }),
    nodes: [node('TopK', ['x0', 'c0'], ['t', 'places'])],
  },
  {
    op: 'Where',
    what: 'of what is compared',
    bounds: [0, 9],
    ranges: [[-5, 9]],
    constants: { zero: ints(0) },
    nodes: [node('Less', ['x0', 'zero'], ['isNegative']), node('Where', ['isNegative', 'zero', 'x0'], ['t'])],
  },
  {
    op: 'Cast',
    what: 'of a comparison',
    bounds: [0, 1],
    ranges: [[LEAST, GREATEST]],
    constants: { pad: ints(1) },
    nodes: [node('Equal', ['x0', 'pad'], ['e']), node('Not', ['e'], ['n']), wide('n')],
  },
  {
    op: 'Cast',
    what: 'of a clipped float',
    bounds: [-1, 7],
    ranges: [[LEAST, GREATEST]],
    constants: { low: value('float', [], [-1.5]), high: value('float', [], [7.5]) },
    nodes: [
      node('Cast', ['x0'], ['f'], { to: int(1) }),
      node('Clip', ['f', 'low', 'high'], ['c']),
      wide('c'),
    ],
  },
  {
    op: 'Cast',
    what: 'of integers that went through floats',
    bounds: [0, 12],
    ranges: [[0, 100]],
    constants: { by: value('float', [], [8]) },
    nodes: [
      node('Cast', ['x0'], ['f'], { to: int(1) }),
      node('Div', ['f', 'by'], ['q']),
      node('Floor', ['q'], ['w']),
      wide('w'),
    ],
  },
  {
    op: 'If',
    what: 'of two branches, the first where the number is less than 8',
    bounds: [-3, 7],
    ranges: [
      [7, 9],
      [-3, 1],
    ],
    shapes: [[], []],
    constants: { two: scalar(8) },
    nodes: [
      node('Less', ['x0', 'two'], ['c']),
      node('If', ['c'], ['t'], {
        then_branch: {
          graph: { nodes: [node('Identity', ['x0'], ['a'])], outputs: { a: { type: 'int64', shape: [] } } },
        },
        else_branch: {
          graph: { nodes: [node('Identity', ['x1'], ['b'])], outputs: { b: { type: 'int64', shape: [] } } },
        },
      }),
    ],
  },
  {
    op: 'Loop',
    what: 'that carries a sum',
    bounds: [7, 39],
    ranges: [
      [7, 9],
      [0, 10],
    ],
    shapes: [[], []],
    constants: { trips: scalar(3), yes: value('bool', [], [1]) },
    nodes: [
      node('Loop', ['trips', 'yes', 'x0'], ['t'], {
        body: {
          graph: {
            inputs: {
              i: { type: 'int64', shape: [] },
              go: { type: 'bool', shape: [] },
              v: { type: 'int64', shape: [] },
            },
            nodes: [node('Identity', ['go'], ['on']), node('Add', ['v', 'x1'], ['w'])],
            outputs: { on: { type: 'bool', shape: [] }, w: { type: 'int64', shape: [] } },
          },
        },
      }),
    ],
  },
];

/** The case with a number added to what it yields. */
function plus(test: Case, amount: number): GraphSpec {
  const half = Math.trunc(amount / 2);
  const inputs = Object.fromEntries(
    test.ranges.map(([low], i) => {
      const shape = test.shapes?.[i] ?? [2];
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [
        `x${i}`,
        value(
          'int64',
          shape,
          Array.from({ length: size }, () => low),
        ),
      ];
    }),
  );
  return {
    inputs,
    // In two halves, since the amount itself may not fit 32 bits.
    constants: { ...test.constants, half: scalar(half), rest: scalar(amount - half) },
    nodes: [...test.nodes, node('Add', ['t', 'half'], ['s']), node('Add', ['s', 'rest'], ['y'])],
    outputs: ['y'],
    opset: 18,
  };
}

const ranges = (test: Case) =>
  Object.fromEntries(test.ranges.map(([low, high], i) => [`x${i}`, { low, high }]));

const compiles = (test: Case, amount: number): void => {
  importOnnx(modelBytes(plus(test, amount)), { ranges: ranges(test) });
};

describe('intervals', () => {
  for (const test of cases) {
    const [low, high] = test.bounds;
    it(`of ${test.op} ${test.what} are ${low}..${high}`, () => {
      expect(() => compiles(test, GREATEST - high), 'as far up as it goes').not.to.throw();
      expect(() => compiles(test, LEAST - low), 'as far down as it goes').not.to.throw();
      if (high < GREATEST) expect(() => compiles(test, GREATEST - high + 1)).to.throw(/may not fit int32/);
      if (low > LEAST) expect(() => compiles(test, LEAST - low - 1)).to.throw(/may not fit int32/);
    });
  }
});
