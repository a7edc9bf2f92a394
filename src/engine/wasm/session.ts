import { type LoopNode, type Node, nodesRead, type Program } from '../../program/node.ts';
import {
  type CheckpointedRun,
  checkInputs,
  checkOperands,
  EngineError,
  operandsToGive,
  type Progress,
  type Session,
  type TensorData,
  type TracedRun,
  tensorData,
} from '../engine.ts';
import { checkpointMode, keptBy, type RunMode } from '../memory/kept.ts';
import { type LoadRequest, Machine } from './machine.ts';
import { SessionMemory } from './sessionMemory.ts';

/** A loaded program: one machine for each run mode, built when the mode is first used. */
export class WasmSession implements Session {
  readonly program: Program;
  readonly #request: LoadRequest;
  readonly #machines = new Map<RunMode, Machine>();
  readonly #memory: SessionMemory;
  #isOpen = true;

  private constructor(request: LoadRequest) {
    this.program = request.program;
    this.#request = request;
    this.#memory = new SessionMemory(request.pool.threads > 1, request.sizes);
  }

  /** Builds the machine for outputs. @throws EngineError if it takes more memory than there is */
  static async load(request: LoadRequest): Promise<WasmSession> {
    const session = new WasmSession(request);
    await session.#machine('outputs');
    return session;
  }

  run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    return this.#enqueue(async () => {
      const machine = await this.#run('outputs', inputs, progress);
      return this.program.outputs.map((i) => tensorData(this.program.nodes[i]!, machine.tensor(i)));
    });
  }

  runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    return this.#enqueue(async () => this.#tensors(await this.#run('tensors', inputs, progress)));
  }

  runTrace(inputs: readonly Uint8Array[], progress?: Progress): Promise<TracedRun> {
    return this.#enqueue(async () => {
      const machine = await this.#run('trees', inputs, progress);
      return { tensors: this.#tensors(machine), trees: machine.trees() };
    });
  }

  runCheckpoints(inputs: readonly Uint8Array[], progress?: Progress): Promise<CheckpointedRun> {
    return this.#enqueue(async () => {
      const machine = await this.#run(checkpointMode(this.program), inputs, progress);
      const trees = machine.trees();
      return { tensors: new Map([...trees.keys()].map((i) => [i, machine.tensor(i)])), trees };
    });
  }

  runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.#enqueue(async () => {
      const loop = checkOperands(this.program, node, tensors);
      const given = operandsToGive(this.program, this.#request.weights, loop, tensors);
      // Code is made for the constants as they are: 4 bits may not be enough for others.
      if (!given) return this.#runAlone(loop, tensors);
      const machine = this.#machines.get('trees') ?? (await this.#machine('tensors'));
      for (const i of given) machine.put(i, tensors[i]!);
      machine.runNode(node);
      return machine.tensor(node);
    });
  }

  /** Runs a loop as a program of its own, to which all that it reads is given. */
  async #runAlone(loop: LoopNode, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    const { nodes } = this.program;
    const read = nodesRead(loop);
    const inputs = read.map((i, slot): Node => {
      const { dtype, shape } = nodes[i]!;
      return { kind: 'input', dtype, shape, slot };
    });
    const operands = loop.operands.map((operand) => ({ ...operand, node: read.indexOf(operand.node) }));
    const program: Program = {
      nodes: [...inputs, { ...loop, operands }],
      inputs: [...inputs.keys()],
      outputs: [inputs.length],
    };
    const request = { ...this.#request, program, weights: new Map<number, Uint8Array>() };
    const room = new SessionMemory(this.#request.pool.threads > 1, request.sizes);
    const machine = await Machine.build(request, keptBy('outputs', program), room);
    try {
      await machine.run(read.map((i) => tensors[i]!));
      return machine.tensor(inputs.length);
    } finally {
      machine.close();
    }
  }

  /** Closes the session after the runs that are queued before it. */
  async close(): Promise<void> {
    await this.#request.pool.enqueue(async () => {
      this.#isOpen = false;
      for (const machine of this.#machines.values()) machine.close();
      this.#machines.clear();
    });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    return this.#request.pool.enqueue(async () => {
      if (!this.#isOpen) throw new EngineError('the session is closed');
      return work();
    });
  }

  async #machine(mode: RunMode): Promise<Machine> {
    const machine =
      this.#machines.get(mode) ??
      (await Machine.build(this.#request, keptBy(mode, this.program), this.#memory));
    this.#machines.set(mode, machine);
    return machine;
  }

  async #run(mode: RunMode, inputs: readonly Uint8Array[], progress?: Progress): Promise<Machine> {
    checkInputs(this.program, inputs);
    const machine = await this.#machine(mode);
    await machine.run(inputs, progress);
    return machine;
  }

  #tensors = (machine: Machine): Uint8Array[] =>
    this.program.nodes.map(({ kind }, i) =>
      kind === 'constant' ? this.#request.weights.get(i)! : machine.tensor(i),
    );
}
