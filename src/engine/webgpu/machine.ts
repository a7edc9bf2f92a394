import { byteLengthOf, type LoopNode, nodesRead, type Program } from '../../program/node.ts';
import { type Progress, progressReporter, type Weights } from '../engine.ts';
import type { Kept } from '../memory/kept.ts';
import { runLoop } from '../reference/runLoop.ts';
import { PARAMETER_BYTES } from './bindings.ts';
import type { BufferPart, GpuDevice } from './device.ts';
import type { DeviceMemory } from './memory.ts';
import { type DevicePlan, type Dispatch, planProgram } from './plan.ts';

/** A program to be loaded on a device. */
export interface DeviceRequest {
  readonly program: Program;
  readonly weights: Weights;
  readonly device: GpuDevice;
  /** Whether the interpreter computes every node, in integers alone. */
  readonly isInterpreted: boolean;
}

/** A node as the device computed it in a run, for a check: the loop, its operands by node, and its tensor. */
export interface ComputedNode {
  readonly node: number;
  readonly loop: LoopNode;
  readonly tensors: readonly Uint8Array[];
  readonly result: Uint8Array;
}

/** Greatest cost of nodes that are submitted together: a watchdog ends longer work, and progress is reported in between. */
const SUBMITTED_COST = 2 ** 32;

/** A program on a device in one run mode: planned, compiled, with its constants written. */
export class DeviceMachine {
  readonly #request: DeviceRequest;
  readonly #memory: DeviceMemory;
  readonly #plan: DevicePlan;
  readonly #pipelines: ReadonlyMap<string, GPUComputePipeline>;
  /** Parameters, doubts, records. */
  readonly #buffers: readonly [GPUBuffer, GPUBuffer, GPUBuffer];
  #bound: { readonly memories: readonly GPUBuffer[]; readonly group: GPUBindGroup } | undefined;

  private constructor(
    request: DeviceRequest,
    memory: DeviceMemory,
    plan: DevicePlan,
    pipelines: ReadonlyMap<string, GPUComputePipeline>,
    buffers: readonly [GPUBuffer, GPUBuffer, GPUBuffer],
  ) {
    this.#request = request;
    this.#memory = memory;
    this.#plan = plan;
    this.#pipelines = pipelines;
    this.#buffers = buffers;
  }

  /** @throws DeviceLimitError if the program does not fit the device */
  static async build(request: DeviceRequest, kept: Kept, memory: DeviceMemory): Promise<DeviceMachine> {
    const { device, program, isInterpreted } = request;
    const plan = planProgram(program, kept, memory.constants, device, isInterpreted);
    const texts = new Set(
      plan.works.flatMap((work) => (work.kind === 'device' ? work.dispatches.map(({ text }) => text) : [])),
    );
    const count = plan.places.bytes.length;
    const pipelines = new Map(
      await Promise.all([...texts].map(async (text) => [text, await device.kernel(text, count)] as const)),
    );
    const parameters = await device.buffer(Math.max(plan.parameters.byteLength, PARAMETER_BYTES), 'uniform');
    const doubts = await device.buffer(4 * plan.doubtWords, 'storage');
    const records = await device.buffer(plan.records.byteLength, 'storage');
    device.write(parameters, 0, new Uint8Array(plan.parameters.buffer));
    device.write(records, 0, new Uint8Array(plan.records.buffer));
    return new DeviceMachine(request, memory, plan, pipelines, [parameters, doubts, records]);
  }

  /** Nodes that the device computes. */
  get deviceNodes(): number[] {
    return this.#plan.works.flatMap(({ kind }, i) => (kind === 'device' ? [i] : []));
  }

