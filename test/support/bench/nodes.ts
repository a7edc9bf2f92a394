import { performance } from 'node:perf_hooks';
import type { Weights } from '../../../src/engine/engine.ts';
import { pack } from '../../../src/engine/memory/pack.ts';
import { type NodePlan, planNode } from '../../../src/engine/passes/planNode.ts';
import type { KernelFunction } from '../../../src/engine/wasm/emit/kernelFunction.ts';
import { emitNode } from '../../../src/engine/wasm/emit/node.ts';
import { SIMD128 } from '../../../src/engine/wasm/target.ts';
import { byteLengthOf, type Program } from '../../../src/program/node.ts';
import { moduleOf, PAGE_BYTES } from '../../../src/wasm/assembler.ts';
import { compileModuleNow } from '../../../src/wasm/compile.ts';
import { isMatrixLike, productsOf } from './program.ts';
import { cpuTime } from './timing.ts';

const ALIGNMENT = 64;

/** A program in the code of the engine, every tensor in memory of its own, so that each node can be timed alone. */
export class NodeTimer {
  readonly program: Program;
  /** The plan of each node; undefined for a node that is not computed. */
  readonly plans: readonly (NodePlan | undefined)[];
  readonly codeBytes: number;
  readonly generationMs: number;
  readonly compilationMs: number;
  readonly #functions: readonly (readonly KernelFunction[])[];
  readonly #exports: WebAssembly.Exports;

  constructor(program: Program, weights: Weights, inputs: readonly Uint8Array[]) {
    this.program = program;
    const { nodes } = program;
    let total = 0;
    const allocate = (bytes: number): number => {
      const offset = total;
      total += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
      return offset;
    };
    const tensors = nodes.map((node) => allocate(byteLengthOf(node)));
    const source = (node: number, byte: number) => tensors[node]! + byte;
    const start = performance.now();
    this.plans = nodes.map((node) =>
      node.kind === 'loop' ? planNode(node, nodes, SIMD128, weights) : undefined,
    );
    const packed = this.plans.map((plan) => plan?.packed.map(({ bytes }) => allocate(bytes)) ?? []);
    const scratch = allocate(
      Math.max(0, ...this.plans.map((plan) => (plan ? plan.scratchBytes + plan.threadBytes : 0))),
    );
    this.#functions = this.plans.map((plan, i) => {
      const places = { source, target: tensors[i]!, packed: packed[i]!, scratch };
      return plan ? emitNode(plan, `node${i}`, places) : [];
    });
    const bodies = this.#functions.flat().map(({ body }) => body);
    const bytes = moduleOf(bodies, { given: 'unshared', thread: true });
    const generated = performance.now();
    const memory = new WebAssembly.Memory({ initial: Math.ceil(total / PAGE_BYTES) });
    const env = { memory, thread: 0 };
    this.#exports = new WebAssembly.Instance(compileModuleNow(bytes), { env }).exports;
    this.codeBytes = bytes.length;
    this.generationMs = generated - start;
    this.compilationMs = performance.now() - generated;
    const heap = new Uint8Array(memory.buffer);
    nodes.forEach((node, i) => {
      if (node.kind === 'input') heap.set(inputs[node.slot]!, tensors[i]);
      if (node.kind === 'constant') heap.set(weights.get(i)!, tensors[i]);
      for (const [p, buffer] of this.plans[i]?.packed.entries() ?? []) {
        pack(buffer, weights.get(buffer.node)!, heap, packed[i]![p]!);
      }
    });
  }

  /** Runs the program once. @returns milliseconds of processor time by node and function */
  run(): number[][] {
    return this.#functions.map((functions) =>
      functions.map(({ body, items }) => {
        const start = cpuTime();
        (this.#exports[body.name] as (from: number, to: number) => void)(0, items);
        return cpuTime() - start;
      }),
    );
  }

  /**
   * Milliseconds of processor time by node and function, the least of some runs: what the code can do, whatever else the
   * machine did. As many runs before are for the compiler.
   */
  times(runs: number): number[][] {
    for (let i = 0; i < runs; i++) this.run();
    const all = Array.from({ length: runs }, () => this.run());
    return this.#functions.map((functions, node) =>
      functions.map((_, i) => Math.min(...all.map((run) => run[node]![i]!))),
    );
  }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** f32 operations a second over all nodes like matrix products; undefined if there are none. */
export function matrixSpeed({ nodes }: Program, times: readonly (readonly number[])[]): number | undefined {
  let [operations, ms] = [0, 0];
  for (const [i, node] of nodes.entries()) {
    if (node.kind !== 'loop' || !isMatrixLike(node)) continue;
    operations += 2 * productsOf(node);
    ms += sum(times[i]!);
  }
  return operations > 0 ? operations / (ms / 1000) : undefined;
}
