import type { Weights } from '../../src/engine/engine.ts';
import type { Node, Program } from '../../src/program/node.ts';
import { ProgramBuilder } from './programs.ts';

interface Part {
  readonly program: Program;
  readonly weights: Weights;
  readonly inputs: readonly Uint8Array[];
}

/** Programs one after the other in one: more nodes than a block has. Outputs are those of the last. */
export function joined(parts: readonly Part[]): Part {
  const build = new ProgramBuilder();
  let outputs: number[] = [];
  for (const { program, weights } of parts) {
    const first = build.nodes.length;
    const moved = (node: Node): Node =>
      node.kind === 'loop'
        ? { ...node, operands: node.operands.map((read) => ({ ...read, node: read.node + first })) }
        : node;
    for (const [i, node] of program.nodes.entries()) {
      if (node.kind === 'input') build.input(node.dtype, node.shape);
      else if (node.kind === 'constant') build.constant(node.dtype, node.shape, weights.get(i)!);
      else build.node(moved(node));
    }
    outputs = program.outputs.map((node) => node + first);
  }
  return { ...build.finish(outputs), inputs: parts.flatMap(({ inputs }) => inputs) };
}