  async #memories(): Promise<{ readonly memories: readonly GPUBuffer[]; readonly group: GPUBindGroup }> {
    const memories = await this.#memory.withTensors(this.#plan.places.bytes[0]!);
    if (this.#bound?.memories[0] !== memories[0]) {
      const [parameters, doubts, records] = this.#buffers;
      const group = this.#request.device.bindings(parameters, [doubts, records, ...memories]);
      this.#bound = { memories, group };
    }
    return this.#bound!;
  }

  /** Writes the tensor of a node that is not constant. */
  async put(node: number, bytes: Uint8Array): Promise<void> {
    const { memories } = await this.#memories();
    const { memory, word } = this.#plan.places.tensors[node]!;
    this.#request.device.write(memories[memory]!, 4 * word, bytes);
  }

  /** Tensors of nodes, none of them constant, that are live now. */
  async read(nodes: readonly number[]): Promise<Uint8Array[]> {
    const { memories } = await this.#memories();
    const { places, program } = this.#plan;
    const parts = nodes.map((node): BufferPart => {
      const { memory, word } = places.tensors[node]!;
      return { buffer: memories[memory]!, offset: 4 * word, bytes: byteLengthOf(program.nodes[node]!) };
    });
    return this.#request.device.read(parts);
  }

  /** Tensors by node, in the given order; each node is constant, or its tensor is live now. */
  async tensors(nodes: readonly number[]): Promise<Map<number, Uint8Array>> {
    const { weights } = this.#request;
    const computed = nodes.filter((node) => this.#plan.program.nodes[node]!.kind !== 'constant');
    const read = await this.read(computed);
    return new Map(nodes.map((node) => [node, weights.get(node) ?? read[computed.indexOf(node)]!]));
  }

  /**
   * Runs the whole program.
   *
   * @param checked a node that the device computes, whose operands and result are returned
   */
  async run(
    inputs: readonly Uint8Array[],
    progress?: Progress,
    checked?: number,
  ): Promise<ComputedNode | undefined> {
    const { program, works } = this.#plan;
    const { device } = this.#request;
    for (const [i, node] of program.nodes.entries())
      if (node.kind === 'input') await this.put(i, inputs[node.slot]!);
    const report = progressReporter(progress);
    let computed: ComputedNode | undefined;
    let reported = 0;
    const { group } = await this.#memories();
    this.#clearDoubts();
    let waiting = this.#open(group);
    let cost = 0;
    for (const [i, work] of works.entries()) {
      if (work.kind === 'device') {
        waiting.add(work.dispatches);
        cost += work.cost;
      }
      if (work.kind === 'host') {
        waiting.submit();
        await this.#runHere(i);
        waiting = this.#open(group);
      }
      if (i === checked) {
        waiting.submit();
        computed = await this.#computed(i);
        waiting = this.#open(group);
      }
      if (cost < SUBMITTED_COST && i < works.length - 1) continue;
      waiting.submit();
      cost = 0;
      if (progress || i === works.length - 1) await device.done();
      while (reported <= i) await report(++reported, works.length);
      waiting = this.#open(group);
    }
    return computed;
  }

  /** Computes one node from the operands that {@link put} has written. */
  async runNode(node: number): Promise<void> {
    const work = this.#plan.works[node]!;
    if (work.kind === 'host') return this.#runHere(node);
    this.#clearDoubts();
    const waiting = this.#open((await this.#memories()).group);
    if (work.kind === 'device') waiting.add(work.dispatches);
    waiting.submit();
    await this.#request.device.done();
  }

  /** Number of items that the last run computed again in integers, because their floats were in doubt, by node. */
  async doubts(): Promise<Map<number, number>> {
    const { counters, doubtful } = this.#plan;
    const [bytes] = await this.#request.device.read([
      { buffer: this.#buffers[1], offset: 0, bytes: 4 * counters },
    ]);
    const counts = new Uint32Array(bytes!.buffer);
    return new Map(doubtful.map((node, counter) => [node, counts[counter]!]));
  }

  #clearDoubts(): void {
    this.#request.device.write(this.#buffers[1], 0, new Uint8Array(4 * this.#plan.counters));
  }

  /** Begins a list of dispatches that are submitted together. */
  #open(group: GPUBindGroup): { add(dispatches: readonly Dispatch[]): void; submit(): void } {
    const { device } = this.#request;
    const encoder = device.encoder();
    const pass = encoder.beginComputePass();
    return {
      add: (dispatches) => {
        for (const { text, parameters, groups } of dispatches) {
          pass.setPipeline(this.#pipelines.get(text)!);
          pass.setBindGroup(0, group, [parameters * PARAMETER_BYTES]);
          pass.dispatchWorkgroups(...groups);
        }
      },
      submit: () => {
        pass.end();
        device.submit(encoder);
      },
    };
  }

  /** Tensors of a loop's operands, by node. */
  async #operands(loop: LoopNode): Promise<Uint8Array[]> {
    const tensors: Uint8Array[] = [];
    for (const [node, bytes] of await this.tensors(nodesRead(loop))) tensors[node] = bytes;
    return tensors;
  }

  async #runHere(node: number): Promise<void> {
    const loop = this.#plan.program.nodes[node] as LoopNode;
    await this.put(node, runLoop(loop, await this.#operands(loop)));
  }

  async #computed(node: number): Promise<ComputedNode> {
    const loop = this.#plan.program.nodes[node] as LoopNode;
    const tensors = await this.#operands(loop);
    const [result] = await this.read([node]);
    return { node, loop, tensors, result: result! };
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
