import { paddingTable, readTree } from '../../merkle/inPlace.ts';
import type { MerkleTree } from '../../merkle/tree.ts';
import { treeModule } from '../../merkle/treeModule.ts';
import { byteLengthOf, type Program } from '../../program/node.ts';
import { moduleOf, PAGE_BYTES } from '../../wasm/assembler.ts';
import { EngineError, type Progress, turnsOf, type Weights } from '../engine.ts';
import type { Crew, Enlisted } from './crew.ts';
import { fused } from './fusion.ts';
import { type Kept, type Layout, layOut, sourceIn } from './layout.ts';
import type { Functions } from './member.ts';
import { planNode } from './nodePlan.ts';
import { pack } from './packing.ts';
import { isParallel, scheduleOf, type Work } from './schedule.ts';
import { phaseWorks, stepsOf } from './works.ts';

/** What a machine is made of. */
export interface Parts {
  readonly program: Program;
  readonly weights: Weights;
  readonly crew: Crew;
  /** Instructions below which work is not shared. */
  readonly leastTask: number | undefined;
  readonly maxMemoryBytes: number;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function requireMemory(
  { program, maxMemoryBytes }: Parts,
  { totalBytes, constantBytes }: Layout,
  kept: Kept,
): void {
  if (totalBytes <= maxMemoryBytes) return;
  const { tensors, trees } = kept;
  const hashed = trees.size > 0 ? ` and ${trees.size} hashed` : '';
  throw new EngineError(
    `the program's ${program.nodes.length} tensors, ${tensors.size} of them kept${hashed}, take ${megabytes(totalBytes)} at a time, ` +
      `${megabytes(constantBytes)} of it weights; the engine has ${megabytes(maxMemoryBytes)}`,
  );
}

function memoryOf(bytes: number, shared: boolean): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EngineError(`no memory of ${megabytes(bytes)} is to be had here: ${error.message}`);
  }
}

/** A program in memory: fused, laid out, compiled, with its constants written. */
export class Machine {
  readonly layout: Layout;
  readonly #parts: Parts;
  /** Of each node; those that are no loops have none. */
  readonly #works: readonly (readonly Work[])[];
  /** After each step of the schedule. */
  readonly #nodesDone: readonly number[];
  readonly #memory: WebAssembly.Memory;
  readonly #exports: WebAssembly.Exports;
  readonly #enlisted: Enlisted;

  private constructor(
    parts: Parts,
    layout: Layout,
    works: readonly (readonly Work[])[],
    nodesDone: readonly number[],
    memory: WebAssembly.Memory,
    exports: WebAssembly.Exports,
    enlisted: Enlisted,
  ) {
    this.#parts = parts;
    this.layout = layout;
    this.#works = works;
    this.#nodesDone = nodesDone;
    this.#memory = memory;
    this.#exports = exports;
    this.#enlisted = enlisted;
    parts.program.nodes.forEach(({ kind }, node) => {
      if (kind === 'constant') this.put(node, parts.weights.get(node)!);
    });
    if (layout.trees) this.#bytes().set(paddingTable(), layout.trees.paddings);
  }

