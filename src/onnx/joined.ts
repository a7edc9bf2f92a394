import { type Besides, compile } from './backend/compile.ts';
import type { Compiled } from './backend/compiled.ts';
import { ImportError, quoted } from './errors.ts';
import { mainScope } from './frontend/scope.ts';
import { refusing } from './import.ts';
import type { Tensor } from './ir/tensor.ts';
import { isTensor } from './operators/value.ts';
import type { Graph } from './read/graph.ts';
import { Builder } from './tensors/builder.ts';
import { type HalfArithmetic, Narrowing } from './tensors/narrowing.ts';

/** A graph inside a larger program: somebody else feeds its inputs and reads its outputs. */

export interface Joint {
  readonly builder: Builder;
  readonly graph: Graph;
  /**
   * Lowers the graph.
   *
   * @param inputs a tensor for each input of the graph, by its name
   * @returns finds an output, or any other name of the graph
   */
  lower(inputs: ReadonlyMap<string, Tensor>): (name: string) => Tensor;
}

/**
 * The tensors between which a program lies.
 *
 * @typeParam Mark names of the marked tensors
 */
export interface Joined<Mark extends string> extends Required<Besides<Mark>> {
  /** Inputs in slot order. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export interface CompiledJoin<Mark extends string> extends Compiled<Mark> {
  /** Warnings for the publisher. */
  readonly notes: readonly string[];
}

/**
 * Lowers a graph to see which branches it takes.
 *
 * @param feed makes a tensor for each input of the graph, by its name
 * @returns {@link Builder.branches}
 */
export function branchesTaken(
  graph: Graph,
  fileBytes: number,
  feed: (builder: Builder) => ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, boolean> {
  return refusing(() => {
    const builder = new Builder(fileBytes);
    const scope = mainScope(graph, builder, new Narrowing(builder, 'round'), []);
    for (const [name, tensor] of feed(builder)) scope.define(name, tensor);
    scope.lower();
    return builder.branches;
  });
}

/**
 * Compiles a graph together with what `join` puts around it.
 *
 * @param fileBytes size of what the graph was read from; it bounds the work of folding constants
 * @throws ImportError one line that names the node or input, the reason and what to do
 */
export function importJoined<Mark extends string>(
  graph: Graph,
  fileBytes: number,
  join: (joint: Joint) => Joined<Mark>,
  half: HalfArithmetic = 'round',
): CompiledJoin<Mark> {
  return refusing(() => {
    const builder = new Builder(fileBytes);
    const narrowing = new Narrowing(builder, half);
    const notes: string[] = [];
    const lower: Joint['lower'] = (given) => {
      const scope = mainScope(graph, builder, narrowing, notes);
      for (const [name, tensor] of given) scope.define(name, tensor);
      scope.lower();
      return (name) => {
        const found = scope.get(name);
        if (found && isTensor(found)) return found;
        throw new ImportError(`output ${quoted(name)}: nothing in the graph yields a tensor of this name`);
      };
    };
    const { inputs, outputs, ...besides } = join({ builder, graph, lower });
    return { ...compile(inputs, outputs, builder, besides), notes };
  });
}
