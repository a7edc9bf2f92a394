import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type CompiledModel, ImportError, type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import {
  floats,
  type GraphSpec,
  modelBytes,
  node,
  runCompiled,
  type TypeName,
  value,
} from '../support/onnx.ts';

/** Ranges of inputs: part of the program, which has an answer for every word outside them. */

const LEAST = -(2 ** 31);
const GREATEST = 2 ** 31 - 1;

const passing = (type: TypeName, values: readonly number[] = [0, 0, 0]): GraphSpec => ({
  inputs: { x: value(type, [values.length], values) },
  nodes: [node('Identity', ['x'], ['y'])],
  outputs: ['y'],
});

const idOf = (model: CompiledModel): string => hexOf(modelOf(model.program).id);
const imported = (type: TypeName, ranges: ImportOptions['ranges'] = {}): CompiledModel =>
  importOnnx(modelBytes(passing(type)), { ranges });

describe('ranges of inputs', () => {
  it('are part of the model id', () => {
    const ids = [
      imported('int64'),
      imported('int64', { x: { low: 0, high: 50_264 } }),
      imported('int64', { x: { low: 0, high: 50_265 } }),
      imported('int64', { x: { low: -1, high: 50_264 } }),
    ].map(idOf);
    expect(new Set(ids).size).to.equal(ids.length);
    const [plain] = ids;
    // A range that leaves nothing out is no other program.
    expect(idOf(imported('int64', { x: { low: LEAST, high: GREATEST } }))).to.equal(plain);
    expect(idOf(imported('uint8', { x: { low: 0, high: 255 } }))).to.equal(idOf(imported('uint8')));
  });

  for (const [type, low, high, words, expected] of [
    ['int64', 0, 50_264, [-1, 50_265, 7], [0, 50_264, 7]],
    ['int64', -5, 5, [LEAST, GREATEST, -5], [-5, 5, -5]],
    ['int32', 1, 1, [LEAST, GREATEST, 0], [1, 1, 1]],
    ['int8', -3, 3, [-128, 127, 0], [-3, 3, 0]],
    ['uint8', 10, 20, [0, 255, 15], [10, 20, 15]],
    ['uint8', 0, 20, [0, 255, 15], [0, 20, 15]],
    // A word that is negative as int32 is a large number of an unsigned type.
    ['uint64', 0, GREATEST, [-1, LEAST, 9], [GREATEST, GREATEST, 9]],
    ['uint32', 2, 9, [-1, GREATEST, 0], [9, 9, 2]],
    ['float', -1.5, 2, [-Infinity, Infinity, 0.25], [-1.5, 2, 0.25]],
  ] as const) {
    it(`give ${expected} for the words ${words} of ${type} in ${low}..${high}, on every engine`, async () => {
      const model = imported(type, { x: { low, high } });
      expect(model.inputs[0]?.range).to.deep.equal({ low, high });
      const [result] = await runCompiled(model, [value(type, [3], words)]);
      expect(result?.values).to.deep.equal([...expected]);
    });
  }

  it('leave NaN as it is', async () => {
    const [result] = await runCompiled(imported('float', { x: { low: 0, high: 1 } }), [
      floats([3], [NaN, 2, -2]),
    ]);
    expect(result?.values).to.deep.equal([NaN, 1, 0]);
  });

  it('that are assumed hold for words outside, too', async () => {
    const spec: GraphSpec = {
      inputs: { x: value('int64', [3], [0, 0, 0]) },
      constants: { one: value('int64', [], [1]) },
      nodes: [node('Sub', ['x', 'one'], ['y'])],
      outputs: ['y'],
    };
    const model = importOnnx(modelBytes(spec));
    const [result] = await runCompiled(model, [value('int64', [3], [LEAST, GREATEST, 5])]);
    expect(result?.values).to.deep.equal([LEAST + 65_535, GREATEST - 65_537, 4]);
  });

  it('are asked for where computed unsigned numbers may wrap below 0', async () => {
    const difference = (op: string, type: TypeName): GraphSpec => ({
      inputs: { a: value(type, [3], [9, 2, 3]), b: value(type, [3], [2, 2, 1]) },
      nodes: [node('Sub', ['a', 'b'], ['d']), node(op, op === 'Identity' ? ['d'] : ['d', 'b'], ['y'])],
      outputs: ['y'],
    });
    for (const type of ['uint32', 'uint64'] as const) {
      for (const op of ['Greater', 'Div', 'Max']) {
        const bytes = modelBytes(difference(op, type));
        expect(() => importOnnx(bytes), `${op} of ${type}`).to.throw(
          /may wrap around below 0.*--range a=LOW\.\.HIGH --range b=/,
        );
        const { inputs } = difference(op, type);
        const ranges = { a: { low: 2, high: 9 }, b: { low: 0, high: 2 } };
        await runCompiled(importOnnx(bytes, { ranges }), [inputs['a']!, inputs['b']!]);
      }
      // The bits alone are right, as an output has them.
      const [result] = await runCompiled(importOnnx(modelBytes(difference('Identity', type))), [
        value(type, [3], [1, 2, 3]),
        value(type, [3], [2, 2, 1]),
      ]);
      expect(result?.values).to.deep.equal([-1, 0, 2]);
    }
  });

  it('are refused in one line where they are none', () => {
    const refused = (type: TypeName, low: number, high: number, reason: RegExp, name = 'x'): void => {
      expect(() => imported(type, { [name]: { low, high } })).to.throw(ImportError, reason);
    };
    refused('int64', 5, 4, /--range "x": in 5\.\.4 the first number is the greater one/);
    refused('int64', 0.5, 4, /not a range of whole numbers/);
    refused('uint8', 0, 256, /more than uint8 holds/);
    refused('int64', 0, 2 ** 31, /more than int32 holds/);
    refused('float', 0, 1e39, /not a range of float32/);
    refused('int64', 0, 1, /--range "z": the model's inputs are "x"/, 'z');
  });

  it('hold for bound inputs, too', () => {
    const bind = { x: { shape: [3], values: [1, 2, 9] } };
    const bytes = modelBytes(passing('int64'));
    expect(() => importOnnx(bytes, { bind, ranges: { x: { low: 0, high: 8 } } })).to.throw(
      /element 2 is 9, outside --range 0\.\.8/,
    );
    importOnnx(bytes, { bind, ranges: { x: { low: 0, high: 9 } } });
  });
});
