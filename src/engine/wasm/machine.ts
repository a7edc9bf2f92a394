import { paddingTable, readTree } from '../../merkle/inPlace.ts';
import type { MerkleTree } from '../../merkle/tree.ts';
import { treeModule } from '../../merkle/treeModule.ts';
import { byteLengthOf, type Program } from '../../program/node.ts';
import { memoryName, moduleOf } from '../../wasm/assembler.ts';
import { compileModule } from '../../wasm/compile.ts';
import type { ProgramPart } from '../cached.ts';
import { EngineError, type Progress, progressReporter, type Weights } from '../engine.ts';
import { fuse } from '../graph/fuse.ts';
import type { Kept } from '../memory/kept.ts';
import { type Layout, layOut, type MemorySizes, sourceIn } from '../memory/layout.ts';
import { megabytes } from '../memory/megabytes.ts';
import { planNode } from '../passes/planNode.ts';
import type { RegisteredJob, ThreadPool } from '../threads/pool.ts';
import { buildSchedule, isParallel, type Work } from '../threads/schedule.ts';
import type { Functions } from '../threads/tasks.ts';
import { cacheCopies } from './cacheCopies.ts';
import { emitNode } from './emit/node.ts';
import { nodeWorks, runPhases } from './phases.ts';
import type { SessionMemory } from './sessionMemory.ts';
import { ROWS_ALIKE, SIMD128 } from './target.ts';

/** A program to be loaded, and the resources that it may use. */
export interface LoadRequest {
  readonly program: Program;
  readonly weights: Weights;
  readonly pool: ThreadPool;
  /** Cost below which work is not shared among threads. */
  readonly leastTask: number | undefined;
  readonly maxMemoryBytes: number;
  readonly sizes: MemorySizes;
}

/** @throws EngineError for a program that takes more memory than it may, or more of the first one than that can have */
function requireMemory(
  { program, maxMemoryBytes, sizes }: LoadRequest,
  { totalBytes, constantBytes, held }: Layout,
  kept: Kept,
): void {
  const isTooMuch = totalBytes > maxMemoryBytes;
  if (!isTooMuch && held.end <= sizes.bytes) return;
  const limit = isTooMuch ? `the engine has ${megabytes(maxMemoryBytes)}` : firstMemoryFull(sizes);
  const { tensors, trees } = kept;
  const hashed = trees.size > 0 ? ` and ${trees.size} hashed` : '';
  throw new EngineError(
    `the program's ${program.nodes.length} tensors, ${tensors.size} of them kept${hashed}, take ${megabytes(totalBytes)} at a time, ` +
      `${megabytes(constantBytes)} of it weights; ${limit}`,
  );
}

/** Says why a program does not fit the first memory, and what to do. */
function firstMemoryFull({ bytes, hasFurther }: MemorySizes): string {
  const one = `one memory of ${megabytes(bytes)}`;
  return hasFurther
    ? `all but weights must fit ${one}: compile the model for smaller inputs, or for shorter prompts and texts`
    : `there is ${one} here: where WebAssembly has several memories (Node, Chrome, Firefox), weights may take more`;
}

/** The parts of a {@link Machine}. */
interface Parts {
  readonly program: Program;
  readonly weights: Weights;
  readonly pool: ThreadPool;
  readonly layout: Layout;
  /** The works of each node; none unless it is a loop. */
  readonly works: readonly (readonly Work[])[];
  /** The one with the tensors. */
  readonly memory: WebAssembly.Memory;
  readonly exports: WebAssembly.Exports;
  readonly jobs: readonly PartJob[];
}

/** A schedule over some nodes. */
interface PartJob {
  readonly registered: RegisteredJob;
  /** Number of nodes that are done after each phase of the schedule. */
  readonly nodesDone: readonly number[];
}

