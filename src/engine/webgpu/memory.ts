import type { Program } from '../../program/node.ts';
import type { Weights } from '../engine.ts';
import type { GpuDevice } from './device.ts';
import { nibblesOf, type Places, placeConstants } from './places.ts';

/** Buffers of a session on the device: its constants once, and one buffer in which its run modes keep tensors in turn. */
export class DeviceMemory {
  readonly constants: Places;
  readonly #device: GpuDevice;
  readonly #constantBuffers: readonly GPUBuffer[];
  #tensors: GPUBuffer | undefined;

  private constructor(device: GpuDevice, constants: Places, buffers: readonly GPUBuffer[]) {
    this.#device = device;
    this.constants = constants;
    this.#constantBuffers = buffers;
  }

  /** @throws DeviceLimitError if the constants do not fit the device */
  static async load(device: GpuDevice, program: Program, weights: Weights): Promise<DeviceMemory> {
    const constants = placeConstants(program, weights, device);
    const buffers: GPUBuffer[] = [];
    try {
      for (const bytes of constants.bytes.slice(1)) buffers.push(await device.buffer(bytes, 'storage'));
    } catch (error) {
      for (const buffer of buffers) buffer.destroy();
      throw error;
    }
    constants.tensors.forEach((place, node) => {
      if (!place) return;
      const bytes = weights.get(node)!;
      device.write(buffers[place.memory - 1]!, 4 * place.word, place.isNibbles ? nibblesOf(bytes) : bytes);
    });
    return new DeviceMemory(device, constants, buffers);
  }

  /** All buffers of memory, the first with room for so many bytes of tensors. @throws DeviceLimitError as {@link load} */
  async withTensors(bytes: number): Promise<readonly GPUBuffer[]> {
    if (!this.#tensors || this.#tensors.size < bytes) {
      this.#tensors?.destroy();
      this.#tensors = undefined;
      this.#tensors = await this.#device.buffer(bytes, 'storage');
    }
    return [this.#tensors, ...this.#constantBuffers];
  }

  close(): void {
    this.#tensors?.destroy();
    for (const buffer of this.#constantBuffers) buffer.destroy();
  }
}
