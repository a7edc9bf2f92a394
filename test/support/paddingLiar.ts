import type { Hash } from '../../src/merkle/keccak.ts';
import { keccakTagged } from '../../src/merkle/keccak.ts';
import { TAGS } from '../../src/merkle/tags.ts';
import { chunksOf } from '../../src/merkle/tensor.ts';
import { concat, MerkleTree, TENSOR_TREE, TRACE_TREE, type TreeKind } from '../../src/merkle/tree.ts';
import { depthOf, isCheckpoint } from '../../src/program/blocks.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { withChanges } from './disputes.ts';

/** Lies in place of padding: a byte of a chunk, a chunk of a tensor or a node of the trace. */
export type PaddingLie =
  | { readonly kind: 'byte'; readonly node: number; readonly byte: number }
  | { readonly kind: 'chunk'; readonly node: number; readonly chunk: number }
  | { readonly kind: 'node'; readonly index: number };

const WRONG = 0x5a;

/** A tree whose padding is written out, with some leaves replaced. */
function fullTree(kind: TreeKind, depth: number, leaf: (i: number) => Hash): MerkleTree {
  return new MerkleTree(kind, concat(Array.from({ length: 2 ** depth }, (_, i) => leaf(i))));
}

/** The trace of someone whose tensors are right but whose padding is not. */
export function paddingLiar(honest: Trace, lie: PaddingLie): Trace {
  const lyingNode = lie.kind === 'node' ? undefined : lie.node;
  const chunk = (node: number, index: number): Uint8Array => {
    const bytes = honest.chunk(node, index);
    if (lie.kind === 'byte' && lie.node === node && Math.floor(lie.byte / 256) === index) {
      bytes[lie.byte % 256] = WRONG;
    }
    if (lie.kind === 'chunk' && lie.node === node && lie.chunk === index) bytes.fill(WRONG);
    return bytes;
  };
  const tensorTree = (node: number): MerkleTree => {
    const depth = depthOf(chunksOf(honest.tensors[node]!.length));
    return fullTree(TENSOR_TREE, depth, (i) => keccakTagged(TAGS.TENSOR_CHUNK, chunk(node, i)));
  };
  const lying = lyingNode === undefined ? undefined : tensorTree(lyingNode);
  const tensorRoot = (i: number): Hash => {
    if (lie.kind === 'node' && lie.index === i) return new Uint8Array(32).fill(WRONG);
    return i === lyingNode ? lying!.root : honest.tensorRoot(i);
  };
  const { program } = honest.model;
  const trace = fullTree(TRACE_TREE, honest.depth, (i) =>
    i >= program.nodes.length || isCheckpoint(program, i) ? tensorRoot(i) : TRACE_TREE.padding,
  );
  return withChanges(honest, {
    root: trace.root,
    node: (level, index) => trace.node(level, index),
    tensorRoot,
    tensorNode: (node, level, index) =>
      node === lyingNode ? lying!.node(level, index) : honest.tensorNode(node, level, index),
    chunk,
  });
}
