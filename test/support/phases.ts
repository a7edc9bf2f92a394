import type { Weights } from '../../src/engine/engine.ts';
import { pack } from '../../src/engine/memory/pack.ts';
import { type NodePlan, planNode } from '../../src/engine/passes/planNode.ts';
import { emitNode } from '../../src/engine/wasm/emit/node.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { byteLengthOf, type Program } from '../../src/program/node.ts';
import { moduleOf, PAGE_BYTES } from '../../src/wasm/assembler.ts';
import type { Random } from './randomProgram.ts';

/** Parts of [0, items) that cover it once, in any order. */
function partition(random: Random, items: number): [from: number, to: number][] {
  const cuts = random.times(random.below(4), () => random.below(items + 1)).sort((a, b) => a - b);
  const ends = [0, ...cuts, items];
  const parts = ends.slice(1).map((to, i): [number, number] => [ends[i]!, to]);
  return parts
    .map((part) => ({ part, key: random.word() }))
    .sort((a, b) => a.key - b.key)
    .map(({ part }) => part);
}

/**
 * Every tensor of a program, its nodes' phases run in arbitrary parts and order; `seen` gets each node's plan; memory
 * is used from `start` on, and a cache is as large as is said. Of constants there is no more than plans say they read.
 */
export async function runInParts(
  { program, weights }: { program: Program; weights: Weights },
  inputs: readonly Uint8Array[],
  random: Random,
  seen: (plan: NodePlan) => void = () => {},
  start = 0,
  cache = SIMD128.cache,
): Promise<Uint8Array[]> {
  const { nodes } = program;
  let total = start;
  const gaps: number[] = [];
  const allocate = (bytes: number): number => {
    const offset = total;
    // Bytes between tensors belong to none, and must stay as they are.
    total += Math.ceil(bytes / 16) * 16 + 16;
    gaps.push(total - 16);
    return offset;
  };
  const tensors = nodes.map((node) => allocate(byteLengthOf(node)));
  const plans = nodes.map((node) =>
    node.kind === 'loop' ? planNode(node, nodes, { ...SIMD128, cache }, weights) : undefined,
  );
  const packed = plans.map((plan) => plan?.packed.map(({ bytes }) => allocate(bytes)) ?? []);
  const scratch = plans.map((plan) => allocate(plan ? plan.scratchBytes + plan.threadBytes : 0));
  const pages = Math.ceil(total / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0xa5, start);
  const source = (node: number, byte: number) => tensors[node]! + byte;
  const phases = plans.map((plan, i) => {
    const places = { source, target: tensors[i]!, packed: packed[i]!, scratch: scratch[i]! };
    return plan ? emitNode(plan, `node${i}`, places) : [];
  });
  const bodies = phases.flat().map(({ body }) => body);
  const module = await WebAssembly.compile(moduleOf(bodies, { given: 'unshared', thread: true }));
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, thread: 0 } });
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'input') bytes.set(inputs[node.slot]!, tensors[i]);
    const plan = plans[i];
    if (!plan) continue;
    seen(plan);
    for (const { node: source, start: from, end } of plan.reads) {
      if (nodes[source]!.kind === 'constant')
        bytes.set(weights.get(source)!.subarray(from, end), tensors[source]! + from);
    }
    for (const [p, buffer] of plan.packed.entries()) {
      pack(buffer, weights.get(buffer.node)!, bytes, packed[i]![p]!);
    }
    for (const { body, items } of phases[i]!) {
      for (const [from, to] of partition(random, items)) {
        (exports[body.name] as (from: number, to: number) => void)(from, to);
      }
    }
  }
  const written = gaps.find((gap) => bytes.subarray(gap, gap + 16).some((byte) => byte !== 0xa5));
  if (written !== undefined) throw new Error(`something was written to ${written}, between tensors`);
  return nodes.map((node, i) =>
    node.kind === 'constant' ? weights.get(i)! : bytes.slice(tensors[i]!, tensors[i]! + byteLengthOf(node)),
  );
}
