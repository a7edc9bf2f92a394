import { EngineError } from '../engine.ts';
import { DOUBTS, FIRST_MEMORY, OTHER_STORAGE, PARAMETER_BYTES, RECORDS, UNIFORM } from './bindings.ts';

/** Flags of WebGPU (GPUBufferUsage, GPUMapMode, GPUShaderStage), which Node has no globals for. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
const MAP_READ = 1;
const COMPUTE = 4;

/** Buffers of memory that a session may have, if the device allows. */
const MAX_MEMORIES = 8;

/** A program does not fit a device, in some run mode at least. */
export class DeviceLimitError extends EngineError {}

type DeviceLimits = Pick<
  GPUSupportedLimits,
  'maxStorageBufferBindingSize' | 'maxBufferSize' | 'maxStorageBuffersPerShaderStage'
>;

/** A device as the lane uses it: buffers, kernels by their text, and whether it is still there. */
export class GpuDevice {
  readonly #device: GPUDevice;
  /** Kept because Dawn in Node ends with the object that it came from. */
  readonly #gpu: GPU;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #layouts = new Map<number, GPUBindGroupLayout>();
  /** Name and maker, as far as it says. */
  readonly name: string;
  /** Most bytes of one buffer of memory. */
  readonly bufferBytes: number;
  /** Most buffers of memory. */
  readonly memories: number;
  #lost: string | undefined;

  private constructor(gpu: GPU, device: GPUDevice, name: string, limits: DeviceLimits) {
    this.#gpu = gpu;
    this.#device = device;
    this.name = name;
    const { maxStorageBufferBindingSize, maxBufferSize, maxStorageBuffersPerShaderStage } = limits;
    // Kernels count bytes in 32 bits.
    const bytes = Math.min(maxStorageBufferBindingSize, maxBufferSize, 2 ** 32 - 256);
    this.bufferBytes = Math.floor(bytes / 256) * 256;
    this.memories = Math.min(MAX_MEMORIES, maxStorageBuffersPerShaderStage - OTHER_STORAGE);
    void device.lost.then(({ reason, message }) => {
      this.#lost ??= message || reason;
    });
    device.addEventListener('uncapturederror', (event) => {
      this.#lost ??= event.error.message;
    });
  }

  /**
   * Opens the fastest device.
   *
   * @returns undefined if there is none
   */
  static async open(gpu: GPU): Promise<GpuDevice | undefined> {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return undefined;
    const { limits, info } = adapter;
    const { maxStorageBufferBindingSize, maxBufferSize, maxStorageBuffersPerShaderStage } = limits;
    const device = await adapter.requestDevice({
      requiredLimits: { maxStorageBufferBindingSize, maxBufferSize, maxStorageBuffersPerShaderStage },
    });
    const name = [info.vendor, info.architecture, info.description || info.device].filter(Boolean).join(' ');
    return new GpuDevice(gpu, device, name, limits);
  }

  /** Why the device can no longer be used; undefined if it can. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Marks the device as not to be used any more. */
  giveUp(reason: string): void {
    this.#lost ??= reason;
  }

