import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import type { LoopNode } from '../../src/program/node.ts';
import { expectSameAsOnnxruntime, integers, modelBytes, noise, single, value } from '../support/onnx.ts';

/** Copies in front of folds that would read a tensor all over memory. */

const copiesIn = ({ labels }: { readonly labels: readonly string[] }): string[] =>
  labels.filter((label) => label.startsWith('copy of'));

/** Stride of each operand of the loop along the last fold index, in elements. */
const stridesOf = ({ operands, shape, fold }: LoopNode): number[] =>
  operands.map(({ view }) => {
    let stride = 0;
    let size = 1;
    for (const { extent, coordinate } of [...view].reverse()) {
      const last = shape.length + fold.length - 1;
      const terms = coordinate.kind === 'affine' ? coordinate.terms : [];
      stride += size * (terms.find(({ index }) => index === last)?.coefficient ?? 0);
      size *= extent;
    }
    return stride;
  });

const factors = (rows: number, depth: number, columns: number) => [
  integers('uint8', [rows, depth], 0, 255),
  integers('uint8', [depth, columns], 0, 255, 2),
];

describe('copies for folds', () => {
  it('a matrix of inputs is laid out by columns for its product, with the same results', async () => {
    const model = await expectSameAsOnnxruntime(single('MatMulInteger', factors(16, 512, 64)));
    expect(copiesIn(model)).to.deep.equal(['copy of input x1']);
    const product = model.program.nodes.at(-1) as LoopNode;
    expect(stridesOf(product)).to.deep.equal([1, 1]);
    // One round of 32 intervals is enough then; without the copy it takes two.
    expect(product.grain).to.equal(16);
  });
  it('a copy is made once for all loops that want it', async () => {
    const [a, b] = factors(16, 512, 64);
    const nodes = ['y', 'z'].map((name, i) => ({
      op: 'MatMulInteger',
      inputs: [`a${i}`, 'b'],
      outputs: [name],
    }));
    const inputs = { a0: a!, a1: integers('uint8', [16, 512], 0, 255, 3), b: b! };
    const model = await expectSameAsOnnxruntime({ nodes, inputs, outputs: ['y', 'z'] });
    expect(copiesIn(model)).to.deep.equal(['copy of input b']);
  });
  it('sums along an outer axis read a copy in which it is the inner one', () => {
    const inputs = [noise([512, 64]), value('int64', [], [0])];
    const model = importOnnx(modelBytes(single('CumSum', inputs, { constants: [1] })));
    expect(copiesIn(model)).to.deep.equal(['copy of input x0']);
    expect(stridesOf(model.program.nodes.at(-1) as LoopNode)).to.deep.equal([1]);
  });
  it('nothing is copied that is read seldom, lies well, or has a short fold', () => {
    const labels = (spec: Parameters<typeof modelBytes>[0]) => copiesIn(importOnnx(modelBytes(spec)));
    expect(labels(single('MatMulInteger', factors(4, 512, 64)))).to.deep.equal([]);
    expect(labels(single('MatMulInteger', factors(64, 4, 64)))).to.deep.equal([]);
    const inputs = [noise([64, 512]), noise([64, 512], 2)];
    expect(labels(single('Gemm', inputs, { attributes: { transB: 1 } }))).to.deep.equal([]);
  });
});
