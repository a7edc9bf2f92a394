import { CHUNK_BYTES } from '../program/limits.ts';
import { HASH_BYTES, type Hash, hexOf, keccakTagged } from './keccak.ts';
import { hashRecords } from './records.ts';
import { TAGS } from './tags.ts';
import { MerkleTree, TENSOR_TREE } from './tree.ts';

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

export const tensorRoot = (bytes: Uint8Array): Hash => tensorTree(bytes).root;

/** Roots of tensors as a request or claim gives them, `0x…`. */
export const hexRoots = (tensors: readonly Uint8Array[]): string[] =>
  tensors.map((tensor) => hexOf(tensorRoot(tensor)));
