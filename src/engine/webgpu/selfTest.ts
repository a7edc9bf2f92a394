import { EngineError } from '../engine.ts';
import { keptBy } from '../memory/kept.ts';
import { runLoop } from '../reference/runLoop.ts';
import { wordReader } from '../reference/word.ts';
import type { GpuDevice } from './device.ts';
import { DeviceMachine } from './machine.ts';
import { DeviceMemory } from './memory.ts';
import { makeProbes } from './probes.ts';
import { hex } from './spotCheck.ts';

/**
 * Runs loops on a device whose results would show sums fused with products or in another order, flushed subnormals, another
 * rounding, and NaN, infinities or signed zeros that are not kept: through kernels as programs have them, and through the
 * interpreter.
 *
 * @throws EngineError with the property that the device lacks
 */
export async function selfTest(device: GpuDevice): Promise<void> {
  const { program, inputs, properties } = makeProbes();
  const tensors = [...inputs];
  for (const node of program.nodes) if (node.kind === 'loop') tensors.push(runLoop(node, tensors));
  for (const isInterpreted of [false, true]) {
    const request = { program, weights: new Map<number, Uint8Array>(), device, isInterpreted };
    const memory = await DeviceMemory.load(device, program, request.weights);
    const machine = await DeviceMachine.build(request, keptBy('outputs', program), memory);
    await machine.run(inputs);
    const found = await machine.read(program.outputs);
    machine.close();
    memory.close();
    program.outputs.forEach((node, i) => {
      const { dtype } = program.nodes[node]!;
      const [right, word] = [wordReader(dtype, tensors[node]!), wordReader(dtype, found[i]!)];
      const at = found[i]!.findIndex((byte, b) => byte !== tensors[node]![b]);
      if (at < 0) return;
      const element = dtype === 'f32' ? at >> 2 : at;
      throw new EngineError(
        `the device ${device.name} is refused: its ${properties[node]}${isInterpreted ? ' in integers' : ''} are not those of the ` +
          `definition (element ${element} is ${hex(word(element))}, not ${hex(right(element))})`,
      );
    });
  }
}
