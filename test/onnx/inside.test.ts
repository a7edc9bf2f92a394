import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  modelBytes,
  node,
  noise,
  runCompiled,
  runOnnxruntime,
  single,
  value,
} from '../support/onnx.ts';

/** Rows that are read beyond their table, where that is known at import. */

const table = noise([4, 6]);
const numbers = (...values: number[]) => value('int64', [values.length], values);

const constantly = (op: string, indices: ReturnType<typeof value>, attributes = {}): GraphSpec =>
  single(op, [table, indices], { attributes, constants: [1] });

const heads = noise([1, 2, 4, 6]);
const cache = noise([3, 3], 2);
const positions = value('int64', [1, 4], [0, 1, 2, 3]);
const rotary = single('RotaryEmbedding', [heads, cache, cache, positions], {
  constants: [1, 2, 3],
  opset: 23,
});
const microsoftRotary = single('RotaryEmbedding', [heads, positions, cache, cache], {
  constants: [1, 2, 3],
  domain: 'com.microsoft',
});
const fromFirst = single('RotaryEmbedding', [heads, numbers(1), noise([4, 3]), noise([4, 3])], {
  constants: [1, 2, 3],
  domain: 'com.microsoft',
});
const past = value('float', [1, 1, 0, 16], []);
const grouped = single(
  'GroupQueryAttention',
  [
    noise([1, 3, 32]),
    noise([1, 3, 16]),
    noise([1, 3, 16]),
    past,
    past,
    value('int32', [1], [2]),
    value('int32', [], [3]),
    noise([2, 8]),
    noise([2, 8]),
  ],
  {
    attributes: { num_heads: 2, kv_num_heads: 1, do_rotary: 1 },
    constants: [3, 4, 5, 6, 7, 8],
    domain: 'com.microsoft',
  },
);
const embedded = single(
  'EmbedLayerNormalization',
  [value('int32', [1, 5], [0, 1, 2, 3, 3]), undefined, table, undefined, table, noise([6]), noise([6])].map(
    (one, i) => (i === 3 ? table : i === 4 ? undefined : one),
  ),
  { domain: 'com.microsoft', constants: [2, 3, 5, 6] },
);

describe('a row that is known to be outside its table', () => {
  for (const [what, spec, sentence] of [
    ['behind its end', constantly('Gather', numbers(0, 4)), 'it reads row 4 of "x0", a table of 4'],
    ['before its start', constantly('Gather', numbers(-5, 1)), 'it reads row -5 of "x0", a table of 4'],
    [
      'in another dimension',
      constantly('Gather', numbers(6), { axis: 1 }),
      'it reads place 6 of "x0", a table of 6 along axis 1',
    ],
    [
      'of one element',
      constantly('GatherElements', value('int64', [1, 2], [3, 4])),
      'it reads row 4 of "x0", a table of 4',
    ],
    [
      'of several indices',
      constantly('GatherND', value('int64', [2, 2], [3, 5, 0, 6])),
      'it reads place 6 of "x0", a table of 6 along axis 1',
    ],
    ['of angles', rotary, 'it reads row 3 of "x1", a table of 3'],
    ["of onnxruntime's angles", microsoftRotary, 'it reads row 3 of "x2", a table of 3'],
    ['of angles from a first position on', fromFirst, 'it reads row 4 of "x2", a table of 4'],
    ['of the angles of attention', grouped, 'it reads row 2 of "x7", a table of 2'],
    ['of learned positions', embedded, 'it reads row 4 of "x3", a table of 4'],
  ] as const) {
    it(`is refused: ${what}`, async () => {
      expect(() => importOnnx(modelBytes(spec))).to.throw(`: ${sentence}`);
      // onnxruntime stops, too.
      const error = await runOnnxruntime(modelBytes(spec), spec.inputs, spec.outputs).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error, 'error of onnxruntime').to.be.an('error');
    });
  }

  it('is refused if the indices are a large view of a constant', () => {
    const count = 70_000;
    const spec = {
      nodes: [node('Unsqueeze', ['numbers', 'axes'], ['rows']), node('Gather', ['table', 'rows'], ['y'])],
      inputs: { table: noise([count - 1, 1]) },
      constants: { numbers: numbers(...Array(count).keys()), axes: numbers(0) },
      outputs: ['y'],
    };
    expect(() => importOnnx(modelBytes(spec))).to.throw(`it reads row ${count - 1} of "table"`);
  });

  it('may be counted from the end', async () => {
    await expectSameAsOnnxruntime(constantly('Gather', numbers(-4, -1, 3)));
    await expectSameAsOnnxruntime(constantly('GatherElements', value('int64', [1, 2], [-4, -1])));
    await expectSameAsOnnxruntime(constantly('GatherND', value('int64', [2, 2], [-4, -6, 3, 5])));
  });

  it('is 0 in a branch that data may keep from running', async () => {
    const branch = (row: string) => ({
      graph: { nodes: [node('Gather', ['table', row], [`y of ${row}`])], outputs: [`y of ${row}`] },
    });
    const spec = {
      nodes: [node('If', ['yes'], ['y'], { then_branch: branch('beyond'), else_branch: branch('first') })],
      inputs: { yes: value('bool', [], [0]) },
      constants: { table, beyond: numbers(4), first: numbers(0) },
      outputs: ['y'],
    };
    const model = importOnnx(modelBytes(spec));
    const [first] = await runCompiled(model, [spec.inputs.yes]);
    expect(first!.values).to.deep.equal(table.values.slice(0, 6));
    const [beyond] = await runCompiled(model, [value('bool', [], [1])]);
    expect(beyond!.values).to.deep.equal(Array(6).fill(0));
  });

  it('is 0 in a pass of a loop that data may keep from running', async () => {
    const body = {
      graph: {
        nodes: [
          node('Gather', ['table', 'step'], ['row']),
          node('Add', ['sum', 'row'], ['more']),
          node('Less', ['step', 'last'], ['goes on']),
        ],
        inputs: {
          step: value('int64', [], []),
          on: value('bool', [], []),
          sum: floats([6], []),
        },
        outputs: ['goes on', 'more'],
      },
    };
    const spec = {
      nodes: [node('Loop', ['most', 'yes', 'zero'], ['y'], { body })],
      inputs: { last: value('int64', [], [1]), yes: value('bool', [], [1]) },
      constants: { table, most: value('int64', [], [9]), zero: floats([6], Array(6).fill(0)) },
      outputs: ['y'],
    };
    await expectSameAsOnnxruntime(spec);
  });

  it('is 0 where its number is data', async () => {
    const spec = single('Gather', [table, numbers(4, 1)], { constants: [0] });
    const [read] = await runCompiled(importOnnx(modelBytes(spec)), [numbers(4, 1)]);
    expect(read!.values).to.deep.equal([...Array(6).fill(0), ...table.values.slice(6, 12)]);
  });
});
