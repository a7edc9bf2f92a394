/** Makes something, and finds out how much linear memory was taken for it, in all and by each memory. */
export async function withMemory<T>(
  make: () => Promise<T>,
): Promise<{ readonly made: T; readonly bytes: () => number; readonly sizes: () => readonly number[] }> {
  const taken: WebAssembly.Memory[] = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      taken.push(this);
    }
  };
  try {
    const result = await make();
    const sizes = () => taken.map(({ buffer }) => buffer.byteLength);
    return { made: result, sizes, bytes: () => sizes().reduce((sum, bytes) => sum + bytes, 0) };
  } finally {
    WebAssembly.Memory = Memory;
  }
}
