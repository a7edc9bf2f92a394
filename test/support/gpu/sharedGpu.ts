import { setMaxListeners } from 'node:events';

/** Calls a function once for each key, and yields what it gave then. */
function once<T>(
  make: (...args: never[]) => T,
  keyOf: (...args: never[]) => string,
): (...args: never[]) => T {
  const cache = new Map<string, T>();
  return (...args) => {
    const key = keyOf(...args);
    if (!cache.has(key)) cache.set(key, make(...args));
    return cache.get(key)!;
  };
}

/** An object with some members of its own, and those of another one; methods are called on that one. */
function over<T extends object>(object: T, overrides: Record<PropertyKey, unknown>): T {
  return new Proxy(object, {
    get: (_, name) => {
      if (name in overrides) return overrides[name];
      const member: unknown = Reflect.get(object, name, object);
      return typeof member === 'function' ? member.bind(object) : member;
    },
    set: (_, name, value) => {
      overrides[name] = value;
      return true;
    },
  });
}

/**
 * WebGPU whose devices are one, which compiles each shader once: SwiftShader takes seconds for all that a device's test needs.
 * To destroy one of the devices does nothing.
 */
export function sharedGpu(gpu: GPU): GPU {
  let opened: Promise<GPUDevice> | undefined;
  const names = new Map<object, number>();
  const nameOf = (object: object): number => {
    if (!names.has(object)) names.set(object, names.size);
    return names.get(object)!;
  };
  const open = async (adapter: GPUAdapter, descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
    const device = await adapter.requestDevice(descriptor);
    setMaxListeners(0, device);
    return over(device, {
      destroy: () => undefined,
      createShaderModule: once(
        device.createShaderModule.bind(device),
        ({ code }: GPUShaderModuleDescriptor) => code,
      ),
      createBindGroupLayout: once(
        device.createBindGroupLayout.bind(device),
        (layout: GPUBindGroupLayoutDescriptor) => JSON.stringify(layout),
      ),
      createPipelineLayout: once(
        device.createPipelineLayout.bind(device),
        ({ bindGroupLayouts }: GPUPipelineLayoutDescriptor) =>
          [...bindGroupLayouts].map((layout) => nameOf(layout!)).join(),
      ),
      createComputePipelineAsync: once(
        device.createComputePipelineAsync.bind(device),
        ({ layout, compute }: GPUComputePipelineDescriptor) =>
          [layout as GPUPipelineLayout, compute.module].map(nameOf).join(),
      ),
    });
  };
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
      opened ??= open(adapter, descriptor);
      const device = await opened;
      // Each caller has wrappers of its own, so that a test that replaces methods changes them for nobody else.
      return over(device, { queue: over(device.queue, {}) });
    };
    return over(adapter, { requestDevice });
  };
  return over(gpu, { requestAdapter });
}
