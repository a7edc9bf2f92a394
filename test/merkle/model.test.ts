import { expect } from 'chai';
import { keccak256, solidityPacked } from 'ethers';
import { hexOf } from '../../src/merkle/keccak.ts';
import { commitInput, commitOutput, modelOf, programLeaf, splitTensors } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { PROGRAM_TREE, paddingRoot } from '../../src/merkle/tree.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';

describe('model id', () => {
  const build = new ProgramBuilder();
  const x = build.input('f32', [1, 2]);
  const w = build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
  const y = build.node(matMul(x, w, 1, 2, 2));
  const { program } = build.finish([y, x]);
  const model = modelOf(program);

  it('hashes version, steps, program root, nodes, inputs and outputs as written', () => {
    const [leafX, leafW, leafY] = model.descriptors.map((descriptor) => hexOf(programLeaf(descriptor)));
    const node = (l: string, r: string) =>
      keccak256(solidityPacked(['uint8', 'bytes32', 'bytes32'], [4, l, r]));
    const root = node(node(leafX!, leafW!), node(leafY!, hexOf(paddingRoot(PROGRAM_TREE, 0))));
    expect(hexOf(model.tree.root)).to.equal(root);
    const packed = solidityPacked(
      [
        'uint8',
        'uint32',
        'uint32',
        'bytes32',
        'uint32',
        'uint8',
        'uint32',
        'uint32',
        'uint8',
        ...Array(4).fill('uint32'),
      ],
      [5, 1, 1, root, 3, 1, 0, 8, 2, 2, 8, 0, 8],
    );
    expect(hexOf(model.id)).to.equal(keccak256(packed));
  });

  it('changes with every part of the program', () => {
    const ids = [
      { ...program, outputs: [y] },
      { ...program, outputs: [x, y] },
      { ...program, nodes: program.nodes.slice(0, 2), outputs: [x] },
      { ...program, nodes: [...program.nodes.slice(0, 2), matMul(x, w, 1, 2, 2, 7)] },
    ].map((other) => hexOf(modelOf(other).id));
    expect(new Set([...ids, hexOf(model.id)]).size).to.equal(5);
  });

  it('has no more inputs or outputs than its one byte for their number can say', () => {
    expect(() => modelOf({ ...program, outputs: Array(256).fill(y) })).to.throw(RangeError, 'at most 255');
    expect(modelOf({ ...program, outputs: Array(255).fill(y) }).outputs.length).to.equal(255);
  });

  it('commits to inputs and outputs by the roots of their tensors', () => {
    const bytes = f32Bytes([5, 6, 7, 8]);
    const roots = [bytes.subarray(0, 8), bytes.subarray(8)].map((tensor) => hexOf(tensorRoot(tensor)));
    expect(hexOf(commitOutput(model, bytes))).to.equal(
      keccak256(solidityPacked(['uint8', 'bytes32', 'bytes32'], [7, roots[0], roots[1]])),
    );
    expect(hexOf(commitInput(model, bytes.subarray(0, 8)))).to.equal(
      keccak256(solidityPacked(['uint8', 'bytes32'], [6, roots[0]])),
    );
  });

  it('splits bytes into tensors and refuses another number of bytes', () => {
    const bytes = f32Bytes([5, 6, 7, 8]);
    expect(splitTensors(model.outputs, bytes).map(({ length }) => length)).to.deep.equal([8, 8]);
    expect(() => splitTensors(model.outputs, bytes.subarray(1))).to.throw(
      RangeError,
      /expected 16 bytes.*got 15/,
    );
    expect(() => commitInput(model, bytes)).to.throw(RangeError, /expected 8 bytes.*got 16/);
  });
});
