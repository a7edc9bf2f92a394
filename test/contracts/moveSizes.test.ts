import { expect } from 'chai';
import { IDisputeGame__factory } from '#typechain';
import { MAX_TENSOR_REFS } from '../../src/merkle/model.ts';
import { CHUNK_BYTES, LIMITS, MAX_INTERVALS, MAX_REVEAL_LEVELS } from '../../src/program/limits.ts';

/** The longest calldata of each move, filled with what takes the most bytes. */
const game = IDisputeGame__factory.createInterface();
const HASH = `0x${'ff'.repeat(32)}`;
const ADDRESS = `0x${'ff'.repeat(20)}`;
const bytes = (length: number): string => `0x${'ff'.repeat(length)}`;
const hashes = (count: number): string[] => Array(count).fill(HASH);

const dispute = {
  claimant: ADDRESS,
  challenger: ADDRESS,
  clock: 2n ** 160n - 1n,
  stake: HASH,
  program: HASH,
  position: HASH,
};

/** Levels of the tree over the most nodes that a program has. */
const DEPTH = Math.log2(LIMITS.MAX_NODES);
const node = { descriptor: bytes(LIMITS.MAX_DESCRIPTOR_BYTES), siblings: hashes(DEPTH) };
const picked = { child: 31, hash: HASH, siblings: hashes(MAX_REVEAL_LEVELS) };
const chunk = bytes(CHUNK_BYTES);
const words = bytes(4 * (MAX_INTERVALS - 1));
const leaf = [bytes(LIMITS.MAX_DESCRIPTOR_BYTES), HASH, bytes(LIMITS.MAX_LEAF_WITNESS_BYTES)];
const revealed = hashes(2 ** MAX_REVEAL_LEVELS);
const roots = hashes(MAX_TENSOR_REFS);

/** The request with all bits of all its numbers set, however many terms it has. */
const request = (() => {
  const { components } = game.getFunction('proveInput').inputs[4]!;
  const fill = (fields: readonly { name: string; type: string; components: never }[]): object =>
    Object.fromEntries(
      fields.map(({ name, type, components: inner }) => {
        if (type === 'tuple') return [name, fill(inner)];
        if (type === 'bool') return [name, true];
        if (type === 'address') return [name, ADDRESS];
        if (type.startsWith('uint')) return [name, 2n ** BigInt(type.slice(4)) - 1n];
        return [name, HASH];
      }),
    );
  return fill(components as never);
})();

/** Arguments after dispute id and state; undefined for what is no move of a dispute. */
const longest: Readonly<Record<string, readonly unknown[] | undefined>> = {
  commitTrace: [roots, hashes(0), revealed],
  reveal: [revealed],
  revealBlock: [revealed, 2 ** 32 - 1],
  revealChunk: [chunk],
  postAccumulators: [words],
  openNode: [HASH, node],
  pick: [picked],
  pickNode: [picked, node],
  proveCheckpoint: [HASH, 31, node],
  proveConstant: [picked, node],
  proveInput: [picked, node, request, roots],
  proveAnswer: [picked, node, request, roots],
  demandNode: [HASH, 31],
  provePadding: [picked],
  nameElement: [chunk, 255],
  proveElement: [chunk, 255, ...leaf],
  provePaddingByte: [chunk],
  pickInterval: [words, 31],
  proveInterval: [words, 31, ...leaf],
  proveMalformed: [HASH, request, 2 ** 20 - 1, node],
  proveMalformedOperand: [HASH, request, 2 ** 20 - 1, node, 255, node],
  timeout: [HASH],
  reclaim: [HASH],
};

const sizeOf = (name: string, args: readonly unknown[]): number =>
  (game.encodeFunctionData(name as 'reveal', [2n ** 256n - 1n, dispute, ...args] as never).length - 2) / 2;

describe('the calldata of every move fits public transaction pools', () => {
  const moves = game.fragments.flatMap((fragment) =>
    fragment.type === 'function' && 'stateMutability' in fragment && fragment.stateMutability === 'nonpayable'
      ? [(fragment as unknown as { name: string }).name]
      : [],
  );

  for (const name of moves) {
    // The oracle opens disputes, and what is sent together its sender chooses.
    if (name === 'open' || name === 'multicall') continue;
    it(`attack 51: ${name} fits with its longest arguments`, () => {
      const args = longest[name];
      expect(args, `${name} has no case here`).to.be.an('array');
      expect(sizeOf(name, args!)).to.be.at.most(LIMITS.MAX_MOVE_BYTES);
    });
  }

  it('attack 51: a first answer fits with as many outputs as the registry takes', () => {
    for (let depth = 0; depth <= DEPTH; depth++) {
      // The rule of ModelRegistry.
      const most = Math.floor((LIMITS.MAX_FIRST_ANSWER_BYTES - 2048) / (32 * (1 + depth)));
      const outputs = Math.min(MAX_TENSOR_REFS, most);
      const size = sizeOf('commitTrace', [hashes(outputs), hashes(outputs * depth), revealed]);
      expect(size, `${outputs} outputs in ${2 ** depth} nodes`).to.be.at.most(LIMITS.MAX_FIRST_ANSWER_BYTES);
      expect(size).to.be.above(LIMITS.MAX_FIRST_ANSWER_BYTES - 2048);
    }
  });
});
