import type { Program } from '../../program/node.ts';

export interface Compiled {
  readonly program: Program;
  /** Bytes of each constant node. */
  readonly weights: Map<number, Uint8Array>;
  /** A description of each node, for people. */
  readonly labels: readonly string[];
  /** Node of each tensor that was to be found again, in the order given. */
  readonly marked: readonly number[];
}
