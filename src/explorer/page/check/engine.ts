import type { Engine } from '../../../engine/engine.ts';
import { wasmEngineWith } from '../../../engine/wasm/wasm.ts';
import { hasGpu } from './gpu.ts';
import type { Order } from './order.ts';

/** An engine, and what it says about the processor that has run its programs. */
export interface ChosenEngine {
  readonly engine: Engine;
  /** In one phrase, after a run. */
  readonly processor: () => string;
}

const cpuFor = (threads: number): string => `the CPU, on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

/**
 * The engine that runs a model here. That for GPUs is loaded when it is first needed. It computes the same bits, and leaves
 * to the CPU what it cannot do.
 */
export async function chooseEngine({
  threads,
  processor,
}: Pick<Order, 'threads' | 'processor'>): Promise<ChosenEngine> {
  const cpu = wasmEngineWith({ threads });
  if (processor === 'cpu' || !hasGpu()) return { engine: cpu, processor: () => cpuFor(threads) };
  const { LARGE_COST, webgpuEngineWith } = await import('../../../engine/webgpu/webgpu.ts');
  let device: string | undefined;
  let reason: string | undefined;
  const engine = webgpuEngineWith({
    gpu: async () => navigator.gpu,
    cpu,
    ...(processor === 'auto' && { leastCost: LARGE_COST }),
    taken: (name) => {
      device = name;
    },
    warn: (line) => {
      device = undefined;
      reason = line;
    },
  });
  return {
    engine,
    processor: () => {
      if (device !== undefined) return `the GPU, ${device}`;
      return reason === undefined ? cpuFor(threads) : `${cpuFor(threads)}: ${reason}`;
    },
  };
}
