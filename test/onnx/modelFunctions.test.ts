import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import type { FunctionSpec } from '../../examples/onnx.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { expectSameAsOnnxruntime, type GraphSpec, modelBytes, node, noise } from '../support/onnx.ts';

/** Operators that the file itself defines: they are expanded wherever they are called. */

const { ModelProto, FunctionProto, AttributeProto } = onnxProto.onnx;
const FLOAT = 1;

/** leaky(x, slope) = LeakyRelu(x) with the call's slope; twice(x) = leaky(x) + leaky(x). */
const leaky: FunctionSpec = {
  name: 'Leaky',
  domain: 'own',
  inputs: ['a', 'shift'],
  outputs: ['b'],
  attributes: ['slope'],
  nodes: [
    node('LeakyRelu', ['a'], ['r'], { alpha: { reference: 'slope', type: FLOAT } }),
    node('Sum', ['r', 'r'], ['b']),
  ],
  opset: 17,
};
const outer: FunctionSpec = {
  ...leaky,
  name: 'Outer',
  inputs: ['x'],
  outputs: ['y', 'z'],
  nodes: [
    node('Leaky', ['x'], ['t'], { slope: { reference: 'slope', type: FLOAT } }, 'own'),
    node('Leaky', ['t'], ['y'], { slope: { float: 0.25 } }, 'own'),
    node('Neg', ['t'], ['z']),
  ],
};
const call = (attributes = {}): GraphSpec => ({
  inputs: { in: noise([2, 3], 1, 4) },
  nodes: [node('Outer', ['in'], ['out', 'other'], attributes, 'own')],
  outputs: ['out', 'other'],
  functions: [leaky, outer],
});

describe('functions of the file', () => {
  it('are expanded, one inside another, with the attributes of the call', async () => {
    await expectSameAsOnnxruntime(call({ slope: { float: 0.5 } }));
  });

  it('leave an attribute that the call does not give to its default', async () => {
    const model = importOnnx(modelBytes(call()));
    const given = importOnnx(modelBytes(call({ slope: { float: 0.01 } })));
    expect(model.program).to.deep.equal(given.program);
  });

  it('take the defaults that the function states', () => {
    const decoded = ModelProto.decode(modelBytes(call()));
    const attribute = AttributeProto.encode({ name: 'slope', type: FLOAT, f: 0.75 }).finish();
    // Field 11 (attribute_proto) is newer than the encoder's schema.
    const withDefault = (bytes: Uint8Array) =>
      Uint8Array.of(...bytes, (11 << 3) | 2, attribute.length, ...attribute);
    const bytes = withFunctions(decoded, (bytes, i) => (i === 1 ? withDefault(bytes) : bytes));
    const model = importOnnx(bytes);
    expect(model.program).to.deep.equal(importOnnx(modelBytes(call({ slope: { float: 0.75 } }))).program);
  });

  it('are refused if overloaded, defined twice, or recursive', () => {
    const decoded = ModelProto.decode(modelBytes(call()));
    const overloaded = withFunctions(decoded, (bytes) => Uint8Array.of(...bytes, (13 << 3) | 2, 1, 65));
    expect(() => importOnnx(overloaded)).to.throw(/overloaded functions are not supported/);
    const twice = modelBytes({ ...call(), functions: [leaky, leaky, outer] });
    expect(() => importOnnx(twice)).to.throw(/function "own.Leaky": the file defines it twice/);
    const recursive = { ...leaky, nodes: [node('Leaky', ['a'], ['b'], {}, 'own')] };
    expect(() => importOnnx(modelBytes({ ...call(), functions: [recursive, outer] }))).to.throw(
      /nested deeper than 64/,
    );
    const doubling = Array.from(
      { length: 40 },
      (_, i): FunctionSpec => ({
        ...leaky,
        name: `F${i}`,
        nodes: [node(`F${i + 1}`, ['a'], ['t'], {}, 'own'), node(`F${i + 1}`, ['t'], ['b'], {}, 'own')],
      }),
    );
    const last = { ...leaky, name: 'F40' };
    const bomb: GraphSpec = {
      ...call(),
      nodes: [node('F0', ['in'], ['out'], {}, 'own')],
      outputs: ['out'],
      functions: [...doubling, last],
    };
    expect(() => importOnnx(modelBytes(bomb))).to.throw(/come to more than \d+ nodes/);
  });
});

/** The model with its functions' bytes changed. */
function withFunctions(
  model: InstanceType<typeof ModelProto>,
  edit: (bytes: Uint8Array, i: number) => Uint8Array,
): Uint8Array {
  const functions = model.functions.map((one, i) => edit(FunctionProto.encode(one).finish(), i));
  const rest = ModelProto.encode({ ...ModelProto.toObject(model), functions: [] }).finish();
  const lengthOf = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
  // Field 25 of ModelProto; its tag takes two bytes.
  return Uint8Array.of(
    ...rest,
    ...functions.flatMap((bytes) => [0xca, 1, ...lengthOf(bytes.length), ...bytes]),
  );
}
