import type { Engine } from '../../engine/engine.ts';
import type { Node } from '../../program/node.ts';
import type { Analysis } from './analysis.ts';

const NOTHING: Node = { kind: 'constant', dtype: 'u8', shape: [0], root: new Uint8Array(32) };

/** Tensors of loops that depend on constants only, which are the same for every token: they are computed once. */
export async function fixedTensors(
  { model, whole, dependence }: Analysis,
  engine: Engine,
): Promise<Map<number, Uint8Array>> {
  const { nodes } = model.program;
  const outputs = [...whole].filter((i) => dependence[i] === 'nothing' && nodes[i]!.kind === 'loop');
  if (outputs.length === 0) return new Map();
  const last = Math.max(...outputs);
  const program = {
    nodes: nodes
      .slice(0, last + 1)
      .map((node, i) => (whole.has(i) && dependence[i] === 'nothing' ? node : NOTHING)),
    inputs: [],
    outputs,
  };
  const weights = new Map<number, Uint8Array>();
  for (const [i, node] of program.nodes.entries())
    weights.set(i, (node === NOTHING ? undefined : model.weights.get(i)) ?? new Uint8Array());
  const session = await engine.load(program, weights);
  const tensors = await session.run([]);
  await session.close();
  return new Map(outputs.map((node, i) => [node, tensors[i]!.bytes]));
}
