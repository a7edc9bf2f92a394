import { depthOf } from '../program/blocks.ts';
import { LIMITS } from '../program/limits.ts';
import { HASH_BYTES } from './keccak.ts';
import { chunksOf } from './tensor.ts';
import { concat, MerkleTree, paddingRoot, TENSOR_TREE } from './tree.ts';
import { CHUNKS_PER_TURN, PARTIAL_BYTES } from './treeModule.ts';

/**
 * Trees that are built where the tensors lie, in an engine's memory and by any of its threads: by the
 * functions of the module that `treeModule` gives, in the order of `treeCalls`. They need this table somewhere in the
 * memory, and `treeBytes` for each tree.
 */
export const paddingTable = (): Uint8Array =>
  concat(
    Array.from({ length: depthOf(chunksOf(LIMITS.MAX_TENSOR_BYTES)) }, (_, i) => paddingRoot(TENSOR_TREE, i)),
  );

/** Hashes on each level, and where they start, counted from the tree's first byte. */
function layOut(byteLength: number): { starts: number[]; counts: number[]; end: number } {
  const starts: number[] = [];
  const counts: number[] = [];
  let end = 0;
  for (let count = chunksOf(byteLength); ; count = Math.ceil(count / 2)) {
    starts.push(end);
    counts.push(count);
    // An odd last hash has the padding next to it.
    end += (count === 1 ? 1 : 2 * Math.ceil(count / 2)) * HASH_BYTES;
    if (count === 1) return { starts, counts, end };
  }
}

/** Bytes that the tree over a tensor takes while it is built. */
export const treeBytes = (byteLength: number): number => layOut(byteLength).end + PARTIAL_BYTES;

/** A part of building a tree: a function of {@link TreeExports}, that is given turns `begin` to `end - 1` first. */
export interface TreeCall {
  readonly name: string;
  readonly args: readonly number[];
  readonly turns: number;
  /** Permutations that it takes, roughly. */
  readonly permutations: number;
}

/** Hashes of a level below which it, and all above it, are left to one thread. */
const MIN_SHARED = 128;

/** The calls, in order, that build the tree over a tensor at `from`. */
export function treeCalls(from: number, byteLength: number, out: number, paddings: number): TreeCall[] {
  const chunks = chunksOf(byteLength);
  const turns = Math.ceil(chunks / CHUNKS_PER_TURN);
  const calls = [{ name: 'leaves', args: [from, byteLength, out], turns, permutations: 2 * chunks }];
  const { starts, counts } = layOut(byteLength);
  const shared = counts.findIndex((count) => count < MIN_SHARED);
  for (const [height, count] of counts.entries()) {
    const [start, padding] = [out + (starts[height] as number), paddings + HASH_BYTES * height];
    if (count === 1) break;
    if (height === shared) {
      calls.push({ name: 'levels', args: [count, start, padding], turns: 1, permutations: count });
      break;
    }
    const pairs = Math.ceil(count / 2);
    calls.push({ name: 'level', args: [start, count, padding], turns: pairs, permutations: pairs });
  }
  return calls;
}

/** Reads the tree that was built at `at`, over a tensor of so many bytes. */
export function readTree(memory: Uint8Array, at: number, byteLength: number): MerkleTree {
  const { starts, counts } = layOut(byteLength);
  const levels = starts.map((start, level) =>
    memory.slice(at + start, at + start + (counts[level] as number) * HASH_BYTES),
  );
  return new MerkleTree(TENSOR_TREE, levels[0] as Uint8Array, levels.slice(1));
}
