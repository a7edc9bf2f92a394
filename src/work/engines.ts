import type { Engine } from '../engine/engine.ts';
import { referenceEngine } from '../engine/reference/reference.ts';
import { wasmEngineWith } from '../engine/wasm/wasm.ts';
import { LARGE_COST, webgpuEngineWith } from '../engine/webgpu/webgpu.ts';
import { nodeGpu } from './nodeGpu.ts';

/** An engine by its name, and its number of threads. `auto` is webgpu where there is a device and a program is large. */
export interface EngineChoice {
  readonly name: EngineName;
  readonly threads: number;
  /** Fraction of runs on a GPU of which one node is checked against the definition; the engine's if left out. */
  readonly spotChecks?: number;
}

/** The first is the one that is taken if none is named. All give the same bits. */
export const ENGINE_NAMES = ['wasm', 'webgpu', 'auto', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export const isEngineName = (name: string): name is EngineName =>
  (ENGINE_NAMES as readonly string[]).includes(name);

/**
 * @param warn is told in one line why the CPU serves instead of a device that was asked for, or was there
 * @param serves is told the engine whenever a device takes a program, or the CPU has to serve in its place
 */
export function engineBy(
  { name, threads, spotChecks }: EngineChoice,
  warn: (line: string) => void,
  serves: (name: EngineName) => void = () => undefined,
): Engine {
  if (name === 'reference') return referenceEngine;
  const cpu = wasmEngineWith({ threads });
  if (name === 'wasm') return cpu;
  const isAuto = name === 'auto';
  return webgpuEngineWith({
    ...{ gpu: () => nodeGpu(), cpu },
    ...(isAuto && { leastCost: LARGE_COST }),
    ...(spotChecks !== undefined && { spotChecks }),
    taken: () => serves('webgpu'),
    warn: (line, refusal) => {
      serves('wasm');
      if (!isAuto || refusal !== 'absent') warn(line);
    },
  });
}
