import { expect } from 'chai';
import { type CompiledModel, importOnnx } from '../../src/onnx/index.ts';
import { sizeOf } from '../../src/program/node.ts';
import {
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  integers,
  modelBytes,
  type NodeSpec,
  node,
  noise,
  runCompiled,
  type Value,
  value,
} from '../support/onnx.ts';

/** A matrix of more elements than what small constants are folded to. */
const [ROWS, COLUMNS] = [264, 256];
const SIZE = ROWS * COLUMNS;

/** Scales and zero points of a matrix: how many there are along each axis. */
const GRAINS = {
  'by tensor': { axis: undefined, block: 0, shape: [] },
  'by row': { axis: 0, block: 0, shape: [ROWS] },
  'by column': { axis: 1, block: 0, shape: [COLUMNS] },
  'by block of a row': { axis: 1, block: 32, shape: [ROWS, COLUMNS / 32] },
} as const;
type Grain = keyof typeof GRAINS;

/** Constants w, scale and zero, the node that widens w to d, and the floats that d is by definition. */
function quantised(grain: Grain, type: 'int8' | 'uint8') {
  const { axis, block, shape } = GRAINS[grain];
  const [low, high] = type === 'int8' ? [-128, 127] : [0, 255];
  const w = integers(type, [ROWS, COLUMNS], low, high, 3);
  const count = sizeOf(shape);
  const scale = floats(
    shape,
    noise([count], 4).values.map((one) => Math.fround(Math.abs(one) / 50 + 0.001)),
  );
  const zero = integers(type, shape, low / 8, high / 8, 5);
  const of = (i: number): number => {
    if (axis === undefined) return 0;
    const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
    if (block > 0) return row * (COLUMNS / block) + Math.floor(column / block);
    return axis === 0 ? row : column;
  };
  // ONNX: (x - zero point) * scale, rounded once.
  const widened = w.values.map((one, i) => Math.fround((one - zero.values[of(i)]!) * scale.values[of(i)]!));
  const attributes = {
    ...(axis === undefined ? {} : { axis }),
    ...(block > 0 ? { block_size: block } : {}),
  };
  return {
    node: node('DequantizeLinear', ['w', 'scale', 'zero'], ['d'], attributes),
    constants: { w, scale, zero },
    floats: floats([ROWS, COLUMNS], widened),
  };
}

interface Reader {
  readonly nodes: readonly NodeSpec[];
  readonly inputs: Readonly<Record<string, Value>>;
}

const READERS: Readonly<Record<string, Reader>> = {
  'a product of one row': {
    nodes: [node('MatMul', ['x', 'd'], ['y'])],
    inputs: { x: noise([1, ROWS], 6) },
  },
  'a product of many rows': {
    nodes: [node('MatMul', ['x', 'd'], ['y'])],
    inputs: { x: noise([5, ROWS], 6) },
  },
  'a product with the matrix turned': {
    nodes: [node('Transpose', ['d'], ['t'], { perm: [1, 0] }), node('MatMul', ['x', 't'], ['y'])],
    inputs: { x: noise([3, COLUMNS], 6) },
  },
  Gemm: {
    nodes: [node('Gemm', ['x', 'd'], ['y'], { transB: 1 })],
    inputs: { x: noise([3, COLUMNS], 6) },
  },
  'a table that rows are gathered from': {
    nodes: [node('Gather', ['d', 'x'], ['y'], { axis: 0 })],
    inputs: { x: value('int64', [2, 2], [0, ROWS - 1, 7, -1]) },
  },
  'a table that columns are gathered from': {
    nodes: [node('Gather', ['d', 'x'], ['y'], { axis: 1 })],
    inputs: { x: value('int64', [3], [0, COLUMNS - 1, 7]) },
  },
  'a table and the product with it': {
    nodes: [
      node('Gather', ['d', 'x'], ['e'], { axis: 0 }),
      node('Transpose', ['d'], ['t'], { perm: [1, 0] }),
      node('MatMul', ['e', 't'], ['y']),
    ],
    inputs: { x: value('int64', [3], [0, ROWS - 1, 7]) },
  },
};

