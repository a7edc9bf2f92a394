import { expect } from 'chai';
import onnxProto, { type onnx as schema } from 'onnx-proto';
import { importOnnx, outlineOf } from '../../src/onnx/index.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { floats, modelBytes, node, noise, runCompiled } from '../support/onnx.ts';

/** Tensors that a file stores sparse. */

const { onnx } = onnxProto;

interface Sparse {
  readonly dims: number[];
  readonly indices: number[];
  readonly indexShape?: number[];
  readonly values?: readonly number[];
  readonly indexType?: number;
}

const { dims, flat, coordinates, values } = {
  dims: [3, 4],
  flat: [1, 6, 11],
  coordinates: [0, 1, 1, 2, 2, 3],
  values: [2.5, -1, 7],
};
const dense = [0, 2.5, 0, 0, 0, 0, -1, 0, 0, 0, 0, 7];

const sparseProto = (name: string, sparse: Sparse): schema.ISparseTensorProto => {
  const sparseValues = sparse.values ?? values;
  return {
    dims: sparse.dims,
    values: { name, dims: [sparseValues.length], dataType: TYPES.float.code, floatData: [...sparseValues] },
    indices: {
      dims: sparse.indexShape ?? [sparse.indices.length],
      dataType: sparse.indexType ?? TYPES.int64.code,
      ...(sparse.indexType === TYPES.int32.code
        ? { int32Data: sparse.indices }
        : { int64Data: sparse.indices }),
    },
  };
};

const x = noise([2, 3], 5);
const base = modelBytes({
  inputs: { x },
  constants: { w: floats([3, 4], dense) },
  nodes: [node('MatMul', ['x', 'w'], ['y'])],
  outputs: ['y'],
});

/** `x · w` with w a sparse initializer, or the value of a Constant. */
function model(sparse: Sparse, as: 'initializer' | 'constant', hasType = true): Uint8Array {
  const decoded = onnx.ModelProto.decode(base);
  const graph = decoded.graph!;
  graph.initializer = [];
  const proto = sparseProto('w', sparse);
  if (as === 'initializer') graph.sparseInitializer = [proto];
  else {
    const { SPARSE_TENSOR } = onnx.AttributeProto.AttributeType;
    const attribute = {
      name: 'sparse_value',
      sparseTensor: proto,
      ...(hasType ? { type: SPARSE_TENSOR } : {}),
    };
    graph.node!.unshift({ opType: 'Constant', output: ['w'], attribute: [attribute] });
  }
  return onnx.ModelProto.encode(decoded).finish();
}

describe('sparse tensors', () => {
  for (const as of ['initializer', 'constant'] as const) {
    for (const [what, sparse] of [
      ['places', { dims, indices: flat }],
      ['coordinates', { dims, indices: coordinates, indexShape: [3, 2] }],
    ] as const) {
      it(`by ${what} run as the dense ${as} does, in the same program`, async () => {
        const made = importOnnx(model(sparse as unknown as Sparse, as));
        expect(made.program).to.deep.equal(importOnnx(base).program);
        const [y] = await runCompiled(made, [x]);
        const right = [0, 1].flatMap((row) =>
          [0, 1, 2, 3].map((column) =>
            Math.fround(
              [0, 1, 2].reduce((sum, k) => sum + x.values[3 * row + k]! * dense[4 * k + column]!, 0),
            ),
          ),
        );
        expect(y!.values).to.deep.equal(right);
      });
    }
  }

  it('are known by their field where a file leaves the type of the attribute out', () => {
    const made = importOnnx(model({ dims, indices: [...flat] }, 'constant', false));
    expect(made.program).to.deep.equal(importOnnx(base).program);
  });

  it('are no inputs that a user gives', () => {
    expect(outlineOf(model({ dims, indices: [...flat] }, 'initializer')).inputs).to.deep.equal(['x']);
  });

  const wrong: readonly (readonly [string, Sparse, RegExp])[] = [
    ['an index beyond the end', { dims, indices: [0, 1, 12] }, /an index outside its shape \[3,4\]/],
    ['a negative index', { dims, indices: [-1, 1, 2] }, /not in ascending order/],
    [
      'a coordinate outside its dimension',
      { dims, indices: [0, 4, 1, 2, 2, 3], indexShape: [3, 2] },
      /an index outside its shape/,
    ],
    ['an index twice', { dims, indices: [1, 1, 2] }, /not in ascending order/],
    ['indices out of order', { dims, indices: [2, 1, 3] }, /not in ascending order/],
    [
      'fewer indices than values',
      { dims, indices: [1, 2] },
      /values of shape \[3\] and int64 indices of \[2\]/,
    ],
    ['coordinates of another rank', { dims, indices: [0, 1, 2], indexShape: [3, 1] }, /indices of \[3,1\]/],
    [
      'indices of another type',
      { dims, indices: [...flat], indexType: TYPES.int32.code },
      /and int32 indices/,
    ],
    ['a negative dimension', { dims: [-3, 4], indices: [...flat] }, /has the shape \[-3,4\]/],
    [
      'more elements than few bytes may stand for',
      { dims: [2 ** 20, 2 ** 20], indices: [...flat] },
      /sparse tensors have 1099511627776 elements, of 16777216 allowed/,
    ],
  ];
  for (const [what, sparse, reason] of wrong) {
    it(`with ${what} are refused in one line`, () => {
      for (const as of ['initializer', 'constant'] as const) {
        expect(() => importOnnx(model(sparse, as))).to.throw(reason);
      }
    });
  }

  it('count together, however many there are', () => {
    const decoded = onnx.ModelProto.decode(model({ dims, indices: [...flat] }, 'initializer'));
    const many = Array.from({ length: 5 }, (_, i) =>
      sparseProto(`w${i}`, { dims: [2 ** 22], indices: [...flat] }),
    );
    decoded.graph!.sparseInitializer!.push(...many);
    expect(() => importOnnx(onnx.ModelProto.encode(decoded).finish())).to.throw(/of 16777216 allowed/);
  });

  it('without values or indices are refused', () => {
    const decoded = onnx.ModelProto.decode(model({ dims, indices: [...flat] }, 'initializer'));
    decoded.graph!.sparseInitializer = [{ dims, values: { name: 'w' } }];
    expect(() => importOnnx(onnx.ModelProto.encode(decoded).finish())).to.throw(/no values or no indices/);
  });
});