/** A program in memory, in one run mode: fused, laid out, compiled, with its constants written. */
export class Machine {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * @param kept what can be read after a run
   * @param room where its constants and tensors go
   * @param cached what runs by itself, and what it writes to caches; the whole program if left out
   * @throws EngineError if it takes more memory than there is
   */
  static async build(
    request: LoadRequest,
    kept: Kept,
    room: SessionMemory,
    cached: readonly ProgramPart[] = [],
  ): Promise<Machine> {
    const { weights, pool, leastTask } = request;
    const program = fuse(request.program, kept.tensors);
    const target = cached.length > 0 ? ROWS_ALIKE : SIMD128;
    const plans = program.nodes.map((node) =>
      node.kind === 'loop' ? planNode(node, program.nodes, target, weights) : undefined,
    );
    const layout = layOut(program, plans, kept, pool.threads, room.held, room.sizes);
    requireMemory(request, layout, kept);
    const { tensors, packedOffsets, scratch } = layout;
    const source = sourceIn(layout);
    const functions = plans.map((plan, i) => {
      const placement = { source, target: tensors[i]!, packed: packedOffsets[i]!, scratch: scratch[i]! };
      return plan ? emitNode(plan, `node${i}`, placement) : [];
    });
    const works = nodeWorks(plans, functions);
    const copies = cacheCopies(program.nodes, cached, layout);
    for (const { rows, work } of copies) works[rows]!.push(work);
    const ranges = cached.length > 0 ? cached : [{ from: 0, to: program.nodes.length }];
    const scheduled = ranges.map(({ from, to }) => {
      const { phases, nodesDone } = runPhases(program.nodes, works, layout, from, to);
      return { schedule: buildSchedule(phases, pool.threads, leastTask), nodesDone };
    });
    const sharing = room.isShared ? 'shared' : 'unshared';
    const bodies = [...functions.flat(), ...copies].map(({ body }) => body);
    const memoryUse = { given: sharing, memories: 1 + layout.held.further.length, thread: true } as const;
    const modules = [await compileModule(moduleOf(bodies, memoryUse))];
    if (layout.trees) modules.push(treeModule(sharing)!);
    const taken = room.take(layout, weights);
    const memories = Object.fromEntries(taken.map((memory, i) => [memoryName(i), memory]));
    const exports: WebAssembly.Exports = {};
    for (const module of modules) {
      const instance = await WebAssembly.instantiate(module, { env: { ...memories, thread: 0 } });
      Object.assign(exports, instance.exports);
    }
    const jobs = scheduled.map(({ schedule, nodesDone }): PartJob => {
      const isParallelised = room.isShared && isParallel(schedule);
      const threads = isParallelised ? pool.threads : 1;
      const counterBytes = 4 * schedule.stages.length * (threads + 1);
      const counters = new Int32Array(
        isParallelised ? new SharedArrayBuffer(counterBytes) : new ArrayBuffer(counterBytes),
      );
      const called: Functions = schedule.functions.map((name) => exports[name] as () => void);
      const job = { modules, memories, schedule, threads, counters };
      return { registered: pool.register(job, called, isParallelised), nodesDone };
    });
    return new Machine({ program, weights, pool, layout, works, memory: taken[0]!, exports, jobs });
  }

  /** Writes the tensor of a node that is not constant. */
  put(node: number, bytes: Uint8Array): void {
    this.#bytes().set(bytes, this.#parts.layout.tensors[node]!);
  }

  /** A copy of the tensor of a node that is kept. */
  tensor(node: number): Uint8Array {
    const { program, weights, layout } = this.#parts;
    const { kind } = program.nodes[node]!;
    if (kind === 'constant') return weights.get(node)!.slice();
    const offset = layout.tensors[node]!;
    return this.#bytes().slice(offset, offset + byteLengthOf(program.nodes[node]!));
  }

  /** A copy of the hash tree over each tensor that is hashed, by node. */
  trees(): Map<number, MerkleTree> {
    const { program, layout } = this.#parts;
    const memory = this.#bytes();
    return new Map(
      (layout.trees?.starts ?? []).flatMap((start, i) =>
        start === undefined ? [] : [[i, readTree(memory, start, byteLengthOf(program.nodes[i]!))]],
      ),
    );
  }

  #bytes = (): Uint8Array => new Uint8Array(this.#parts.memory.buffer);

  /** Runs the whole program. Only one run of a pool may be in progress: see `ThreadPool.enqueue`. */
  async run(inputs: readonly Uint8Array[], progress?: Progress): Promise<void> {
    const { program, pool, layout, jobs } = this.#parts;
    const { registered, nodesDone } = jobs[0]!;
    const { nodes } = program;
    for (const [i, node] of nodes.entries()) if (node.kind === 'input') this.put(i, inputs[node.slot]!);
    // Other modes of the session have used the memory since.
    if (layout.trees) this.#bytes().set(paddingTable(), layout.trees.paddings);
    const report = progressReporter(progress);
    const { phasesDone } = registered.job.schedule;
    let done = 0;
    const reportUntil = (node: number): Promise<void> | undefined => {
      let reported: Promise<void> | undefined;
      while (done < node) reported = report(++done, nodes.length) ?? reported;
      return reported;
    };
    await pool.run(registered, (stage) => reportUntil(nodesDone[phasesDone[stage]! - 1]!));
    await reportUntil(nodes.length);
  }

  /** Runs a part on what was put. Only one run of a pool may be in progress. */
  runPart(part: number): Promise<void> {
    return this.#parts.pool.run(this.#parts.jobs[part]!.registered, () => undefined);
  }

  /** Runs one node, on this thread. */
  runNode(node: number): void {
    const { works, exports } = this.#parts;
    for (const { name, items } of works[node]!) {
      (exports[name] as (from: number, to: number) => void)(0, items);
    }
  }

  close(): void {
    for (const { registered } of this.#parts.jobs) this.#parts.pool.release(registered);
  }
}
