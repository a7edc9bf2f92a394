// The values of a party of a toy dispute: every tensor with its padding, and accumulators on demand.
import { type Hash, keccakTagged } from '../../../src/merkle/keccak.ts';
import { claimedRefs, splitTensors, suppliedRefs } from '../../../src/merkle/model.ts';
import { TAGS } from '../../../src/merkle/tags.ts';
import { chunksOf } from '../../../src/merkle/tensor.ts';
import { concat, MerkleTree, TENSOR_TREE, TRACE_TREE } from '../../../src/merkle/tree.ts';
import { depthOf } from '../../../src/program/blocks.ts';
import { CHUNK_BYTES } from '../../../src/program/limits.ts';
import { byteLengthOf, isCommitted, type ToyModel, type ToyNode } from './model.ts';

const MASK = 0xa5a5a5a5;

/** A lie told about one place. Later nodes do not depend on it: toys do not read each other. */
export interface Lie {
  readonly node: number;
  /** Byte of the tensor, which may lie in its padding. */
  readonly byte?: number;
  /** Fold step after which the accumulators of the byte's element are wrong, if they are. */
  readonly step?: number;
  /** Leaf of the trace's tree, given when the node is beyond the last. */
  readonly leaf?: Hash;
}

export interface Values {
  readonly model: ToyModel;
  readonly root: Hash;
  readonly trace: MerkleTree;
  /** Roots of all tensors, padding included. */
  readonly roots: readonly Hash[];
  tensor(node: number): MerkleTree;
  /** The tensor's bytes, padding chunks included. */
  bytes(node: number): Uint8Array;
  accumulators(node: number, element: number, positions: readonly number[]): number[];
  /** Bytes of all outputs, or of all answers if there are any, one after the other. */
  output(): Uint8Array;
}

function accumulator(node: ToyNode, element: number, steps: number): number {
  let word = node.init >>> 0;
  for (let k = 0; k < steps; k++) word = (Math.imul(word, 5) + element + k + 1) >>> 0;
  return word;
}

/** A loop's tensor; exported for tests that need to know a value. */
export function loopBytes(node: ToyNode): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(node));
  const view = new DataView(bytes.buffer);
  for (let element = 0; element < node.elements; element++) {
    const word = (accumulator(node, element, node.foldSteps) ^ MASK) >>> 0;
    if (node.elementBytes === 1) bytes[element] = word & 255;
    else view.setUint32(4 * element, word, true);
  }
  return bytes;
}

/** Bytes of a toy constant: any will do that the node's root commits to. */
export const constantBytes = (elements: number): Uint8Array =>
  Uint8Array.from({ length: 4 * elements }, (_, i) => (i * 7 + 3) & 255);

const padded = (bytes: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(CHUNK_BYTES << depthOf(chunksOf(bytes.length)));
  whole.set(bytes);
  return whole;
};

function fullTree(bytes: Uint8Array): MerkleTree {
  const leaves: Hash[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    leaves.push(keccakTagged(TAGS.TENSOR_CHUNK, bytes.subarray(at, at + CHUNK_BYTES)));
  }
  return new MerkleTree(TENSOR_TREE, concat(leaves));
}

/**
 * The honest values of a model for an input, or those of somebody who lies in some places.
 *
 * @param input all inputs, and after them the answers, one after the other
 */
export function valuesOf(model: ToyModel, input: Uint8Array, lies: readonly Lie[] = []): Values {
  const inputs = splitTensors(suppliedRefs(model), input);
  const tensors = model.nodes.map((node, i) => {
    const bytes =
      node.kind === 'loop'
        ? loopBytes(node)
        : node.kind === 'constant'
          ? constantBytes(node.elements)
          : inputs[node.slot]!;
    const whole = padded(bytes);
    for (const lie of lies) if (lie.node === i && lie.byte !== undefined) whole[lie.byte]! ^= 1;
    return whole;
  });
  const trees = tensors.map(fullTree);
  const roots = Array.from({ length: 2 ** model.depth }, (_, i) => trees[i]?.root ?? TRACE_TREE.padding);
  for (const { node, leaf } of lies) if (leaf) roots[node] = leaf;
  const leaves = roots.map((root, i) => (isCommitted(model, i) ? root : TRACE_TREE.padding));
  const trace = new MerkleTree(TRACE_TREE, concat(leaves));
  return {
    model,
    root: trace.root,
    trace,
    roots,
    tensor: (node) => trees[node]!,
    bytes: (node) => tensors[node]!,
    accumulators(index, element, positions) {
      const node = model.nodes[index]!;
      const lie = lies.find(
        (one) =>
          one.node === index &&
          one.byte !== undefined &&
          Math.floor(one.byte / node.elementBytes) === element,
      );
      return positions.map((position) => {
        const word = accumulator(node, element, position);
        return lie?.step !== undefined && position > lie.step ? (word ^ 1) >>> 0 : word;
      });
    },
    output: () =>
      concat(claimedRefs(model).map(({ node, byteLength }) => tensors[node]!.slice(0, byteLength))),
  };
}
