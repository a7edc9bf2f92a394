import type { Weights } from '../../src/engine/engine.ts';
import { type NodePlan, planNode } from '../../src/engine/wasm/nodePlan.ts';
import { pack } from '../../src/engine/wasm/packing.ts';
import { CACHE } from '../../src/engine/wasm/tile.ts';
import { byteLengthOf, type Program } from '../../src/program/node.ts';
import { moduleOf, PAGE_BYTES } from '../../src/wasm/assembler.ts';
import type { Random } from './randomProgram.ts';

/** Parts of [0, turns) that cover it once, in any order. */
function partition(random: Random, turns: number): [from: number, to: number][] {
  const cuts = random.times(random.below(4), () => random.below(turns + 1)).sort((a, b) => a - b);
  const ends = [0, ...cuts, turns];
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
  cache = CACHE,
): Promise<Uint8Array[]> {
  const { nodes } = program;
  let total = start;
  const gaps: number[] = [];
  const allocate = (bytes: number): number => {
    const offset = total;
    // What lies between is no tensor's, and must stay as it is.
    total += Math.ceil(bytes / 16) * 16 + 16;
    gaps.push(total - 16);
    return offset;
  };
  const tensors = nodes.map((node) => allocate(byteLengthOf(node)));
  const plans = nodes.map((node, i) =>
    node.kind === 'loop' ? planNode(node, i, nodes, weights, cache) : undefined,
  );
  const packings = plans.map((plan) => plan?.packings.map(({ bytes }) => allocate(bytes)) ?? []);
  const scratch = plans.map((plan) => allocate(plan ? plan.scratchBytes + plan.threadBytes : 0));
  const pages = Math.ceil(total / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0xa5, start);
  const source = (node: number, byte: number) => tensors[node]! + byte;
  const phases = plans.map(
    (plan, i) =>
      plan?.phases({ source, target: tensors[i]!, packings: packings[i]!, scratch: scratch[i]! }) ?? [],
  );
  const bodies = phases.flat().map(({ body }) => body);
  const module = await WebAssembly.compile(moduleOf(bodies, { given: 'unshared', thread: true }));
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, thread: 0 } });
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'input') bytes.set(inputs[node.slot]!, tensors[i]);
    const plan = plans[i];
    if (!plan) continue;
    seen(plan);
    for (const { node: of, start: from, end } of plan.reads) {
      if (nodes[of]!.kind === 'constant')
        bytes.set(weights.get(of)!.subarray(from, end), tensors[of]! + from);
    }
    for (const [p, packing] of plan.packings.entries()) {
      pack(packing, weights.get(packing.node)!, bytes, packings[i]![p]!);
    }
    for (const { body, turns } of phases[i]!) {
      for (const [from, to] of partition(random, turns)) {
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
