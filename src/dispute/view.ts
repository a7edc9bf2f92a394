import { equalBytes, type Hash } from '../merkle/keccak.ts';
import { combine, concat, MerkleTree, siblingsOf, TRACE_TREE } from '../merkle/tree.ts';
import { blockLevels, blockOf } from '../program/blocks.ts';
import { type Position, START } from './position.ts';
import { levelsToReveal } from './rules.ts';

/** A dispute as a party sees it: where it stands and what its claimant has shown. Built from the game's events. */
export interface DisputeView {
  readonly position: Position;
  /** The claim's trace root, once any dispute on the claim has fixed it. */
  readonly traceRoot: Hash | undefined;
  /** Each reveal of the trace's tree above the blocks in this dispute, from the top down. */
  readonly traceReveals: readonly (readonly Hash[])[];
  /** The root of each tensor of the disputed block, once they are revealed. */
  readonly blockReveal: readonly Hash[];
  /** The last reveal of the tensor's tree. */
  readonly tensorReveal: readonly Hash[];
  /** The 256 bytes, once they are revealed. */
  readonly chunk: Uint8Array;
  /** The last accumulators posted. */
  readonly words: Uint8Array;
  /** The demanded node, once the claimant has opened it. */
  readonly openedNode: { readonly nodeIndex: number; readonly descriptor: Uint8Array } | undefined;
}

/** The events of `IDisputeGame.sol` that change what a party sees. */
export type Update =
  | { readonly kind: 'Revealed'; readonly position: Position; readonly hashes: readonly Hash[] }
  | { readonly kind: 'Picked'; readonly position: Position }
  | { readonly kind: 'NodeOpened'; readonly position: Position; readonly descriptor: Uint8Array }
  | { readonly kind: 'ChunkRevealed'; readonly position: Position; readonly chunk: Uint8Array }
  | { readonly kind: 'AccumulatorsPosted'; readonly position: Position; readonly words: Uint8Array };

/** @param traceRoot the claim's, if an earlier dispute has fixed it */
export const openedView = (traceRoot?: Hash): DisputeView => ({
  position: START,
  traceRoot,
  traceReveals: [],
  blockReveal: [],
  tensorReveal: [],
  chunk: new Uint8Array(0),
  words: new Uint8Array(0),
  openedNode: undefined,
});

export const withTraceRoot = (view: DisputeView, traceRoot: Hash): DisputeView => ({ ...view, traceRoot });

/** The view after one more event. */
export function follow(view: DisputeView, update: Update): DisputeView {
  const { position } = update;
  switch (update.kind) {
    case 'Picked':
      return { ...view, position };
    case 'NodeOpened': {
      const { nodeIndex } = view.position;
      return { ...view, position, openedNode: { nodeIndex, descriptor: update.descriptor } };
    }
    case 'ChunkRevealed':
      return { ...view, position, chunk: update.chunk };
    case 'AccumulatorsPosted':
      return { ...view, position, words: update.words };
    case 'Revealed': {
      if (position.phase === 'TensorPick') return { ...view, position, tensorReveal: update.hashes };
      // The first reveal combines to the trace root, whoever fixed it.
      const traceRoot = view.traceRoot ?? combine(TRACE_TREE, update.hashes);
      if (position.phase === 'NodePick') return { ...view, position, traceRoot, blockReveal: update.hashes };
      return { ...view, position, traceRoot, traceReveals: [...view.traceReveals, update.hashes] };
    }
  }
}

/** Root of the tree over the tensors of the disputed block. */
export const blockRootOf = ({ blockReveal }: DisputeView): Hash => combine(TRACE_TREE, blockReveal);

/**
 * Siblings of a tensor's root in what the claimant has committed to, for a node before the disputed one: in the tree
 * of the disputed block if it is in that block, in the trace's if not.
 *
 * Subtrees of the trace left of the disputed block are agreed, so they are one's own; all others on the way up touch
 * the path to that block, so the claimant has revealed them or hashes that combine to them.
 *
 * @param own a node of one's own trace
 */
export function claimedProof(
  { position, traceReveals, blockReveal }: DisputeView,
  node: number,
  own: (level: number, index: number) => Hash,
): Hash[] {
  const { traceDepth, nodeIndex } = position;
  const levels = blockLevels(traceDepth);
  const disputed = blockOf(nodeIndex, traceDepth);
  if (blockOf(node, traceDepth) === disputed) {
    return new MerkleTree(TRACE_TREE, concat(blockReveal)).proof(node % 2 ** levels);
  }
  const claimed = (level: number, index: number): Hash => {
    let top = traceDepth;
    for (const hashes of traceReveals) {
      const bottom = top - levelsToReveal(top - levels);
      if (level >= bottom) {
        const height = level - bottom;
        const first =
          index * 2 ** height - Math.floor((disputed * 2 ** levels) / 2 ** top) * 2 ** (top - bottom);
        return combine(TRACE_TREE, hashes.slice(first, first + 2 ** height));
      }
      top = bottom;
    }
    throw new RangeError(`the claimant has not revealed level ${level} of its trace`);
  };
  return siblingsOf(traceDepth, node, (level, index) => {
    const isAgreed = (index + 1) * 2 ** level <= disputed * 2 ** levels;
    return isAgreed ? own(level, index) : claimed(level, index);
  });
}

/** The first of the claimant's hashes that is not one's own, or -1. */
export const firstDifference = (claimed: readonly Hash[], own: (i: number) => Hash): number =>
  claimed.findIndex((hash, i) => !equalBytes(hash, own(i)));
