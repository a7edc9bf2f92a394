import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { modelBytes, node, type Result, runCompiled, type TypeName, value } from '../support/onnx.ts';

/** Calldata may hold any words: a program takes each for a value of its input's ONNX type, whatever reads it. */

describe('a bool input of bytes other than 0 and 1', () => {
  const bytes = [0, 1, 2, 255];
  const bits = [0, 1, 1, 1];
  const x = value('bool', [4], bytes);
  const y = value('bool', [4], [2, 4, 0, 8]);
  const other = [1, 1, 0, 1];
  const cases: readonly (readonly [string, readonly string[], readonly number[], Record<string, number>?])[] =
    [
      ['Identity', ['x'], bits],
      ['Not', ['x'], bits.map((p) => 1 - p)],
      ['Xor', ['x', 'y'], bits.map((p, i) => p ^ other[i]!)],
      ['And', ['x', 'y'], bits.map((p, i) => p & other[i]!)],
      ['Or', ['x', 'y'], bits.map((p, i) => p | other[i]!)],
      ['Equal', ['x', 'y'], bits.map((p, i) => Number(p === other[i]))],
      ['Concat', ['x', 'y'], [...bits, ...other], { axis: 0 }],
      ['Cast', ['x'], bits, { to: TYPES.int64.code }],
      ['Cast', ['x'], bits, { to: TYPES.float.code }],
      ['Where', ['x', 'y', 'x'], bits.map((p, i) => (p ? other[i]! : p))],
      ['ReduceMax', ['x'], [1], { keepdims: 0 }],
      ['ReduceMin', ['x'], [0], { keepdims: 0 }],
      ['Transpose', ['x'], bits],
      ['Expand', ['x', 'shape'], bits],
      ['BitCast', ['x'], bits, { to: TYPES.uint8.code }],
    ];
  for (const [op, inputs, right, attributes = {}] of cases) {
    it(`is true or false in ${op} ${JSON.stringify(attributes)}`, async () => {
      const model = importOnnx(
        modelBytes({
          nodes: [node(op, [...inputs], ['z'], attributes)],
          inputs: { x, y },
          constants: { shape: value('int64', [1], [4]) },
          outputs: ['z'],
          opset: 26,
        }),
      );
      const [actual] = await runCompiled(model, [x, y]);
      expect(actual!.values).to.deep.equal(right);
    });
  }

  it('is the same where it is bound at import', async () => {
    const bytesOfModel = modelBytes({
      nodes: [node('Xor', ['x', 'y'], ['z'])],
      inputs: { x, y },
      outputs: ['z'],
    });
    const model = importOnnx(bytesOfModel, { bind: { x: { shape: [4], values: bytes } } });
    const [actual] = await runCompiled(model, [y]);
    expect(actual!.values).to.deep.equal(bits.map((p, i) => p ^ other[i]!));
  });
});

/** Runs a model of one input on words as calldata may have them. */
async function onWords(type: TypeName, words: Uint8Array, shape: readonly number[]): Promise<Result> {
  const model = importOnnx(
    modelBytes({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: { x: value(type, shape, new Array(shape[0]).fill(0)) },
      outputs: ['y'],
    }),
  );
  const { program, weights } = model;
  const results = await Promise.all(
    [referenceEngine, wasmEngine].map(async (engine) =>
      (await engine.load(program, weights)).runAll([words]),
    ),
  );
  const [output] = program.outputs as [number];
  const [reference, fast] = results.map((tensors) => tensors[output] as Uint8Array) as [
    Uint8Array,
    Uint8Array,
  ];
  expect(reference).to.deep.equal(fast);
  const arrays = { f32: Float32Array, i32: Int32Array, i8: Int8Array, u8: Uint8Array };
  return { shape, values: [...new arrays[TYPES[type].dtype](reference.slice().buffer)] };
}

describe('an integer input of words outside its type', () => {
  const wide = [
    0,
    1,
    -1,
    127,
    -128,
    200,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    -40_000,
    2 ** 31 - 1,
    -(2 ** 31),
  ];

  for (const [name, bits, isSigned] of [
    ['int16', 16, true],
    ['uint16', 16, false],
  ] as const) {
    it(`counts by its lower bits for ${name}`, async () => {
      const { values } = await onWords(name, new Uint8Array(Int32Array.from(wide).buffer), [wide.length]);
      expect(values).to.deep.equal(
        wide.map((x) => Number(isSigned ? BigInt.asIntN(bits, BigInt(x)) : BigInt.asUintN(bits, BigInt(x)))),
      );
    });
  }

  for (const [name, bits, isSigned] of [
    ['int4', 4, true],
    ['uint4', 4, false],
    ['int2', 2, true],
    ['uint2', 2, false],
  ] as const) {
    it(`counts by its lower bits for ${name}, any byte`, async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const { values } = await onWords(name, all, [256]);
      expect(values).to.deep.equal(
        [...all].map((x) =>
          Number(isSigned ? BigInt.asIntN(bits, BigInt(x)) : BigInt.asUintN(bits, BigInt(x))),
        ),
      );
    });
  }

  for (const name of ['uint32', 'uint64'] as const) {
    it(`is the greatest int32 where ${name} is beyond it`, async () => {
      const words = [0, 7, 2 ** 31 - 1, -(2 ** 31), -1];
      const { values } = await onWords(name, new Uint8Array(Int32Array.from(words).buffer), [5]);
      expect(values).to.deep.equal([0, 7, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]);
    });
  }

  for (const name of ['int8', 'uint8', 'int32', 'int64'] as const) {
    it(`cannot be for ${name}, which costs nothing`, () => {
      const model = importOnnx(
        modelBytes({
          nodes: [node('Add', ['x', 'x'], ['y'])],
          inputs: { x: value(name, [2], [0, 0]) },
          outputs: ['y'],
          // int64 sums may leave int32: what matters here is the input.
          ...(name === 'int64' ? { nodes: [node('Identity', ['x'], ['y'])] } : {}),
        }),
      );
      expect(model.program.nodes.filter(({ kind }) => kind === 'loop').length).to.equal(1);
    });
  }
});
