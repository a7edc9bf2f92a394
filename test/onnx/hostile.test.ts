import { expect } from 'chai';
import { IMPORT_BOUNDS, ImportProcess } from '../support/importProcess.ts';
import {
  floats,
  type GraphSpec,
  modelBytes,
  node,
  noise,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/**
 * Attack 29: small files that want much. Each was found by hand or by `importFuzz.test.ts`, and once took the
 * import's process down or minutes. Those that are refused must say why; the others must compile in time.
 */

const x = noise([2, 3]);
/** An input of which only the shape matters. */
const large = (...shape: number[]): Value => ({ type: 'float', shape, values: [] });
const list = (...values: number[]) => value('int64', [values.length], values);

/** Each value is the sum of every other element of the one before, so that places double with every step. */
function doubling(steps: number): GraphSpec {
  const nodes = Array.from({ length: steps }, (_, i) => [
    node('Slice', [`v${i}`, 'zero', 'end', 'zero', 'two'], [`even${i}`]),
    node('Slice', [`v${i}`, 'one', 'end', 'zero', 'two'], [`odd${i}`]),
    node('Add', [`even${i}`, `odd${i}`], [`v${i + 1}`]),
  ]).flat();
  return {
    inputs: { v0: large(2 ** steps) },
    constants: { zero: list(0), one: list(1), two: list(2), end: list(2 ** 31 - 1) },
    nodes,
    outputs: [`v${steps}`],
  };
}

/** A loop whose passes each compute something large from constants. */
function laborious(trip: number): GraphSpec {
  const body = {
    nodes: [
      node('ConstantOfShape', ['size'], ['c']),
      node('Sin', ['c'], ['s']),
      node('ReduceSum', ['s'], ['t'], { keepdims: 0 }),
      node('Add', ['v', 't'], ['w']),
      node('Identity', ['go'], ['on']),
    ],
    inputs: {
      i: { type: 'int64', shape: [] },
      go: { type: 'bool', shape: [] },
      v: { type: 'float', shape: [2, 3] },
    },
    constants: { size: list(60_000) },
    outputs: ['on', 'w'],
  } as const;
  return {
    inputs: { x },
    constants: { trip: value('int64', [], [trip]) },
    nodes: [node('Loop', ['trip', '', 'x'], ['y'], { body: { graph: body } })],
    outputs: ['y'],
  };
}

/** Functions of millions of constants, one after another. */
function folding(): GraphSpec {
  const nodes = Array.from({ length: 20 }, (_, i) => node('Sin', [`e${i}`], [`e${i + 1}`]));
  return {
    inputs: { x: floats([1], [1]) },
    constants: { size: list(3_000_000) },
    nodes: [node('ConstantOfShape', ['size'], ['e0']), ...nodes, node('Add', ['e20', 'x'], ['y'])],
    outputs: ['y'],
  };
}

const lstm = (steps: number): GraphSpec =>
  single('LSTM', [large(steps, 1, 4), noise([1, 16, 4]), noise([1, 16, 4])], {
    constants: [1, 2],
    attributes: { hidden_size: 4 },
  });

const pad = (mode: string, ...pads: number[]): GraphSpec =>
  single('Pad', [x, list(...pads)], { constants: [1], attributes: { mode } });

const files: Readonly<Record<string, { readonly spec: GraphSpec; readonly refusal?: RegExp }>> = {
  'a tree of sums that doubles with every step': { spec: doubling(24) },
  'constants of millions of elements through many functions': { spec: folding() },
  'a loop that folds tens of thousands of elements in each pass': { spec: laborious(500) },
  'a loop of too many passes in all': { spec: laborious(5000), refusal: /come to more than 20000 nodes/ },
  'padding by reflection of half a billion places': {
    spec: pad('reflect', 0, 0, 2 ** 29, 2 ** 29),
    refusal: /\(Pad\): it takes a list of \d+ entries/,
  },
  'padding at the edge of a hundred million places': {
    spec: pad('edge', 0, 0, 0, 2 ** 27),
    refusal: /list of/,
  },
  'a split into a billion parts': {
    spec: single('Split', [x], { opset: 18, attributes: { num_outputs: 2 ** 30 } }),
    refusal: /list of 1073741824 entries/,
  },
  'an identity matrix of 2^28 elements': {
    spec: single('EyeLike', [large(2 ** 14, 2 ** 14)]),
    refusal: /list of/,
  },
  'an image made a hundred million times as high': {
    spec: single('Resize', [noise([1, 1, 2, 2]), undefined, floats([4], [1, 1, 1e8, 1])], {
      constants: [2],
      attributes: { mode: 'linear' },
    }),
    refusal: /list of/,
  },
  'a sequence of 2^26 tensors': {
    spec: {
      inputs: { x: large(2 ** 26) },
      nodes: [node('SplitToSequence', ['x'], ['s']), node('SequenceLength', ['s'], ['y'])],
      outputs: ['y'],
    },
    refusal: /list of/,
  },
  'a transposed reshape over a prime that no address can express': {
    spec: {
      inputs: { x: large(3, 65_537, 180) },
      constants: { shape: list(65_537, 60, 9) },
      nodes: [node('Transpose', ['x'], ['t'], { perm: [2, 1, 0] }), node('Reshape', ['t', 'shape'], ['y'])],
      outputs: ['y'],
    },
  },
  'an operator of 20,000 inputs': {
    spec: { inputs: { x }, nodes: [node('Sum', Array(20_000).fill('x'), ['y'])], outputs: ['y'] },
    refusal: /"Sum"\) has 20000 inputs or outputs, of 4096 allowed/,
  },
  'a mean of 1,000 inputs': {
    spec: { inputs: { x }, nodes: [node('Mean', Array(1000).fill('x'), ['y'])], outputs: ['y'] },
    refusal: /1000 instructions|too large or nested/,
  },
  'a recurrent network of too many steps': {
    spec: lstm(9000),
    refusal: /9000 steps; 1 to 4096 can be unrolled/,
  },
  'a recurrent network whose steps are too many loops': {
    spec: lstm(2800),
    refusal: /tensors to compute, of 8192 allowed/,
  },
};

describe('attack 29: small files that want much', function () {
  this.timeout(0);
  const importer = new ImportProcess();
  after(() => importer.stop());

  for (const [what, { spec, refusal }] of Object.entries(files)) {
    it(`${refusal ? 'refuses' : 'compiles'} ${what}`, async () => {
      const outcome = await importer.run({ bytes: modelBytes(spec), options: {} });
      expect(outcome.crash).to.equal(undefined);
      expect(outcome.seconds, 'seconds of the processor').to.be.below(IMPORT_BOUNDS.SECONDS);
      expect(outcome.megabytes, 'megabytes in all').to.be.below(2 * IMPORT_BOUNDS.HEAP_MEGABYTES);
      if (refusal) expect(outcome.refusal).to.match(refusal);
      else expect(outcome.refusal).to.equal(undefined);
    });
  }
});
