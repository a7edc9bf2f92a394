import type { Hash } from '../merkle/keccak.ts';
import { concat, MerkleTree, type TreeKind } from '../merkle/tree.ts';
import type { Pick } from './move.ts';

/** One of the revealed hashes, opened against what they combine to. */
export const pickFrom = (kind: TreeKind, revealed: readonly Hash[], child: number): Pick => ({
  child,
  hash: revealed[child]!,
  siblings: new MerkleTree(kind, concat(revealed)).proof(child),
});
