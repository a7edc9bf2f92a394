import type { Program } from '../../program/node.ts';
import {
  type CheckpointedRun,
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
} from '../engine.ts';
import { Crew } from './crew.ts';
import { Machine, type Parts } from './machine.ts';
import { type Spawn, spawnHere } from './spawn.ts';
import { keptBy, type Way, wayToCheckpoints } from './ways.ts';

/** What a 32-bit WebAssembly memory can hold. */
const MAX_MEMORY_BYTES = 2 ** 32;

class WasmSession implements Session {
  readonly program: Program;
  readonly #parts: Parts;
  /** One for each way to run, made when it is first asked for. */
  readonly #machines = new Map<Way, Machine>();
  #isOpen = true;

  private constructor(parts: Parts) {
    this.program = parts.program;
    this.#parts = parts;
  }

  /** Ready for runs that only give the outputs. @throws EngineError if these take more memory than there is */
  static async load(parts: Parts): Promise<WasmSession> {
    const session = new WasmSession(parts);
    await session.#machine('outputs');
    return session;
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

  runCheckpoints(inputs: readonly Uint8Array[], progress?: Progress): Promise<CheckpointedRun> {
    return this.#inTurn(async () => {
      const machine = await this.#runOn(wayToCheckpoints(this.program), inputs, progress);
      const trees = machine.trees();
      return { tensors: new Map([...trees.keys()].map((i) => [i, machine.tensor(i)])), trees };
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

  async #machine(way: Way): Promise<Machine> {
    const machine = this.#machines.get(way) ?? (await Machine.build(this.#parts, keptBy(way, this.program)));
    this.#machines.set(way, machine);
    return machine;
  }

  async #runOn(way: Way, inputs: readonly Uint8Array[], progress?: Progress): Promise<Machine> {
    checkInputs(this.program, inputs);
    const machine = await this.#machine(way);
    await machine.run(inputs, progress);
    return machine;
  }

  #tensorsOf = (full: Machine): Uint8Array[] =>
    this.program.nodes.map(({ kind }, i) =>
      kind === 'constant' ? this.#parts.weights.get(i)! : full.tensor(i),
    );
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
      return WasmSession.load({ program, weights, crew, leastTask, maxMemoryBytes });
    },
  };
}

/** The engine on one thread. */
export const wasmEngine: Engine = wasmEngineWith({});
