import { expect } from 'chai';
import { keccak256, solidityPacked } from 'ethers';
import { paddingTable, readTree, treeBytes, treeCalls } from '../../src/merkle/inPlace.ts';
import { equalBytes, hexOf } from '../../src/merkle/keccak.ts';
import { rotations, roundConstants } from '../../src/merkle/permutation.ts';
import { hashEach, hashRecords } from '../../src/merkle/records.ts';
import { TAGS } from '../../src/merkle/tags.ts';
import { tensorTree } from '../../src/merkle/tensor.ts';
import { paddingRoot, TENSOR_TREE } from '../../src/merkle/tree.ts';
import { type Sharing, treeModule } from '../../src/merkle/treeModule.ts';
import { PAGE_BYTES } from '../../src/wasm/assembler.ts';

const scrambled = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);

/** Lengths around chunks, pairs of chunks, powers of two of them, and the block that is hashed at a time. */
const LENGTHS = [
  ...[0, 1, 2, 127, 135, 136, 137, 254, 255, 256, 257],
  ...[2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 128, 200, 1023, 1024, 1025, 2049].flatMap(
    (chunks) => [-1, 0, 1].map((more) => 256 * chunks + more),
  ),
];

const callerOf =
  ({ exports }: WebAssembly.Instance) =>
  (name: string, ...args: number[]): void =>
    (exports[name] as (...args: number[]) => void)(...args);

describe('hashing of many records', () => {
  it('uses the round constants and rotations of FIPS 202', () => {
    const constants = roundConstants().map(([low, high]) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
    expect(constants.slice(0, 3)).to.deep.equal([0x1n, 0x8082n, 0x800000000000808an]);
    expect(constants.at(-1)).to.equal(0x8000000080008008n);
    expect(rotations().slice(0, 10)).to.deep.equal([0, 1, 62, 28, 27, 36, 44, 6, 55, 20]);
  });

  it('gives what one after the other gives, for every tag and number of records', () => {
    for (const recordBytes of [64, 256] as const) {
      for (const count of [0, 1, 2, 3, 4, 5, 31, 32, 33, 1023, 1024, 1025, 4095, 4096, 4097]) {
        const records = scrambled(count * recordBytes);
        for (const tag of count < 10 ? [...Object.values(TAGS), 255] : [TAGS.TENSOR_NODE]) {
          const hashes = hashRecords(tag, records, recordBytes);
          expect(hashes.length).to.equal(count * 32);
          expect(
            equalBytes(hashes, hashEach(tag, records, recordBytes)),
            `${count} of ${recordBytes}`,
          ).to.equal(true);
        }
      }
    }
  });

  it('is keccak256 as ethers has it, bit by bit of a record', () => {
    for (const recordBytes of [64, 256] as const) {
      const records = new Uint8Array(recordBytes * recordBytes * 8);
      for (let bit = 0; bit < recordBytes * 8; bit++)
        records[bit * recordBytes + (bit >> 3)] = 1 << (bit & 7);
      const hashes = hashRecords(7, records, recordBytes);
      for (let i = 0; i < recordBytes * 8; i++) {
        const record = records.slice(i * recordBytes, (i + 1) * recordBytes);
        const expected = keccak256(solidityPacked(['uint8', 'bytes'], [7, record]));
        expect(hexOf(hashes.slice(i * 32, (i + 1) * 32))).to.equal(expected);
      }
    }
  });
});

describe('trees in place', () => {
  /** The definition, without the fast path: leaves and nodes hashed one after the other. */
  const rootOf = (bytes: Uint8Array): Uint8Array => {
    const whole = new Uint8Array(Math.max(1, Math.ceil(bytes.length / 256)) * 256);
    whole.set(bytes);
    let level = hashEach(TAGS.TENSOR_CHUNK, whole, 256);
    for (let height = 0; level.length > 32; height++) {
      const pairs = new Uint8Array(Math.ceil(level.length / 64) * 64);
      pairs.set(level);
      if (pairs.length > level.length) pairs.set(paddingRoot(TENSOR_TREE, height), level.length);
      level = hashEach(TAGS.TENSOR_NODE, pairs, 64);
    }
    return level;
  };

  for (const sharing of ['unshared', 'shared'] satisfies Sharing[]) {
    it(`are the defined trees at every length in ${sharing} memory, and touch nothing else`, () => {
      const memory = new WebAssembly.Memory({
        initial: 2 ** 20 / PAGE_BYTES,
        maximum: 2 ** 20 / PAGE_BYTES,
        shared: sharing === 'shared',
      });
      const call = callerOf(new WebAssembly.Instance(treeModule(sharing)!, { env: { memory } }));
      const bytes = new Uint8Array(memory.buffer);
      const noise = scrambled(bytes.length);
      const paddings = 2 ** 20 - 1024;
      const [from, out] = [16, 600_000];
      for (const length of LENGTHS) {
        bytes.set(noise);
        bytes.set(paddingTable(), paddings);
        const before = bytes.slice();
        // In any order, and the last ones not alone.
        for (const { name, args, turns } of treeCalls(from, length, out, paddings)) {
          const middle = Math.floor(turns / 2);
          for (let turn = middle - 1; turn >= 0; turn--) call(name, turn, turn + 1, ...args);
          call(name, middle, turns, ...args);
        }
        const tensor = before.slice(from, from + length);
        const [read, expected] = [readTree(bytes, out, length), tensorTree(tensor)];
        expect(hexOf(read.root), `${length} bytes`).to.equal(hexOf(rootOf(tensor)));
        for (let level = 0; level <= expected.depth; level++) {
          for (const index of [
            0,
            Math.floor(2 ** (expected.depth - level) / 2),
            2 ** (expected.depth - level) - 1,
          ]) {
            expect(hexOf(read.node(level, index))).to.equal(hexOf(expected.node(level, index)));
          }
        }
        const end = out + treeBytes(length);
        expect(
          equalBytes(bytes.slice(0, out), before.slice(0, out)),
          `before the tree of ${length}`,
        ).to.equal(true);
        expect(equalBytes(bytes.slice(end), before.slice(end)), `behind the tree of ${length}`).to.equal(
          true,
        );
      }
    });
  }

  it('are the same beyond 2^31, up to the last byte of the memory', () => {
    const pages = 40_000;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const call = callerOf(new WebAssembly.Instance(treeModule('unshared')!, { env: { memory } }));
    const bytes = new Uint8Array(memory.buffer);
    const tensor = scrambled(100_001);
    const paddings = bytes.length - paddingTable().length;
    const out = paddings - treeBytes(tensor.length);
    const from = out - tensor.length;
    expect(from).to.be.above(2 ** 31);
    bytes.set(paddingTable(), paddings);
    bytes.set(tensor, from);
    for (const { name, args, turns } of treeCalls(from, tensor.length, out, paddings)) {
      call(name, 0, turns, ...args);
    }
    expect(hexOf(readTree(bytes, out, tensor.length).root)).to.equal(hexOf(rootOf(tensor)));
  });
});
