/** The optional package, which need not be installed where this is compiled. */
const PACKAGE: string = 'webgpu';

interface Dawn {
  create(options: readonly string[]): GPU;
}

/**
 * WebGPU in Node, by the optional package `webgpu` (Dawn).
 *
 * @param options as that package has them
 * @returns undefined if the package is not installed, or not for this machine
 */
export async function nodeGpu(options: readonly string[] = []): Promise<GPU | undefined> {
  try {
    const { create } = (await import(PACKAGE)) as Dawn;
    return create(options);
  } catch {
    return undefined;
  }
}
