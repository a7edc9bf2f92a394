import { tensorTree } from '../../merkle/tensor.ts';
import type { MerkleTree } from '../../merkle/tree.ts';
import type { Program } from '../../program/node.ts';
import {
  type CheckpointedRun,
  checkInputs,
  checkOperands,
  type Engine,
  EngineError,
  operandsToGive,
  type Progress,
  type Session,
  type TensorData,
  type TracedRun,
  tensorData,
} from '../engine.ts';
import { checkpointMode, keptBy, type RunMode } from '../memory/kept.ts';
import { runLoop } from '../reference/runLoop.ts';
import { DeviceLimitError } from './device.ts';
import { DeviceMachine, type DeviceRequest } from './machine.ts';
import { DeviceMemory } from './memory.ts';
import { requireRight } from './spotCheck.ts';

export interface SessionSettings {
  /** The engine that goes on if the device fails. */
  readonly cpu: Engine;
  /** A number from 0 to 1 for each run: below it, one node of the run is checked against the definition. */
  readonly spotChecks: number;
  /** Draws for spot checks: numbers from 0 to 2^32 - 1. */
  readonly next: () => number;
  /** Is told in one line why the CPU computes, from now on or in some run modes. */
  readonly warn: (line: string, refusal: 'failed' | 'too large') => void;
}

/**
 * A program on a device: one machine for each run mode. If the device fails, the CPU goes on, for good. The CPU also computes
 * in run modes that keep more tensors than fit the device.
 */
export class WebgpuSession implements Session {
  readonly program: Program;
  readonly #request: DeviceRequest;
  readonly #settings: SessionSettings;
  readonly #memory: DeviceMemory;
  readonly #machines = new Map<RunMode, DeviceMachine>();
  #cpu: Promise<Session> | undefined;
  #hasFailed = false;
  readonly #told = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  private constructor(request: DeviceRequest, settings: SessionSettings, memory: DeviceMemory) {
    this.program = request.program;
    this.#request = request;
    this.#settings = settings;
    this.#memory = memory;
  }

  /** Builds the machine for outputs. @throws DeviceLimitError if the program does not fit the device */
  static async load(request: DeviceRequest, settings: SessionSettings): Promise<WebgpuSession> {
    const memory = await DeviceMemory.load(request.device, request.program, request.weights);
    const session = new WebgpuSession(request, settings, memory);
    try {
      await session.#machine('outputs');
    } catch (error) {
      memory.close();
      throw error;
    }
    return session;
  }

  run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    checkInputs(this.program, inputs);
    return this.#attempt(
      async () => {
        const { nodes, outputs } = this.program;
        const tensors = await (await this.#run('outputs', inputs, progress)).tensors(outputs);
        return outputs.map((i) => tensorData(nodes[i]!, tensors.get(i)!));
      },
      (session) => session.run(inputs, progress),
    );
  }

  runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    return this.#attempt(
      () => this.#runAll(inputs, progress),
      (session) => session.runAll(inputs, progress),
    );
  }

  runTrace(inputs: readonly Uint8Array[], progress?: Progress): Promise<TracedRun> {
    return this.#attempt(
      async () => {
        const tensors = await this.#runAll(inputs, progress);
        const trees = new Map<number, MerkleTree>();
        for (const [i, { kind }] of this.program.nodes.entries())
          if (kind !== 'constant') trees.set(i, tensorTree(tensors[i]!));
        return { tensors, trees };
      },
      (session) => session.runTrace(inputs, progress),
    );
  }

  runCheckpoints(inputs: readonly Uint8Array[], progress?: Progress): Promise<CheckpointedRun> {
    return this.#attempt(
      async () => {
        const mode = checkpointMode(this.program);
        const machine = await this.#run(mode === 'trees' ? 'tensors' : mode, inputs, progress);
        const tensors = await machine.tensors([...keptBy(mode, this.program).trees]);
        return { tensors, trees: new Map([...tensors].map(([i, bytes]) => [i, tensorTree(bytes)])) };
      },
      (session) => session.runCheckpoints(inputs, progress),
    );
  }

  runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.#attempt(
      async () => {
        const loop = checkOperands(this.program, node, tensors);
        const given = operandsToGive(this.program, this.#request.weights, loop, tensors);
        // Constants are on the device as they are in the program; a caller may give others.
        if (!given) return runLoop(loop, tensors);
        const machine = await this.#machine('tensors');
        for (const i of given) await machine.put(i, tensors[i]!);
        await machine.runNode(node);
        return (await machine.read([node]))[0]!;
      },
      (session) => session.runNode(node, tensors),
    );
  }

  /** Number of items that the last run in a mode, `run` if none is given, computed again in integers, by node. */
  async doubts(mode: RunMode = 'outputs'): Promise<Map<number, number>> {
    return (await this.#machine(mode)).doubts();
  }

  /** Closes the session after the runs that are queued before it. */
  async close(): Promise<void> {
    await this.#enqueue(async () => {
      this.#isOpen = false;
      this.#free();
      await (await this.#cpu)?.close();
    });
  }

  #free(): void {
    for (const machine of this.#machines.values()) machine.close();
    this.#machines.clear();
    this.#memory.close();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Does some work on the device or, if it does not fit or the device has failed, on the CPU. */
  #attempt<T>(work: () => Promise<T>, instead: (session: Session) => Promise<T>): Promise<T> {
    return this.#enqueue(async () => {
      if (!this.#isOpen) throw new EngineError('the session is closed');
      const { device, program, weights } = this.#request;
      if (!this.#hasFailed) {
        try {
          device.require();
          return await work();
        } catch (error) {
          // An error that is not the device's is the caller's.
          if (device.lost === undefined && !(error instanceof DeviceLimitError)) throw error;
          this.#leave(error as Error);
        }
      }
      this.#cpu ??= this.#settings.cpu.load(program, weights);
      return instead(await this.#cpu);
    });
  }

  #leave({ message }: Error): void {
    const { warn } = this.#settings;
    if (this.#request.device.lost !== undefined) {
      warn(`${message}; the CPU goes on`, 'failed');
      this.#free();
      this.#hasFailed = true;
    } else if (!this.#told.has(message)) {
      this.#told.add(message);
      warn(`${message}; the CPU serves`, 'too large');
    }
  }

  async #machine(mode: RunMode): Promise<DeviceMachine> {
    const known = this.#machines.get(mode);
    if (known) return known;
    const machine = await DeviceMachine.build(this.#request, keptBy(mode, this.program), this.#memory);
    this.#machines.set(mode, machine);
    return machine;
  }

  async #run(mode: RunMode, inputs: readonly Uint8Array[], progress?: Progress): Promise<DeviceMachine> {
    checkInputs(this.program, inputs);
    const machine = await this.#machine(mode);
    const { spotChecks, next } = this.#settings;
    const nodes = machine.deviceNodes;
    const isChecked = nodes.length > 0 && next() < spotChecks * 2 ** 32;
    const computed = await machine.run(
      inputs,
      progress,
      isChecked ? nodes[next() % nodes.length] : undefined,
    );
    if (computed) requireRight(computed, this.#request.device, next);
    return machine;
  }

  async #runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    const machine = await this.#run('tensors', inputs, progress);
    return [...(await machine.tensors([...this.program.nodes.keys()])).values()];
  }
}
