import type { Hash } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';

/**
 * The commitment of a trace: the root of a tree whose leaves are the roots of a run's checkpoints, and zero for tensors
 * that are none (see `program/blocks.ts`).
 *
 * Levels count from the leaves: level 0 holds the leaves, the highest the root.
 */
export interface Commitment {
  readonly model: Model;
  /** Levels of the tree. */
  readonly depth: number;
  readonly root: Hash;
  node(level: number, index: number): Hash;
}

/** Urgency of what a move is prepared with. */
export interface PrepareOptions {
  /** Unix seconds after which it is of no use. */
  readonly deadline?: bigint;
}

/** All tensors of one run and what a dispute asks about them. Trees are built when first asked for. */
export interface Trace extends Commitment {
  /** The bytes of every node's tensor. */
  readonly tensors: readonly Uint8Array[];
  /** The root of a node's tensor; zero beyond the last node. */
  tensorRoot(nodeIndex: number): Hash;
  /** A node of one tensor's tree. */
  tensorNode(nodeIndex: number, level: number, index: number): Hash;
  /** 256 bytes of one tensor, padding included. */
  chunk(nodeIndex: number, index: number): Uint8Array;
  /** The accumulator of an element after as many fold steps as each position says, in ascending order. */
  accumulators(nodeIndex: number, element: number, positions: readonly number[]): number[];
  /**
   * Has accumulators computed outside this thread, so that {@link accumulators} knows them at once: a fold may have 2^31
   * steps. Does nothing in a trace that has no other thread.
   */
  prepare?(
    nodeIndex: number,
    element: number,
    positions: readonly number[],
    options?: PrepareOptions,
  ): Promise<void>;
  /** An element's word as loaded: sign- or zero-extended if it is a byte. */
  word(nodeIndex: number, element: number): number;
  /**
   * Openings of everything that fold steps [from, to) of an element read, and its post program if `to` is the end.
   *
   * @param proofOf siblings of a node's leaf in the tree to open against; this trace's own if left out
   */
  witness(
    nodeIndex: number,
    element: number,
    from: number,
    to: number,
    proofOf?: (nodeIndex: number) => readonly Hash[],
  ): Uint8Array;
}
