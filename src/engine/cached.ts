import { type Node, sizeOf } from '../program/node.ts';

/**
 * A program that is run in parts, on tensors that outlive its runs: caches, of which each run writes some rows. So what
 * earlier rows need is not computed again for later ones.
 */
export interface CachedProgram {
  readonly nodes: readonly Node[];
  /** Inputs that no run is given: caches, which start with zeros. */
  readonly caches: readonly number[];
  readonly parts: readonly ProgramPart[];
}

/** Some loops of the program, to be run by themselves; they read nothing of other parts but constants and caches. */
export interface ProgramPart {
  /** Nodes `from` to `to - 1`. */
  readonly from: number;
  readonly to: number;
  /** Nodes of what a run is given. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The input, a scalar int32, that says which row is the first one. */
  readonly first: number;
  readonly writes: readonly CacheWrite[];
}

/** Rows that are copied to a cache as soon as they are computed, to the first row of the run and the rows behind it. */
export interface CacheWrite {
  /** Input of the cache, [outer, all rows, inner], or if it is turned [outer, inner, all rows]. */
  readonly cache: number;
  readonly isTurned: boolean;
  /** Loop that computes its new rows, [outer, rows, inner]. */
  readonly rows: number;
  readonly outer: number;
  readonly inner: number;
}

/** Rows of the cache that is written, or of what is written to it. */
export const rowsIn = (node: Node, { outer, inner }: CacheWrite): number =>
  sizeOf(node.shape) / (outer * inner);
