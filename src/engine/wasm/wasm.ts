import type { Program } from '../../program/node.ts';
import {
  checkInputs,
  checkOperands,
  checkWeights,
  type Engine,
  EngineError,
  type Progress,
  type Session,
  type TensorData,
  type TracedRun,
  tensorData,
  type Weights,
} from '../engine.ts';
import { Crew } from './crew.ts';
import { fused } from './fusion.ts';
import type { Kept } from './layout.ts';
import { Machine, type Parts } from './machine.ts';
import { planNode } from './nodePlan.ts';
import { type Spawn, spawnHere } from './spawn.ts';

/** What a 32-bit WebAssembly memory can hold. */
const MAX_MEMORY_BYTES = 2 ** 32;

class WasmSession implements Session {
  readonly program: Program;
  readonly #parts: Parts;
  /** Those of runs that only give the outputs. */
  readonly #lean: Parts;
  /** One for each way to run, made when it is first asked for. */
  readonly #machines: Map<Kept, Machine>;
  #isOpen = true;

  /** @param machine for runs that only give the outputs: tensors share memory, and some are never there */
  constructor(parts: Parts, lean: Parts, machine: Machine) {
    this.program = parts.program;
    this.#parts = parts;
    this.#lean = lean;
    this.#machines = new Map([['outputs', machine]]);
  }

  run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    return this.#inTurn(async () => {
      const lean = await this.#runOn('outputs', inputs, progress);
      return this.program.outputs.map((i) => tensorData(this.program.nodes[i]!, lean.tensor(i)));
    });
  }

  runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    return this.#inTurn(async () => this.#tensorsOf(await this.#runOn('tensors', inputs, progress)));
  }

  runTrace(inputs: readonly Uint8Array[], progress?: Progress): Promise<TracedRun> {
    return this.#inTurn(async () => {
      const full = await this.#runOn('trees', inputs, progress);
      return { tensors: this.#tensorsOf(full), trees: full.trees() };
    });
  }

  runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const { nodes } = this.program;
      const { weights } = this.#parts;
      const { operands } = checkOperands(this.program, node, tensors);
      const full = this.#machines.get('trees') ?? (await this.#machine('tensors'));
      const read = new Set(operands.map((operand) => operand.node));
      const foreign = [...read].filter((i) => nodes[i]!.kind !== 'constant' || tensors[i] !== weights.get(i));
      for (const i of foreign) full.put(i, tensors[i]!);
      full.runNode(node);
      for (const i of foreign) if (nodes[i]!.kind === 'constant') full.put(i, weights.get(i)!);
      return full.tensor(node);
    });
  }

  /** Waits for runs that were asked for before. */
  async close(): Promise<void> {
    await this.#parts.crew.inTurn(async () => {
      this.#isOpen = false;
      for (const machine of this.#machines.values()) machine.close();
      this.#machines.clear();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#parts.crew.inTurn(async () => {
      if (!this.#isOpen) throw new EngineError('the session is closed');
      return work();
    });
  }

  async #machine(kept: Kept): Promise<Machine> {
    const parts = kept === 'outputs' ? this.#lean : this.#parts;
    const machine = this.#machines.get(kept) ?? (await Machine.build(parts, kept));
    this.#machines.set(kept, machine);
    return machine;
  }

  async #runOn(kept: Kept, inputs: readonly Uint8Array[], progress?: Progress): Promise<Machine> {
    checkInputs(this.program, inputs);
    const machine = await this.#machine(kept);
    await machine.run(inputs, progress);
    return machine;
  }

  #tensorsOf = (full: Machine): Uint8Array[] =>
    this.program.nodes.map(({ kind }, i) =>
      kind === 'constant' ? this.#parts.weights.get(i)! : full.tensor(i),
    );
}

/** A program's parts, its loops planned when that is first asked for. */
class PlannedParts implements Parts {
  readonly program: Program;
  readonly weights: Weights;
  readonly crew: Crew;
  readonly leastTask: number | undefined;
  readonly maxMemoryBytes: number;
  #plans: Parts['plans'] | undefined;

  constructor(program: Program, shared: Pick<Parts, 'weights' | 'crew' | 'leastTask' | 'maxMemoryBytes'>) {
    this.program = program;
    this.weights = shared.weights;
    this.crew = shared.crew;
    this.leastTask = shared.leastTask;
    this.maxMemoryBytes = shared.maxMemoryBytes;
  }

  get plans(): Parts['plans'] {
    const { nodes } = this.program;
    this.#plans ??= nodes.map((node, i) =>
      node.kind === 'loop' ? planNode(node, i, nodes, this.weights) : undefined,
    );
    return this.#plans;
  }
}

export interface WasmOptions {
  /** Threads that a run has at most, the one that asks for it included; one if left out. */
  readonly threads?: number;
  /** What a program may take while it runs. */
  readonly maxMemoryBytes?: number;
  /** Instructions that a thread is given at least, where there is that much to share; enough to gain, if left out. */
  readonly leastTask?: number | undefined;
  /** How threads are started; as it is done here, if left out; null if there are none. */
  readonly spawn?: Spawn | null;
}

/**
 * Each loop of a program as WebAssembly functions with SIMD, generated when the program is loaded. Sessions of one
 * engine have its threads in common and run in turn. Where there is no memory that threads can share, or a program is
 * too small to gain by it, there is one thread; the bits are the same with any number.
 *
 * @throws RangeError unless there is at least one thread
 */
export function wasmEngineWith({
  threads = 1,
  maxMemoryBytes = MAX_MEMORY_BYTES,
  leastTask,
  spawn = spawnHere(),
}: WasmOptions): Engine {
  if (!(Number.isInteger(threads) && threads >= 1))
    throw new RangeError(`${threads} threads cannot run anything`);
  const crew = new Crew(threads, spawn);
  return {
    name: 'wasm',
    load: async (program, weights) => {
      checkWeights(program, weights);
      const shared = { weights, crew, leastTask, maxMemoryBytes };
      const full = new PlannedParts(program, shared);
      const lean = new PlannedParts(fused(program), shared);
      return new WasmSession(full, lean, await Machine.build(lean, 'outputs'));
    },
  };
}

/** The engine on one thread. */
export const wasmEngine: Engine = wasmEngineWith({});