  #layout(memories: number): GPUBindGroupLayout {
    const known = this.#layouts.get(memories);
    if (known) return known;
    const buffer = (binding: number, type: GPUBufferBindingType, hasDynamicOffset = false) => ({
      ...{ binding, visibility: COMPUTE },
      buffer: { type, hasDynamicOffset },
    });
    const layout = this.#device.createBindGroupLayout({
      entries: [
        buffer(UNIFORM, 'uniform', true),
        buffer(DOUBTS, 'storage'),
        buffer(RECORDS, 'read-only-storage'),
        ...Array.from({ length: memories }, (_, i) => buffer(FIRST_MEMORY + i, 'storage')),
      ],
    });
    this.#layouts.set(memories, layout);
    return layout;
  }

  /**
   * A kernel of some text, which is compiled once.
   *
   * @throws DeviceLimitError if the device does not compile it
   */
  kernel(text: string, memories: number): Promise<GPUComputePipeline> {
    const known = this.#pipelines.get(text);
    if (known) return known;
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [this.#layout(memories)] });
    const module = this.#device.createShaderModule({ code: text });
    const made = this.#device
      .createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } })
      .catch((error: Error) => {
        throw new DeviceLimitError(`the device does not compile a kernel: ${error.message}`);
      });
    this.#pipelines.set(text, made);
    return made;
  }

  bindings(parameters: GPUBuffer, others: readonly GPUBuffer[]): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: this.#layout(others.length - OTHER_STORAGE),
      entries: [
        { binding: UNIFORM, resource: { buffer: parameters, size: PARAMETER_BYTES } },
        ...others.map((buffer, i) => ({ binding: DOUBTS + i, resource: { buffer } })),
      ],
    });
  }

  /**
   * @param bytes a multiple of 4; at least 4 are taken
   * @throws DeviceLimitError if there is no such memory
   */
  async buffer(bytes: number, kind: 'storage' | 'uniform'): Promise<GPUBuffer> {
    this.#device.pushErrorScope('out-of-memory');
    this.#device.pushErrorScope('validation');
    const usage = USAGE[kind] | USAGE.copySource | USAGE.copyTarget;
    const made = this.#device.createBuffer({ size: Math.max(4, bytes), usage });
    const errors = [await this.#device.popErrorScope(), await this.#device.popErrorScope()];
    const error = errors.find((one) => one !== null);
    if (error) throw new DeviceLimitError(`the device has no buffer of ${bytes} bytes: ${error.message}`);
    return made;
  }

  /** Writes bytes, with zeros up to a whole word. */
  write(buffer: GPUBuffer, offset: number, bytes: Uint8Array): void {
    const whole = bytes.length - (bytes.length % 4);
    if (whole > 0) this.#device.queue.writeBuffer(buffer, offset, bytes as Uint8Array<ArrayBuffer>, 0, whole);
    if (whole === bytes.length) return;
    const last = new Uint8Array(4);
    last.set(bytes.subarray(whole));
    this.#device.queue.writeBuffer(buffer, offset + whole, last);
  }

  encoder(): GPUCommandEncoder {
    return this.#device.createCommandEncoder();
  }

  submit(encoder: GPUCommandEncoder): void {
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Waits until all that was submitted is done. */
  async done(): Promise<void> {
    await this.#device.queue.onSubmittedWorkDone();
    this.require();
  }

  /** @throws EngineError if the device is lost */
  require(): void {
    if (this.#lost !== undefined) throw new EngineError(`the device ${this.name} is lost: ${this.#lost}`);
  }

  /**
   * Reads parts of buffers after all that was submitted.
   *
   * @throws EngineError if the device is lost
   */
  async read(parts: readonly BufferPart[]): Promise<Uint8Array[]> {
    this.require();
    const starts: number[] = [];
    let size = 0;
    for (const { bytes } of parts) {
      starts.push(size);
      size += Math.ceil(bytes / 4) * 4;
    }
    if (size === 0) return parts.map(() => new Uint8Array(0));
    const staging = this.#device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
    try {
      const encoder = this.encoder();
      parts.forEach(({ buffer, offset, bytes }, i) => {
        const length = Math.ceil(bytes / 4) * 4;
        if (length > 0) encoder.copyBufferToBuffer(buffer, offset, staging, starts[i]!, length);
      });
      this.submit(encoder);
      await staging.mapAsync(MAP_READ);
      const all = new Uint8Array(staging.getMappedRange());
      const found = parts.map(({ bytes }, i) => all.slice(starts[i]!, starts[i]! + bytes));
      staging.unmap();
      this.require();
      return found;
    } catch (error) {
      // Which of the two is told first differs: that the device is lost, or that it maps nothing.
      this.giveUp(`it gives no memory back: ${(error as Error).message}`);
      throw new EngineError(`the device ${this.name} is lost: ${this.#lost}`);
    } finally {
      staging.destroy();
    }
  }

  /** Gives the device back. */
  close(): void {
    this.#lost ??= 'it was closed';
    this.#device.destroy();
    void this.#gpu;
  }
}

export interface BufferPart {
  readonly buffer: GPUBuffer;
  /** A multiple of 4. */
  readonly offset: number;
  readonly bytes: number;
}
