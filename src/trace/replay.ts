import { LoopRunner } from '../engine/reference/loop.ts';
import { wordReader } from '../engine/reference/word.ts';
import { equalBytes, HASH_BYTES, type Hash, keccakTagged } from '../merkle/keccak.ts';
import { TAGS } from '../merkle/tags.ts';
import { chunksOf } from '../merkle/tensor.ts';
import { rootFrom, TENSOR_TREE, TRACE_TREE, type TreeKind } from '../merkle/tree.ts';
import { blockLevels, blockOf, depthOf } from '../program/blocks.ts';
import { CHUNK_BYTES } from '../program/limits.ts';
import { ELEMENT_BYTES, type LoopNode, sizeOf } from '../program/node.ts';

/** A witness is not what the steps read. */
export class WitnessError extends Error {
  override name = 'WitnessError';
}

/** One stretch of one element's fold, and the word before it. */
export interface Stretch {
  readonly element: number;
  readonly from: number;
  readonly to: number;
  readonly accumulator: number;
}

/** Roots that a leaf's operands are opened against: the block's for those in the node's own block, else the trace's. */
export interface Commitments {
  readonly traceRoot: Hash;
  readonly blockRoot: Hash;
  readonly nodeIndex: number;
  readonly traceDepth: number;
}

/** Twin of `IReferee.run`: the same steps, with every operand taken from the witness and checked. */
export function replayWitness(
  loop: LoopNode,
  { element, from, to, accumulator }: Stretch,
  { traceRoot, blockRoot, nodeIndex, traceDepth }: Commitments,
  witness: Uint8Array,
): number {
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (at + count > witness.length)
      throw new WitnessError(`witness ends at byte ${witness.length}, inside an opening`);
    at += count;
    return witness.subarray(at - count, at);
  };
  const expectRoot = (
    what: string,
    kind: TreeKind,
    leaf: Hash,
    index: number,
    depth: number,
    root: Hash,
  ): void => {
    const siblings = Array.from({ length: depth }, () => take(HASH_BYTES));
    if (!equalBytes(rootFrom(kind, leaf, index, siblings), root))
      throw new WitnessError(`${what} does not open`);
  };

  const roots = new Map<number, Hash>();
  const tensorRoot = (node: number): Hash => {
    const known = roots.get(node);
    if (known) return known;
    const root = take(HASH_BYTES);
    const inBlock = blockOf(node, traceDepth) === blockOf(nodeIndex, traceDepth);
    const [depth, against] = inBlock ? [blockLevels(traceDepth), blockRoot] : [traceDepth, traceRoot];
    // In a block the low bits of the index alone lead to its root.
    expectRoot(`tensor ${node}`, TRACE_TREE, root, node, depth, against);
    roots.set(node, root);
    return root;
  };
  const chunks = new Map<string, Uint8Array>();
  const chunkOf = (node: number, index: number, depth: number): Uint8Array => {
    const key = `${node}:${index}`;
    const known = chunks.get(key);
    if (known) return known;
    const root = tensorRoot(node);
    const chunk = take(CHUNK_BYTES);
    expectRoot(`chunk ${key}`, TENSOR_TREE, keccakTagged(TAGS.TENSOR_CHUNK, chunk), index, depth, root);
    chunks.set(key, chunk);
    return chunk;
  };

  const runner = new LoopRunner(loop, (operand, address) => {
    const { node, dtype, view } = loop.operands[operand]!;
    const size = ELEMENT_BYTES[dtype];
    // A view has as many elements as the tensor that it reads.
    const depth = depthOf(chunksOf(size * sizeOf(view.map(({ extent }) => extent))));
    const byte = address * size;
    const chunk = chunkOf(node, Math.floor(byte / CHUNK_BYTES), depth);
    return wordReader(dtype, chunk)((byte % CHUNK_BYTES) / size);
  });
  const end = runner.fold(element, from, to, accumulator);
  const word = to === runner.steps ? runner.finish(element, end) : end;
  if (at !== witness.length)
    throw new WitnessError(`witness has ${witness.length - at} bytes that nothing reads`);
  return word;
}
