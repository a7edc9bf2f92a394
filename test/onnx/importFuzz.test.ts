import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { models, Unavailable } from '../../examples/models/index.ts';
import type { ImportOptions } from '../../src/onnx/index.ts';
import { IMPORT_BOUNDS, ImportProcess } from '../support/importProcess.ts';
import { diceOf, editBytes, editFields } from '../support/mutation.ts';
import { floats, type GraphSpec, integers, modelBytes, node, noise, value } from '../support/onnx.ts';

/**
 * Attack 29: damaged files of all kinds either compile or are refused in one line, within the time and the memory
 * of `IMPORT_BOUNDS`. Each import runs in a process of its own that is ended when it takes more.
 */

const LONG = Boolean(process.env.ASSAY_LONG);
const COUNT = LONG ? 20_000 : 300;
/** ONNX's own backend tests, where Debian's package libonnx-testdata is installed: a model for each operator. */
const BACKEND_TESTS = '/usr/share/libonnx-testdata/data';

interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly options?: ImportOptions;
}

const x = noise([2, 3]);
const body = {
  nodes: [node('Mul', ['v', 'x'], ['w']), node('Identity', ['go'], ['on'])],
  inputs: {
    i: { type: 'int64', shape: [] },
    go: { type: 'bool', shape: [] },
    v: { type: 'float', shape: [2, 3] },
  },
  outputs: { on: { type: 'bool', shape: [] }, w: { type: 'float', shape: [2, 3] } },
} as const;
const branch = (op: string) => ({ graph: { nodes: [node(op, ['x'], ['r'])], outputs: ['r'] } });

/** Small files with what real ones of each kind have. */
const specs: Readonly<Record<string, GraphSpec>> = {
  image: {
    inputs: { x: noise([1, 2, 4, 4]) },
    constants: {
      w: noise([3, 2, 3, 3]),
      b: noise([3]),
      shape: value('int64', [2], [1, -1]),
      v: noise([2, 12]),
    },
    nodes: [
      node('Conv', ['x', 'w', 'b'], ['c'], { pads: [1, 1, 1, 1], strides: [2, 2] }),
      node('Relu', ['c'], ['r']),
      node('Reshape', ['r', 'shape'], ['f']),
      node('Gemm', ['f', 'v'], ['g'], { transB: 1 }),
      node('Softmax', ['g'], ['y'], { axis: 1 }),
    ],
    outputs: ['y'],
  },
  control: {
    inputs: { x, q: value('bool', [], [1]) },
    constants: { trip: value('int64', [], [3]) },
    nodes: [
      node('Loop', ['trip', '', 'x'], ['l'], { body: { graph: body } }),
      node('If', ['q'], ['c'], { then_branch: branch('Exp'), else_branch: branch('Neg') }),
      node('Own', ['c', 'l'], ['y'], { alpha: { float: 2 } }, 'own'),
    ],
    functions: [
      {
        name: 'Own',
        domain: 'own',
        inputs: ['a', 'b'],
        outputs: ['c'],
        attributes: ['alpha'],
        nodes: [
          node('Elu', ['a'], ['e'], { alpha: { reference: 'alpha', type: 1 } }),
          node('Add', ['e', 'b'], ['c']),
        ],
        opset: 17,
      },
    ],
    outputs: ['y'],
  },
  recurrent: {
    inputs: { x: noise([3, 1, 4]), n: value('int32', [1], [2]) },
    constants: { w: noise([2, 12, 4]), r: noise([2, 12, 3]), b: noise([2, 24]) },
    nodes: [
      node('LSTM', ['x', 'w', 'r', 'b', 'n'], ['y', 'h'], { hidden_size: 3, direction: 'bidirectional' }),
      node('Transpose', ['y'], ['t'], { perm: [1, 0, 2, 3] }),
      node('Reshape', ['t', 'shape'], ['z']),
      node('Constant', [], ['shape'], { value: { tensor: value('int64', [2], [-1, 6]) } }),
    ],
    outputs: ['z', 'h'],
  },
  quantised: {
    inputs: { x: integers('uint8', [1, 2, 4, 4], 0, 255) },
    constants: {
      s: floats([], [0.5]),
      z: value('uint8', [], [7]),
      w: integers('int8', [2, 2, 3, 3], -9, 9),
      zw: value('int8', [], [0]),
      scales: floats([4], [1, 1, 2, 2]),
      pads: value('int64', [8], [0, 0, 1, 1, 0, 0, 1, 1]),
    },
    nodes: [
      node('QLinearConv', ['x', 's', 'z', 'w', 's', 'zw', 's', 'z'], ['c'], { pads: [1, 1, 1, 1] }),
      node('DequantizeLinear', ['c', 's', 'z'], ['d']),
      node('Pad', ['d', 'pads'], ['p'], { mode: 'reflect' }),
      node('Resize', ['p', '', 'scales'], ['u'], { mode: 'linear' }),
      node('ReduceMean', ['u'], ['y'], { axes: [2, 3] }),
    ],
    outputs: ['y'],
  },
};

function seeds(): Seed[] {
  const small = Object.entries(specs).map(([name, spec]) => ({ name, bytes: modelBytes(spec) }));
  const digits = models.filter(({ name }) => LONG || name === 'digits');
  const real = digits.flatMap(({ name, options, bytes }): Seed[] => {
    try {
      return [{ name, bytes: bytes(), options }];
    } catch (error) {
      // A model whose package cannot be had here.
      if (error instanceof Unavailable) return [];
      throw error;
    }
  });
  const folders =
    LONG && existsSync(BACKEND_TESTS) ? ['node', 'simple', 'pytorch-operator', 'pytorch-converted'] : [];
  const tests = folders.flatMap((folder) =>
    readdirSync(join(BACKEND_TESTS, folder)).map((test) => join(BACKEND_TESTS, folder, test, 'model.onnx')),
  );
  return [
    ...small,
    // Files of many megabytes take most of the time, and small ones reach the same code.
    ...real.filter(({ bytes }) => bytes.length < 4_000_000),
    ...tests.filter(existsSync).map((path) => ({ name: path, bytes: Uint8Array.from(readFileSync(path)) })),
  ];
}

describe('attack 29: damaged models', function () {
  this.timeout(0);
  const importer = new ImportProcess();
  after(() => importer.stop());

  it(`compile or are refused in one line, in bounded time and memory, ${COUNT} times`, async () => {
    const all = seeds();
    let refused = 0;
    for (let i = 0; i < COUNT; i++) {
      const dice = diceOf(i);
      const { name, bytes, options = {} } = all[dice(all.length)] as Seed;
      const damaged = dice(4) ? editFields(dice, bytes) : editBytes(dice, bytes);
      const outcome = await importer.run({ bytes: damaged, options });
      expect(outcome.crash, `mutation ${i} of ${name}`).to.equal(undefined);
      expect(outcome.seconds, `mutation ${i} of ${name}`).to.be.below(IMPORT_BOUNDS.SECONDS);
      if (outcome.refusal === undefined) continue;
      expect(outcome.refusal, `mutation ${i} of ${name}`).not.to.match(/[\r\n]/);
      expect(outcome.refusal.length, `mutation ${i} of ${name}`).to.be.below(500);
      refused++;
    }
    expect(refused, 'refused').to.be.greaterThan(COUNT / 4);
    expect(refused, 'refused').to.be.below(COUNT);
  });
});
