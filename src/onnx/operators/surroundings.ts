import type { Subgraph } from '../read/graph.ts';
import type { Builder } from '../tensors/builder.ts';
import type { Narrowing } from '../tensors/narrowing.ts';
import type { Value } from './value.ts';

/** How a graph inside a node runs. */
export interface RunOptions {
  /** Number of the pass, in a loop. */
  readonly pass?: number;
  /** Whether it runs whenever the node does; so it is if left out. */
  readonly isCertain?: boolean;
}

/** The graph around a node. */
export interface Surroundings {
  readonly builder: Builder;
  readonly narrowing: Narrowing;
  /** Number of times that the graph reads a name. */
  uses(name: string): number;
  /** Lowers a graph that is an attribute of the node. @returns what its outputs are */
  run(graph: Subgraph, inputs: readonly Value[], how?: RunOptions): Value[];
  /** Whether the node runs whenever the model does; else it is in a branch or a pass that data decide about. */
  readonly isCertain: boolean;
  /** Tells the publisher something about the model. */
  note(text: string): void;
}
