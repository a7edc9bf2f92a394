import { CHUNK_BYTES } from '../program/limits.ts';
import { HASH_BYTES, type Hash, hexOf, keccakTagged } from './keccak.ts';
import { hashRecords } from './records.ts';
import { TAGS } from './tags.ts';
import { combine, hashPair, MerkleTree, paddingRoot, TENSOR_TREE, type TreeKind } from './tree.ts';

/** Chunks of a tensor; one even if it is empty. */
export const chunksOf = (byteLength: number): number => Math.max(1, Math.ceil(byteLength / CHUNK_BYTES));

/** The `i`-th 256 bytes of a tensor, padded with zeros beyond its end. */
export function chunkOf(bytes: Uint8Array, i: number): Uint8Array {
  const chunk = new Uint8Array(CHUNK_BYTES);
  chunk.set(bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
  return chunk;
}

/** The tree over a tensor's bytes: leaf = keccak256(TENSOR_CHUNK ‖ chunk). */
export function tensorTree(bytes: Uint8Array): MerkleTree {
  const chunks = chunksOf(bytes.length);
  const full = Math.floor(bytes.length / CHUNK_BYTES);
  const leaves = new Uint8Array(chunks * HASH_BYTES);
  leaves.set(hashRecords(TAGS.TENSOR_CHUNK, bytes.subarray(0, full * CHUNK_BYTES), CHUNK_BYTES));
  if (full < chunks) leaves.set(keccakTagged(TAGS.TENSOR_CHUNK, chunkOf(bytes, full)), full * HASH_BYTES);
  return new MerkleTree(TENSOR_TREE, leaves);
}

/** Height of the subtrees that are hashed one after the other, so that a root takes little memory: 1 MiB of a tensor. */
const PART_HEIGHT = 12;
const PART_BYTES = 2 ** PART_HEIGHT * CHUNK_BYTES;

/** The tree above these subtrees. */
const ABOVE_PARTS: TreeKind = { ...TENSOR_TREE, padding: paddingRoot(TENSOR_TREE, PART_HEIGHT) };

/** The root of {@link tensorTree}. */
export function tensorRoot(bytes: Uint8Array): Hash {
  if (bytes.length <= PART_BYTES) return tensorTree(bytes).root;
  const roots: Hash[] = [];
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    const tree = tensorTree(bytes.subarray(at, at + PART_BYTES));
    let { root } = tree;
    // The last one may be lower.
    for (let height = tree.depth; height < PART_HEIGHT; height++)
      root = hashPair(TENSOR_TREE, root, paddingRoot(TENSOR_TREE, height));
    roots.push(root);
  }
  return combine(ABOVE_PARTS, roots);
}

/** Roots of tensors as a request or claim gives them, `0x…`. */
export const hexRoots = (tensors: readonly Uint8Array[]): string[] =>
  tensors.map((tensor) => hexOf(tensorRoot(tensor)));
