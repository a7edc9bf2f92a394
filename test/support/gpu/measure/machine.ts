import type { Weights } from '../../../../src/engine/engine.ts';
import { keptBy } from '../../../../src/engine/memory/kept.ts';
import type { GpuDevice } from '../../../../src/engine/webgpu/device.ts';
import { DeviceMachine } from '../../../../src/engine/webgpu/machine.ts';
import { DeviceMemory } from '../../../../src/engine/webgpu/memory.ts';
import type { Program } from '../../../../src/program/node.ts';
import { median, timed } from '../../bench/timing.ts';

/** A program on a device, without what a session does around it. */
export interface OpenMachine {
  readonly machine: DeviceMachine;
  close(): void;
}

export async function openMachine(
  device: GpuDevice,
  program: Program,
  weights: Weights,
): Promise<OpenMachine> {
  const memory = await DeviceMemory.load(device, program, weights);
  const request = { program, weights, device, isInterpreted: false };
  const machine = await DeviceMachine.build(request, keptBy('outputs', program), memory);
  return {
    machine,
    close: () => {
      machine.close();
      memory.close();
    },
  };
}

/** Milliseconds of a run, the median of several after one that is not timed. */
export async function timeOf(run: () => Promise<unknown>, runs = 7): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push((await timed(run)).ms);
  return median(times);
}
