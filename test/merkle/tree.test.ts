import { expect } from 'chai';
import { keccak256 } from 'ethers';
import { bytesOfHex, equalBytes, hexOf, keccakTagged } from '../../src/merkle/keccak.ts';
import { TAGS } from '../../src/merkle/tags.ts';
import { chunkOf, chunksOf, tensorRoot, tensorTree } from '../../src/merkle/tensor.ts';
import {
  combine,
  concat,
  MerkleTree,
  PROGRAM_TREE,
  paddingRoot,
  rootFrom,
  TENSOR_TREE,
  TRACE_TREE,
} from '../../src/merkle/tree.ts';
import { depthOf } from '../../src/program/blocks.ts';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 131 + 7) & 255);
const h = (...parts: readonly Uint8Array[]) => bytesOfHex(keccak256(concat(parts)));

describe('keccak', () => {
  it('is the keccak256 of Ethereum, for lengths around its block size', () => {
    for (const length of [1, 31, 32, 64, 65, 135, 136, 137, 256, 257, 271, 272, 273, 1000]) {
      const [tag, ...rest] = bytes(length);
      expect(hexOf(keccakTagged(tag!, Uint8Array.from(rest)))).to.equal(keccak256(bytes(length)));
    }
  });

  it('puts the tag first', () => {
    const expected = h(Uint8Array.of(9), bytes(40), bytes(3));
    expect(hexOf(keccakTagged(9, bytes(40), bytes(3)))).to.equal(hexOf(expected));
  });

  it('reads hexadecimal back and refuses what is none', () => {
    expect(equalBytes(bytesOfHex(hexOf(bytes(40))), bytes(40))).to.equal(true);
    for (const bad of ['', '0x0', 'ff', '0xzz']) expect(() => bytesOfHex(bad)).to.throw(RangeError);
  });
});

describe('bytes', () => {
  it('are equal if all of them are, wherever they lie and wherever they differ', () => {
    for (const length of [0, 1, 3, 1023, 1024, 1027, 4098]) {
      for (const [from, to] of [
        [0, 0],
        [4, 8],
        [1, 0],
        [0, 3],
      ] as const) {
        const a = new Uint8Array(length + from).fill(7).subarray(from);
        const b = new Uint8Array(length + to).fill(7).subarray(to);
        expect(equalBytes(a, b), `${length} bytes`).to.equal(true);
        for (const place of new Set([0, Math.floor(length / 2), length - 1].filter((i) => i in b)))
          expect(equalBytes(a, b.with(place, 8)), `byte ${place} of ${length}`).to.equal(false);
        expect(equalBytes(a, new Uint8Array(length + 1).fill(7))).to.equal(false);
      }
    }
  });
});

