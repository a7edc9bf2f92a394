import { byteLengthOf } from '../../program/node.ts';
import type { CachedProgram } from '../cached.ts';
import { type CachedSession, checkPart, EngineError, type TensorData, tensorData } from '../engine.ts';
import { type LoadRequest, Machine } from './machine.ts';
import { SessionMemory } from './sessionMemory.ts';

/** A cached program in one memory, which holds weights and caches once for all parts. */
export class WasmCachedSession implements CachedSession {
  readonly #program: CachedProgram;
  readonly #pool: LoadRequest['pool'];
  readonly #machine: Machine;
  #isOpen = true;

  private constructor(program: CachedProgram, pool: LoadRequest['pool'], machine: Machine) {
    this.#program = program;
    this.#pool = pool;
    this.#machine = machine;
  }

  /** @throws EngineError if it takes more memory than there is */
  static async load(
    program: CachedProgram,
    request: Omit<LoadRequest, 'program'>,
  ): Promise<WasmCachedSession> {
    const { nodes, caches, parts } = program;
    const tensors = new Set([
      ...caches,
      ...parts.flatMap(({ inputs, first, outputs, writes }) => [
        ...inputs,
        first,
        ...outputs,
        ...writes.map(({ rows }) => rows),
      ]),
    ]);
    const whole = { nodes, inputs: [], outputs: [...tensors] };
    const room = new SessionMemory(request.pool.threads > 1, request.sizes);
    const kept = { tensors, trees: new Set<number>() };
    const machine = await Machine.build({ ...request, program: whole }, kept, room, parts);
    return new WasmCachedSession(program, request.pool, machine);
  }

  run(part: number, first: number, inputs: readonly Uint8Array[]): Promise<TensorData[]> {
    return this.#enqueue(async () => {
      const { nodes, parts } = this.#program;
      const run = parts[part]!;
      checkPart(this.#program, run, first, inputs);
      this.#machine.put(run.first, new Uint8Array(Int32Array.of(first).buffer));
      run.inputs.forEach((node, i) => {
        this.#machine.put(node, inputs[i]!);
      });
      await this.#machine.runPart(part);
      return run.outputs.map((node) => tensorData(nodes[node]!, this.#machine.tensor(node)));
    });
  }

  clear(): Promise<void> {
    const { nodes, caches } = this.#program;
    return this.#enqueue(async () => {
      for (const cache of caches) this.#machine.put(cache, new Uint8Array(byteLengthOf(nodes[cache]!)));
    });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    return this.#pool.enqueue(async () => {
      if (!this.#isOpen) throw new EngineError('the session is closed');
      return work();
    });
  }

  async close(): Promise<void> {
    await this.#pool.enqueue(async () => {
      this.#isOpen = false;
      this.#machine.close();
    });
  }
}
