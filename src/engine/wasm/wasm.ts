import { byteLengthOf, type Program } from '../../program/node.ts';
import {
  checkInputs,
  checkOperands,
  checkWeights,
  type Engine,
  EngineError,
  type Progress,
  type Session,
  type TensorData,
  tensorData,
  turnsOf,
  type Weights,
} from '../engine.ts';
import { moduleOf, PAGE_BYTES } from '../../wasm/assembler.ts';
import { type Phase, planNode } from './nodePlan.ts';
import { type Packing, pack } from './packing.ts';

/** What a 32-bit WebAssembly memory can hold. */
const MAX_MEMORY_BYTES = 2 ** 32;

const ALIGNMENT = 16;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

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
  readonly #packings: readonly { packing: Packing; offset: number }[];
  /** Phases by node. */
  readonly #phases: readonly (readonly Phase[])[];
  #open: { readonly memory: WebAssembly.Memory; readonly exports: WebAssembly.Exports } | undefined;

  constructor(
    program: Program,
    weights: Weights,
    offsets: readonly number[],
    packings: readonly { packing: Packing; offset: number }[],
    phases: readonly (readonly Phase[])[],
    open: { memory: WebAssembly.Memory; exports: WebAssembly.Exports },
  ) {
    this.program = program;
    this.#weights = weights;
    this.#offsets = offsets;
    this.#phases = phases;
    this.#open = open;
    this.#packings = packings;
    for (const [node, bytes] of weights) {
      if (program.nodes[node]?.kind === 'constant') this.#put(node, bytes);
    }
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

  async runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    const { nodes } = this.program;
    const { operands } = checkOperands(this.program, node, tensors);
    const read = new Set(operands.map((operand) => operand.node));
    const foreign = [...read].filter(
      (i) => nodes[i]!.kind !== 'constant' || tensors[i] !== this.#weights.get(i),
    );
    for (const i of foreign) this.#put(i, tensors[i]!);
    this.#runNode(node);
    for (const i of foreign) if (nodes[i]!.kind === 'constant') this.#put(i, this.#weights.get(i)!);
    return this.#tensor(node);
  }

  async close(): Promise<void> {
    this.#open = undefined;
  }

  async #compute(inputs: readonly Uint8Array[], progress?: Progress): Promise<void> {
    const { nodes } = this.program;
    checkInputs(this.program, inputs);
    const memory = this.#memory();
    for (const [i, node] of nodes.entries()) {
      if (node.kind === 'input') memory.set(inputs[node.slot]!, this.#offsets[i]);
    }
    const turns = turnsOf(progress);
    for (const i of nodes.keys()) {
      this.#runNode(i);
      const turn = turns(i + 1, nodes.length);
      if (turn) await turn;
    }
  }

  #runNode(node: number): void {
    for (const { body, turns } of this.#phases[node]!) {
      (this.#opened().exports[body.name] as (from: number, to: number) => void)(0, turns);
    }
  }

  /** Writes a node's tensor, and once more wherever a nest has it packed. */
  #put(node: number, bytes: Uint8Array): void {
    const memory = this.#memory();
    memory.set(bytes, this.#offsets[node]);
    for (const { packing, offset } of this.#packings) {
      if (packing.node === node) pack(packing, bytes, memory, offset);
    }
  }

  #opened() {
    if (!this.#open) throw new EngineError('the session is closed');
    return this.#open;
  }

  #memory = (): Uint8Array => new Uint8Array(this.#opened().memory.buffer);

  #tensor(node: number): Uint8Array {
    const offset = this.#offsets[node]!;
    return this.#memory().slice(offset, offset + byteLengthOf(this.program.nodes[node]!));
  }
}

/** @param maxMemoryBytes what a program's tensors may take together */
export const wasmEngineWithin = (maxMemoryBytes: number): Engine => ({
  name: 'wasm',
  load: async (program, weights) => {
    checkWeights(program, weights);
    const { offsets, total: tensorBytes } = layOut(program);
    let total = tensorBytes;
    const packings = new Map<string, { packing: Packing; offset: number }>();
    const place = (packing: Packing): number => {
      const key = JSON.stringify(packing);
      const known = packings.get(key);
      if (known) return known.offset;
      const offset = total;
      packings.set(key, { packing, offset });
      total += aligned(packing.bytes);
      return offset;
    };
    const plans = program.nodes.map((node, i) =>
      node.kind === 'loop' ? planNode(node, i, program.nodes) : undefined,
    );
    const packed = plans.map((plan) => plan?.packings.map(place) ?? []);
    const scratch = total;
    total += Math.max(0, ...plans.map((plan) => plan?.scratchBytes ?? 0));
    if (total > maxMemoryBytes) {
      throw new EngineError(
        `the program's ${program.nodes.length} tensors take ${megabytes(total)}, the engine has ${megabytes(maxMemoryBytes)}`,
      );
    }
    const phases = plans.map(
      (plan, i) => plan?.phases({ tensors: offsets, packings: packed[i]!, scratch }) ?? [],
    );
    const pages = Math.ceil(total / PAGE_BYTES);
    const bodies = phases.flat().map(({ body }) => body);
    const module = await WebAssembly.compile(moduleOf(bodies, { given: 'unshared' }));
    const memory = memoryOf(pages);
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return new WasmSession(program, weights, offsets, [...packings.values()], phases, { memory, exports });
  },
});

function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EngineError(
      `no memory of ${megabytes(pages * PAGE_BYTES)} is to be had here: ${error.message}`,
    );
  }
}

/** Each loop of a program as a WebAssembly function with SIMD, generated when the program is loaded. */
export const wasmEngine: Engine = wasmEngineWithin(MAX_MEMORY_BYTES);
