/** Makes something, and finds out how much linear memory was taken for it. */
export async function withMemory<T>(
  make: () => Promise<T>,
): Promise<{ readonly made: T; readonly bytes: () => number }> {
  const taken: WebAssembly.Memory[] = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      taken.push(this);
    }
  };
  try {
    const made = await make();
    return { made, bytes: () => taken.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) };
  } finally {
    WebAssembly.Memory = Memory;
  }
}
