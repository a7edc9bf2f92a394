import { byteLengthOf, type Program } from '../../program/node.ts';
import {
  type Engine,
  EngineError,
  type Progress,
  type Session,
  type TensorData,
  tensorData,
  type Weights,
} from '../engine.ts';
import { moduleOf, PAGE_BYTES } from './assembler.ts';
import { nestFunction } from './nestFunction.ts';
import { type Packing, pack, packConstants } from './packing.ts';

/** Milliseconds of work after which a run with progress lets others have a turn. */
const TURN_MS = 50;

/** What a 32-bit WebAssembly memory can hold. */
const MAX_MEMORY_BYTES = 2 ** 32;

const ALIGNMENT = 16;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function checkLength(what: string, bytes: Uint8Array | undefined, expected: number): Uint8Array {
  if (!bytes) throw new EngineError(`${what} is missing`);
  if (bytes.length !== expected) {
    throw new EngineError(`${what} has ${bytes.length} bytes, the program says ${expected}`);
  }
  return bytes;
}

/** Where each tensor lies, one after the other in node order. */
function layOut(program: Program): { offsets: number[]; total: number } {
  let total = 0;
  const offsets = program.nodes.map((node) => {
    const offset = total;
    total += aligned(byteLengthOf(node));
    return offset;
  });
  return { offsets, total };
}

class WasmSession implements Session {
  readonly program: Program;
  readonly #weights: Weights;
  readonly #offsets: readonly number[];
  #exports: WebAssembly.Exports | undefined;

  constructor(
    program: Program,
    weights: Weights,
    offsets: readonly number[],
    packings: readonly Packing[],
    exports: WebAssembly.Exports,
  ) {
    this.program = program;
    this.#weights = weights;
    this.#offsets = offsets;
    this.#exports = exports;
    const memory = this.#memory();
    for (const [node, bytes] of weights) {
      if (program.nodes[node]?.kind === 'constant') memory.set(bytes, offsets[node]);
    }
    for (const packing of packings) pack(packing, weights.get(packing.node)!, memory);
  }

  async run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    await this.#compute(inputs, progress);
    return this.program.outputs.map((i) => tensorData(this.program.nodes[i]!, this.#tensor(i)));
  }

  async runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    await this.#compute(inputs, progress);
    return this.program.nodes.map(({ kind }, i) =>
      kind === 'constant' ? this.#weights.get(i)! : this.#tensor(i),
    );
  }

  async close(): Promise<void> {
    this.#exports = undefined;
  }

  async #compute(inputs: readonly Uint8Array[], progress?: Progress): Promise<void> {
    const { nodes, inputs: inputNodes } = this.program;
    if (inputs.length !== inputNodes.length) {
      throw new EngineError(`the program has ${inputNodes.length} inputs, ${inputs.length} were given`);
    }
    const memory = this.#memory();
    for (const [i, node] of nodes.entries()) {
      if (node.kind !== 'input') continue;
      memory.set(checkLength(`input ${node.slot}`, inputs[node.slot], byteLengthOf(node)), this.#offsets[i]);
    }
    let turn = performance.now();
    for (const [i, { kind }] of nodes.entries()) {
      if (kind === 'loop') (this.#open()[`node${i}`] as () => void)();
      progress?.(i + 1, nodes.length);
      if (progress && performance.now() - turn > TURN_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
    }
  }

  #open(): WebAssembly.Exports {
    if (!this.#exports) throw new EngineError('the session is closed');
    return this.#exports;
  }

  #memory = (): Uint8Array => new Uint8Array((this.#open()['memory'] as WebAssembly.Memory).buffer);

  #tensor(node: number): Uint8Array {
    const offset = this.#offsets[node]!;
    return this.#memory().slice(offset, offset + byteLengthOf(this.program.nodes[node]!));
  }
}

/** @param maxMemoryBytes what a program's tensors may take together */
export const wasmEngineWithin = (maxMemoryBytes: number): Engine => ({
  name: 'wasm',
  load: async (program, weights) => {
    program.nodes.forEach((node, i) => {
      if (node.kind === 'constant') checkLength(`constant ${i}`, weights.get(i), byteLengthOf(node));
    });
    const { offsets, total: tensorBytes } = layOut(program);
    let total = tensorBytes;
    const packings = new Map<string, Packing>();
    const allocate = (packing: Omit<Packing, 'offset'>, bytes: number): number => {
      const key = JSON.stringify(packing);
      const known = packings.get(key);
      if (known) return known.offset;
      const offset = total;
      packings.set(key, { ...packing, offset });
      total += aligned(bytes);
      return offset;
    };
    const functions = program.nodes.flatMap((node, i) =>
      node.kind === 'loop'
        ? [nestFunction(node, i, offsets, (nest) => packConstants(node, nest, program.nodes, allocate))]
        : [],
    );
    if (total > maxMemoryBytes) {
      throw new EngineError(
        `the program's ${program.nodes.length} tensors take ${megabytes(total)}, the engine has ${megabytes(maxMemoryBytes)}`,
      );
    }
    const module = await WebAssembly.compile(moduleOf(functions, Math.ceil(total / PAGE_BYTES)));
    const instance = await WebAssembly.instantiate(module).catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
      throw new EngineError(`no memory of ${megabytes(total)} is to be had here: ${error.message}`);
    });
    return new WasmSession(program, weights, offsets, [...packings.values()], instance.exports);
  },
});

/** Each loop of a program as a WebAssembly function with SIMD, generated when the program is loaded. */
export const wasmEngine: Engine = wasmEngineWithin(MAX_MEMORY_BYTES);