  /**
   * @param kept what can be read after a run
   * @throws EngineError if it takes more memory than there is
   */
  static async build(whole: Parts, kept: Kept): Promise<Machine> {
    const parts = { ...whole, program: fused(whole.program, kept.tensors) };
    const { program, weights, crew, leastTask } = parts;
    const plans = program.nodes.map((node, i) =>
      node.kind === 'loop' ? planNode(node, i, program.nodes, weights) : undefined,
    );
    const layout = layOut(program, plans, kept, crew.threads);
    requireMemory(parts, layout, kept);
    const { tensors, packingsOf, scratch } = layout;
    const source = sourceIn(layout);
    const phases = plans.map(
      (plan, i) =>
        plan?.phases({ source, target: tensors[i]!, packings: packingsOf[i]!, scratch: scratch[i]! }) ?? [],
    );
    const works = phaseWorks(plans, phases);
    const { steps, nodesDone } = stepsOf(program.nodes, works, layout);
    const schedule = scheduleOf(steps, crew.threads, leastTask);
    const shared = crew.threads > 1 && isParallel(schedule);
    const bodies = phases.flat().map(({ body }) => body);
    const given = shared ? 'shared' : 'unshared';
    const modules = [await WebAssembly.compile(moduleOf(bodies, { given, thread: true }))];
    if (layout.trees) modules.push(treeModule(given)!);
    const memory = memoryOf(layout.totalBytes, shared);
    const exports: WebAssembly.Exports = {};
    for (const module of modules) {
      Object.assign(exports, (await WebAssembly.instantiate(module, { env: { memory, thread: 0 } })).exports);
    }
    const threads = shared ? crew.threads : 1;
    const counterBytes = 4 * schedule.stages.length * (threads + 1);
    const counters = new Int32Array(
      shared ? new SharedArrayBuffer(counterBytes) : new ArrayBuffer(counterBytes),
    );
    const functions: Functions = schedule.functions.map((name) => exports[name] as () => void);
    const enlisted = crew.enlist({ modules, memory, schedule, threads, counters }, functions, shared);
    return new Machine(parts, layout, works, nodesDone, memory, exports, enlisted);
  }

  /** Writes a node's tensor; of a constant, what is read of it, and once more wherever a nest has it packed. */
  put(node: number, bytes: Uint8Array): void {
    const memory = this.#bytes();
    const { tensors, stretches, packings } = this.layout;
    const whole = tensors[node];
    if (whole !== undefined) memory.set(bytes, whole);
    for (const { start, end, offset } of stretches.get(node) ?? [])
      memory.set(bytes.subarray(start, end), offset);
    for (const { packing, offset: at } of packings) {
      if (packing.node === node) pack(packing, bytes, memory, at);
    }
  }

  /** A copy of a node's tensor, if that is kept. */
  tensor(node: number): Uint8Array {
    const { program, weights } = this.#parts;
    const { kind } = program.nodes[node]!;
    if (kind === 'constant') return weights.get(node)!.slice();
    const offset = this.layout.tensors[node]!;
    return this.#bytes().slice(offset, offset + byteLengthOf(program.nodes[node]!));
  }

  /** A copy of the hash tree over each tensor that is hashed, by node. */
  trees(): Map<number, MerkleTree> {
    const starts = this.layout.trees?.starts ?? [];
    const memory = this.#bytes();
    const { nodes } = this.#parts.program;
    return new Map(
      starts.flatMap((start, i) =>
        start === undefined ? [] : [[i, readTree(memory, start, byteLengthOf(nodes[i]!))]],
      ),
    );
  }

  #bytes = (): Uint8Array => new Uint8Array(this.#memory.buffer);

  /** Runs the whole program, in a turn of the crew. */
  async run(inputs: readonly Uint8Array[], progress?: Progress): Promise<void> {
    const { program, crew } = this.#parts;
    const { nodes } = program;
    for (const [i, node] of nodes.entries()) if (node.kind === 'input') this.put(i, inputs[node.slot]!);
    const turns = turnsOf(progress);
    const { stepsDone } = this.#enlisted.job.schedule;
    let done = 0;
    const report = (until: number): Promise<void> | undefined => {
      let turn: Promise<void> | undefined;
      while (done < until) turn = turns(++done, nodes.length) ?? turn;
      return turn;
    };
    await crew.run(this.#enlisted, (stage) => report(this.#nodesDone[stepsDone[stage]! - 1]!));
    await report(nodes.length);
  }

  /** Runs one node, on this thread. */
  runNode(node: number): void {
    for (const { name, turns } of this.#works[node]!) {
      (this.#exports[name] as (from: number, to: number) => void)(0, turns);
    }
  }

  close(): void {
    this.#parts.crew.dismiss(this.#enlisted);
  }
}
