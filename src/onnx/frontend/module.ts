import type { Graph } from '../read/graph.ts';
import { Builder } from '../tensors/builder.ts';
import { type HalfArithmetic, Narrowing } from '../tensors/narrowing.ts';
import { mainScope, type Scope } from './scope.ts';

/** A graph that is being imported. */
export interface Module {
  readonly graph: Graph;
  readonly builder: Builder;
  readonly narrowing: Narrowing;
  /** The names of the main graph. */
  readonly scope: Scope;
  /** Warnings for the publisher. */
  readonly notes: string[];
}

/** @param fileBytes size of what the graph was read from; it bounds the work of folding constants */
export function openModule(graph: Graph, fileBytes: number, half: HalfArithmetic): Module {
  const builder = new Builder(fileBytes);
  const narrowing = new Narrowing(builder, half);
  const notes: string[] = [];
  return { graph, builder, narrowing, scope: mainScope(graph, builder, narrowing, notes), notes };
}
