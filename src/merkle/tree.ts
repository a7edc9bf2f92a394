import { depthOf } from '../program/blocks.ts';
import { CHUNK_BYTES } from '../program/limits.ts';
import { HASH_BYTES, type Hash, keccakTagged } from './keccak.ts';
import { hashRecords, PAIR_BYTES } from './records.ts';
import { TAGS } from './tags.ts';

/** One kind of binary hash tree. Its depth follows from its number of leaves; missing leaves are `padding`. */
export interface TreeKind {
  readonly nodeTag: number;
  /** The leaf that stands wherever there is none. */
  readonly padding: Hash;
}

export const TENSOR_TREE: TreeKind = {
  nodeTag: TAGS.TENSOR_NODE,
  padding: keccakTagged(TAGS.TENSOR_CHUNK, new Uint8Array(CHUNK_BYTES)),
};
export const TRACE_TREE: TreeKind = { nodeTag: TAGS.TRACE_NODE, padding: new Uint8Array(HASH_BYTES) };
export const PROGRAM_TREE: TreeKind = { nodeTag: TAGS.PROGRAM_NODE, padding: new Uint8Array(HASH_BYTES) };

/** The `i`-th of hashes that lie end to end. */
const hashAt = (hashes: Uint8Array, i: number): Hash => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);

/** keccak256(nodeTag ‖ left ‖ right). */
export const hashPair = (kind: TreeKind, left: Hash, right: Hash): Hash =>
  keccakTagged(kind.nodeTag, left, right);

const paddings = new Map<TreeKind, Hash[]>();

/** The root of a subtree of `height` levels that holds nothing but padding. */
export function paddingRoot(kind: TreeKind, height: number): Hash {
  const roots = paddings.get(kind) ?? [kind.padding];
  paddings.set(kind, roots);
  for (let h = roots.length; h <= height; h++) roots.push(hashPair(kind, roots[h - 1]!, roots[h - 1]!));
  return roots[height]!;
}

/** The levels above the leaves: of pairs, an odd last one paired with the padding of its height. */
function levelsAbove(kind: TreeKind, leaves: Uint8Array): Uint8Array[] {
  const levels: Uint8Array[] = [];
  for (let below = leaves; below.length > HASH_BYTES; below = levels.at(-1)!) {
    const whole = below.length % PAIR_BYTES === 0;
    const pairs = whole ? below : concat([below, paddingRoot(kind, levels.length)]);
    levels.push(hashRecords(kind.nodeTag, pairs, PAIR_BYTES));
  }
  return levels;
}

/** A whole tree in memory. Level 0 holds the leaves, level `depth` the root. */
export class MerkleTree {
  readonly kind: TreeKind;
  /** Leaves that are not padding. */
  readonly leaves: number;
  readonly depth: number;
  /** Hashes of each level that are not all padding, end to end. */
  readonly levels: readonly Uint8Array[];

  /**
   * @param leaves at least one hash, end to end; the tree keeps them
   * @param above the levels above them, where they are known already
   */
  constructor(kind: TreeKind, leaves: Uint8Array, above?: readonly Uint8Array[]) {
    this.kind = kind;
    this.leaves = leaves.length / HASH_BYTES;
    if (this.leaves < 1 || !Number.isInteger(this.leaves)) {
      throw new RangeError(`a tree needs one or more 32-byte leaves, not ${leaves.length} bytes`);
    }
    this.depth = depthOf(this.leaves);
    this.levels = [leaves, ...(above ?? levelsAbove(kind, leaves))];
  }

  get root(): Hash {
    return this.node(this.depth, 0);
  }

  /** @throws RangeError outside the tree */
  node(level: number, index: number): Hash {
    const hashes = this.levels[level];
    if (!hashes || index < 0 || index >= 2 ** (this.depth - level)) {
      throw new RangeError(`no node ${index} on level ${level} of a tree of depth ${this.depth}`);
    }
    const start = index * HASH_BYTES;
    return start < hashes.length ? hashAt(hashes, index) : paddingRoot(this.kind, level);
  }

  /** The 2^levels nodes that lie `levels` below node (`level`, `index`), from left to right. */
  below(level: number, index: number, levels: number): Hash[] {
    return Array.from({ length: 2 ** levels }, (_, i) => this.node(level - levels, index * 2 ** levels + i));
  }

  /** Siblings of a leaf, from the leaf up. */
  proof(leaf: number): Hash[] {
    return siblingsOf(this.depth, leaf, (level, index) => this.node(level, index));
  }
}

/** Siblings of a leaf, from the leaf up, in a tree of which `node` gives the nodes. */
export function siblingsOf(
  depth: number,
  leaf: number,
  node: (level: number, index: number) => Hash,
): Hash[] {
  return Array.from({ length: depth }, (_, level) => node(level, Math.floor(leaf / 2 ** level) ^ 1));
}

/** The root that a leaf and its siblings (from the leaf up) lead to; bit `i` of `index` says which side on level `i`. */
export function rootFrom(kind: TreeKind, leaf: Hash, index: number, siblings: readonly Hash[]): Hash {
  return siblings.reduce(
    (hash, sibling, level) =>
      Math.floor(index / 2 ** level) % 2 === 0
        ? hashPair(kind, hash, sibling)
        : hashPair(kind, sibling, hash),
    leaf,
  );
}

/** The node above 2^n hashes. */
export function combine(kind: TreeKind, hashes: readonly Hash[]): Hash {
  return new MerkleTree(kind, concat(hashes)).root;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