describe('tensor tree', () => {
  const leaf = (chunk: Uint8Array) => h(Uint8Array.of(TAGS.TENSOR_CHUNK), chunk);
  const node = (l: Uint8Array, r: Uint8Array) => h(Uint8Array.of(TAGS.TENSOR_NODE), l, r);

  it('attack 24: has the defined root for lengths around the size of a chunk', () => {
    const zero = leaf(new Uint8Array(256));
    const cases: [number, Uint8Array][] = [
      [0, zero],
      [1, leaf(concat([bytes(1), new Uint8Array(255)]))],
      [256, leaf(bytes(256))],
      [257, node(leaf(bytes(256)), leaf(chunkOf(bytes(257), 1)))],
      [
        700,
        node(
          node(leaf(chunkOf(bytes(700), 0)), leaf(chunkOf(bytes(700), 1))),
          node(leaf(chunkOf(bytes(700), 2)), zero),
        ),
      ],
    ];
    for (const [length, root] of cases) {
      expect(hexOf(tensorRoot(bytes(length))), `${length} bytes`).to.equal(hexOf(root));
    }
  });

  it('pads a last chunk with zeros, whatever chunk came before', () => {
    const last = chunkOf(bytes(300), 1);
    expect(last.length).to.equal(256);
    expect([...last.subarray(44)].every((byte) => byte === 0)).to.equal(true);
    expect(hexOf(tensorTree(bytes(300)).node(0, 1))).to.equal(hexOf(leaf(last)));
  });

  it('takes well under a second for the activations of a small network', () => {
    const activations = new Uint8Array(4 << 20).map((_, i) => i * 131);
    const start = performance.now();
    expect(tensorTree(activations).depth).to.equal(14);
    expect(performance.now() - start).to.be.below(1000);
  });

  it('has a root that is found part by part, around the size of a part and of several', () => {
    const [chunk, part] = [256, 2 ** 20];
    for (const size of [
      part - 1,
      part,
      part + 1,
      part + 3 * chunk,
      2 * part,
      3 * part - chunk,
      5 * part + 7,
    ]) {
      const tensor = bytes(size);
      expect(hexOf(tensorRoot(tensor)), `${size}`).to.equal(hexOf(tensorTree(tensor).root));
    }
  });

  it('has a depth that follows from the number of bytes', () => {
    const depths = [0, 1, 256, 257, 512, 513, 1024, 1025].map((length) => depthOf(chunksOf(length)));
    expect(depths).to.deep.equal([0, 0, 0, 1, 1, 2, 2, 3]);
    expect(depthOf(2 ** 20)).to.equal(20);
    expect(depthOf(2 ** 20 + 1)).to.equal(21);
  });
});

describe('hash tree', () => {
  const leaves = (count: number) =>
    concat(Array.from({ length: count }, (_, i) => keccakTagged(i, bytes(i + 1))));

  it('opens every leaf, padding included, for all small sizes', () => {
    for (const kind of [TENSOR_TREE, TRACE_TREE, PROGRAM_TREE]) {
      for (let count = 1; count <= 17; count++) {
        const tree = new MerkleTree(kind, leaves(count));
        for (let i = 0; i < 2 ** tree.depth; i++) {
          const proof = tree.proof(i);
          expect(proof.length).to.equal(depthOf(count));
          expect(hexOf(rootFrom(kind, tree.node(0, i), i, proof))).to.equal(hexOf(tree.root));
          if (i >= count) expect(hexOf(tree.node(0, i))).to.equal(hexOf(kind.padding));
        }
      }
    }
  });

  it('is the same as a tree with its padding written out', () => {
    const full = concat([leaves(5), TENSOR_TREE.padding, TENSOR_TREE.padding, TENSOR_TREE.padding]);
    const tree = new MerkleTree(TENSOR_TREE, leaves(5));
    expect(hexOf(tree.root)).to.equal(hexOf(new MerkleTree(TENSOR_TREE, full).root));
    expect(hexOf(tree.node(1, 3))).to.equal(hexOf(paddingRoot(TENSOR_TREE, 1)));
  });

  it('reveals levels that combine to the node above them', () => {
    const tree = new MerkleTree(TRACE_TREE, leaves(21));
    for (let levels = 0; levels <= 3; levels++) {
      const hashes = tree.below(4, 1, levels);
      expect(hashes.length).to.equal(2 ** levels);
      expect(hexOf(combine(TRACE_TREE, hashes))).to.equal(hexOf(tree.node(4, 1)));
    }
  });

  it('refuses nodes outside of it and empty trees', () => {
    const tree = new MerkleTree(TRACE_TREE, leaves(3));
    expect(() => tree.node(0, 4)).to.throw(RangeError);
    expect(() => tree.node(3, 0)).to.throw(RangeError);
    expect(() => tree.node(0, -1)).to.throw(RangeError);
    expect(() => new MerkleTree(TRACE_TREE, new Uint8Array(0))).to.throw(RangeError);
    expect(() => new MerkleTree(TRACE_TREE, new Uint8Array(33))).to.throw(RangeError);
  });
});
