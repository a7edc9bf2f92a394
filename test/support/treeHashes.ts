import { hexOf } from '../../src/merkle/keccak.ts';
import { concat, type MerkleTree } from '../../src/merkle/tree.ts';

/** A tree as the levels of its hashes, lowest first. */
export const hashesOf = (tree: MerkleTree): string[] =>
  Array.from({ length: tree.depth + 1 }, (_, level) => {
    const count = Math.ceil(tree.leaves / 2 ** level);
    return hexOf(concat(Array.from({ length: count }, (_, i) => tree.node(level, i))));
  });
