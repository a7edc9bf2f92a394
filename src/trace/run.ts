import { wordReader } from '../engine/reference/word.ts';
import type { Hash } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';
import { chunkOf, tensorTree } from '../merkle/tensor.ts';
import { concat, MerkleTree, TRACE_TREE } from '../merkle/tree.ts';
import { blockOf, depthOf } from '../program/blocks.ts';
import type { LoopNode } from '../program/node.ts';
import { blockRoots, checkpointTree } from './commitment.ts';
import { FEW_STEPS, type FoldPart, foldPart, KnownFolds, stepsIn } from './folds.ts';
import type { PrepareOptions, Trace } from './trace.ts';
import { recordWitness } from './witness.ts';

/** Computes accumulators of a node of the trace outside this thread. */
export type FoldElsewhere = (
  nodeIndex: number,
  part: FoldPart,
  options: PrepareOptions,
) => Promise<readonly number[]>;

/** Trees over constants that were opened: all traces of a model share its constants, and each is hashed once. */
const constantTrees = new WeakMap<Uint8Array, MerkleTree>();

/** The trace of a run whose tensors all follow from its inputs. */
export class RunTrace implements Trace {
  readonly model: Model;
  readonly tensors: readonly Uint8Array[];
  readonly #tensorTrees: Map<number, MerkleTree>;
  readonly #folds = new KnownFolds();
  readonly #foldElsewhere: FoldElsewhere | undefined;
  #tree: MerkleTree | undefined;

  /**
   * @param tensors the bytes of every node's tensor, as {@link Session.runAll} gives them; they must not change, and traces
   *   of one model give the same objects for its constants
   * @param trees those of the tensors, by node, that are built already
   * @param foldElsewhere computes what {@link prepare} asks for; left out, {@link accumulators} computes it here
   */
  constructor(
    model: Model,
    tensors: readonly Uint8Array[],
    trees: Iterable<readonly [number, MerkleTree]> = [],
    foldElsewhere?: FoldElsewhere,
  ) {
    this.model = model;
    this.tensors = tensors;
    this.#tensorTrees = new Map(trees);
    this.#foldElsewhere = foldElsewhere;
  }

  get depth(): number {
    return depthOf(this.model.program.nodes.length);
  }

  get root(): Hash {
    return this.#traceTree().root;
  }

  node(level: number, index: number): Hash {
    return this.#traceTree().node(level, index);
  }

  tensorNode(nodeIndex: number, level: number, index: number): Hash {
    return this.tensorTree(nodeIndex).node(level, index);
  }

  chunk(nodeIndex: number, index: number): Uint8Array {
    return chunkOf(this.tensors[nodeIndex]!, index);
  }

  accumulators(nodeIndex: number, element: number, positions: readonly number[]): number[] {
    const loop = this.loop(nodeIndex);
    const part = this.#folds.missing(nodeIndex, loop, element, positions);
    if (part) this.#folds.learn(nodeIndex, part, foldPart(loop, this.tensors, part));
    return positions.map((position) => this.#folds.word(nodeIndex, element, position)!);
  }

  async prepare(
    nodeIndex: number,
    element: number,
    positions: readonly number[],
    options: PrepareOptions = {},
  ): Promise<void> {
    const loop = this.loop(nodeIndex);
    const part = this.#folds.missing(nodeIndex, loop, element, positions);
    if (!part || !this.#foldElsewhere || stepsIn(part) <= FEW_STEPS) return;
    this.#folds.learn(nodeIndex, part, await this.#foldElsewhere(nodeIndex, part, options));
  }

  word(nodeIndex: number, element: number): number {
    return wordReader(this.model.program.nodes[nodeIndex]!.dtype, this.tensors[nodeIndex]!)(element);
  }

  witness(
    nodeIndex: number,
    element: number,
    from: number,
    to: number,
    proofOf: (nodeIndex: number) => readonly Hash[] = (node) => this.#proof(node, nodeIndex),
  ): Uint8Array {
    const openings = {
      tensorRoot: (node: number) => this.tensorRoot(node),
      tensorProof: proofOf,
      chunk: (node: number, index: number) => this.chunk(node, index),
      chunkProof: (node: number, index: number) => this.tensorTree(node).proof(index),
    };
    return recordWitness(this.loop(nodeIndex), this.tensors, openings, element, from, to);
  }

  protected tensorTree(nodeIndex: number): MerkleTree {
    const tensor = this.tensors[nodeIndex]!;
    const isConstant = this.model.program.nodes[nodeIndex]!.kind === 'constant';
    const known = isConstant ? constantTrees.get(tensor) : this.#tensorTrees.get(nodeIndex);
    if (known) return known;
    const tree = tensorTree(tensor);
    if (isConstant) constantTrees.set(tensor, tree);
    else this.#tensorTrees.set(nodeIndex, tree);
    return tree;
  }

  tensorRoot(nodeIndex: number): Hash {
    const node = this.model.program.nodes[nodeIndex];
    if (!node) return TRACE_TREE.padding;
    // A constant's is known without hashing it.
    return node.kind === 'constant' ? node.root : this.tensorTree(nodeIndex).root;
  }

  /** @throws RangeError if the node is not a loop */
  protected loop(nodeIndex: number): LoopNode {
    const node = this.model.program.nodes[nodeIndex];
    if (node?.kind !== 'loop') throw new RangeError(`node ${nodeIndex} is no loop, so it has no folds`);
    return node;
  }

  /** Siblings of a node's leaf: in the tree over the disputed node's block if it is in that block. */
  #proof(node: number, disputed: number): Hash[] {
    const block = blockOf(disputed, this.depth);
    if (blockOf(node, this.depth) !== block) return this.#traceTree().proof(node);
    const roots = blockRoots(this, block);
    return new MerkleTree(TRACE_TREE, concat(roots)).proof(node % roots.length);
  }

  #traceTree(): MerkleTree {
    this.#tree ??= checkpointTree(this.model.program, (node) => this.tensorRoot(node));
    return this.#tree;
  }
}