/** A graph of one output, y. */
const graphOf = (parts: Pick<GraphSpec, 'nodes' | 'constants' | 'inputs'>): GraphSpec => ({
  ...parts,
  outputs: ['y'],
  opset: 21,
});

/** Constants of at least as many elements as the matrix has, by their types. */
const large = ({ program }: CompiledModel): string[] =>
  program.nodes.flatMap((one) =>
    one.kind === 'constant' && sizeOf(one.shape) >= SIZE ? [one.dtype as string] : [],
  );

describe('matrices that DequantizeLinear widens', () => {
  for (const [what, { nodes, inputs }] of Object.entries(READERS)) {
    it(`stay in bytes in ${what}, with the bits of their floats`, async () => {
      for (const grain of Object.keys(GRAINS) as Grain[]) {
        for (const type of ['int8', 'uint8'] as const) {
          const quantisedModel = quantised(grain, type);
          const widening = graphOf({
            nodes: [quantisedModel.node, ...nodes],
            constants: quantisedModel.constants,
            inputs,
          });
          const model = importOnnx(modelBytes(widening));
          // Columns that share numbers are not computed apart.
          const isShared = what.startsWith('a table that columns') && grain === 'by block of a row';
          const held = isShared ? 'f32' : type === 'int8' ? 'i8' : 'u8';
          expect(new Set(large(model)), `${grain} ${type}`).to.deep.equal(new Set([held]));
          const plain = importOnnx(
            modelBytes(graphOf({ nodes, constants: { d: quantisedModel.floats }, inputs })),
          );
          const [actual] = await runCompiled(model, Object.values(inputs));
          const [expected] = await runCompiled(plain, Object.values(inputs));
          expect(actual!.values, `${grain} ${type}`).to.deep.equal(expected!.values);
        }
      }
    });
  }

  it('agree with onnxruntime', async () => {
    const { nodes, inputs } = READERS['a table and the product with it']!;
    const quantisedModel = quantised('by row', 'int8');
    const spec = graphOf({
      nodes: [quantisedModel.node, ...nodes],
      constants: quantisedModel.constants,
      inputs,
    });
    await expectSameAsOnnxruntime(spec, { relative: 1e-4, absolute: 1e-3 });
  });

  it('give 0 for a row that is outside of them, as tables of floats do', async () => {
    const quantisedModel = quantised('by column', 'uint8');
    const nodes = [node('Gather', ['d', 'x'], ['y'], { axis: 0 })];
    const inputs = { x: value('int64', [2], [ROWS, 1]) };
    const spec = graphOf({
      nodes: [quantisedModel.node, ...nodes],
      constants: quantisedModel.constants,
      inputs,
    });
    const [actual] = await runCompiled(importOnnx(modelBytes(spec)), [inputs.x]);
    expect(actual!.values.slice(0, COLUMNS)).to.deep.equal(new Array(COLUMNS).fill(0));
    expect(actual!.values.slice(COLUMNS)).to.deep.equal(
      quantisedModel.floats.values.slice(COLUMNS, 2 * COLUMNS),
    );
  });

  it('are floats where they would be computed in each run', async () => {
    const quantisedModel = quantised('by row', 'int8');
    const nodes = [node('GatherElements', ['d', 'x'], ['y'], { axis: 0 })];
    const inputs = {
      x: value(
        'int64',
        [1, COLUMNS],
        Array.from({ length: COLUMNS }, (_, i) => i % ROWS),
      ),
    };
    const spec = graphOf({
      nodes: [quantisedModel.node, ...nodes],
      constants: quantisedModel.constants,
      inputs,
    });
    const model = importOnnx(modelBytes(spec));
    expect(large(model)).to.deep.equal(['f32']);
    const loops = model.program.nodes.filter(({ kind }) => kind === 'loop');
    expect(Math.max(...loops.map(({ shape }) => sizeOf(shape)))).to.be.at.most(COLUMNS);
    const [actual] = await runCompiled(model, [inputs.x]);
    expect(actual!.values).to.deep.equal(
      Array.from({ length: COLUMNS }, (_, i) => quantisedModel.floats.values[(i % ROWS) * COLUMNS + i]),
    );
  });
});
