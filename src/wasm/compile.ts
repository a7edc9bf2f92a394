/**
 * Compiles WebAssembly with V8's optimizing compiler where that can be asked for.
 *
 * V8 compiles a function with its baseline compiler (Liftoff) when it is first called, and again once it has run for a
 * while. Its baseline code for loops of SIMD is 5 to 30 times slower, and a first run is most of what a command or a test
 * does. Node can set V8's flags while it runs; both are read when a module is compiled, and are set back at once.
 */

/** The flags, and those that undo them. */
const OPTIMIZING = ['--no-liftoff', '--no-wasm-lazy-compilation'] as const;
const DEFAULTS = ['--liftoff', '--wasm-lazy-compilation'] as const;

interface NodeV8 {
  setFlagsFromString(flag: string): void;
}

/** Node's module `v8`; undefined elsewhere, and where the user has chosen such flags. */
function nodeV8(): NodeV8 | undefined {
  const { process } = globalThis;
  if (process?.release?.name !== 'node') return undefined;
  const chosen = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  if (/liftoff|wasm[-_]lazy/.test(chosen)) return undefined;
  return process.getBuiltinModule?.('node:v8');
}

/**
 * Compiles a module, in Node with the optimizing compiler: a millisecond for each 10 kB, on all cores. Workers that are
 * sent the module share its code.
 *
 * @throws WebAssembly.CompileError if the bytes are no module
 */
export async function compileModule(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  return nodeV8() ? compileModuleNow(bytes) : WebAssembly.compile(bytes);
}

/** As {@link compileModule}, without letting the event loop run. */
export function compileModuleNow(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const v8 = nodeV8();
  try {
    // Compiling asynchronously would leave the flags set while others compile.
    for (const flag of v8 ? OPTIMIZING : []) v8!.setFlagsFromString(flag);
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of v8 ? DEFAULTS : []) v8!.setFlagsFromString(flag);
  }
}
