// Programs of the toy referee (contracts/mocks/ToyReferee.sol): nodes that count instead of computing.
import type { Hash } from '../../../src/merkle/keccak.ts';
import { modelId, programLeaf } from '../../../src/merkle/model.ts';
import { concat, MerkleTree, PROGRAM_TREE } from '../../../src/merkle/tree.ts';
import { depthOf } from '../../../src/program/blocks.ts';
import type { TensorRef } from '../../../src/program/interface.ts';

export const KIND = { input: 1, constant: 2, loop: 3 } as const;

export interface ToyNode {
  readonly kind: keyof typeof KIND;
  readonly elements: number;
  readonly elementBytes: 1 | 4;
  readonly signed: boolean;
  readonly foldSteps: number;
  readonly grain: number;
  readonly init: number;
  readonly slot: number;
  /** Node that a loop names as its operand. */
  readonly reads: number;
  /** Root of a constant. */
  readonly root: Hash;
  /** Whether a loop is marked as a checkpoint; outputs are checkpoints without the mark. */
  readonly checkpoint: boolean;
}

const PLAIN = {
  elementBytes: 4,
  signed: false,
  checkpoint: false,
  foldSteps: 0,
  grain: 0,
  init: 0,
  slot: 0,
  reads: 0,
} as const;
const NO_ROOT = new Uint8Array(32);

export const toyInput = (elements: number, slot = 0, elementBytes: 1 | 4 = 1): ToyNode => ({
  ...PLAIN,
  kind: 'input',
  elements,
  slot,
  elementBytes,
  root: NO_ROOT,
});

export const toyConstant = (elements: number, root: Hash): ToyNode => ({
  ...PLAIN,
  kind: 'constant',
  elements,
  root,
});

export const toyLoop = (elements: number, more: Partial<ToyNode> = {}): ToyNode => ({
  ...PLAIN,
  kind: 'loop',
  elements,
  foldSteps: 4,
  grain: 4,
  init: 7,
  root: NO_ROOT,
  ...more,
});

export const byteLengthOf = (node: ToyNode): number => node.elements * node.elementBytes;

/** The 59 bytes that the toy referee reads. */
export function encodeToy(node: ToyNode): Uint8Array {
  const bytes = new Uint8Array(59);
  const view = new DataView(bytes.buffer);
  bytes.set([KIND[node.kind], node.elementBytes, (node.signed ? 1 : 0) | (node.checkpoint ? 2 : 0)]);
  [node.elements, node.foldSteps, node.grain, node.init, node.slot, node.reads].forEach((field, i) => {
    view.setUint32(3 + 4 * i, field);
  });
  bytes.set(node.root, 27);
  return bytes;
}

export interface ToyModel {
  readonly nodes: readonly ToyNode[];
  readonly descriptors: readonly Uint8Array[];
  readonly tree: MerkleTree;
  /** Levels of the trace's tree and of the program's. */
  readonly depth: number;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  /** Tensors that a claim supplies: the last of the inputs by slot. */
  readonly answers: readonly TensorRef[];
  readonly id: Hash;
}

/** Whether the root of a trace commits to a toy: to all of a single block. */
export const isCommitted = ({ nodes, depth }: Pick<ToyModel, 'nodes' | 'depth'>, i: number): boolean =>
  depth <= 5 || nodes[i]?.kind !== 'loop' || nodes[i].checkpoint;

/**
 * @param outputs nodes whose tensors are the output
 * @param answered how many input nodes, the last by slot, are answers
 */
export function toyModel(
  plainNodes: readonly ToyNode[],
  outputs: readonly number[] = [plainNodes.length - 1],
  answered = 0,
): ToyModel {
  const nodes = plainNodes.map((node, i) => (outputs.includes(i) ? { ...node, checkpoint: true } : node));
  const descriptors = nodes.map(encodeToy);
  const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
  const refer = (node: number): TensorRef => ({ node, byteLength: byteLengthOf(nodes[node]!) });
  const slots = nodes
    .flatMap((node, i) => (node.kind === 'input' ? [{ slot: node.slot, i }] : []))
    .sort((a, b) => a.slot - b.slot)
    .map(({ i }) => refer(i));
  const inputs = slots.slice(0, slots.length - answered);
  const answers = slots.slice(slots.length - answered);
  const refs = outputs.map(refer);
  const id = modelId(tree.root, nodes.length, inputs, refs, answers);
  return { nodes, descriptors, tree, depth: depthOf(nodes.length), inputs, outputs: refs, answers, id };
}
