import { tensorTree } from '../../merkle/tensor.ts';
import type { MerkleTree } from '../../merkle/tree.ts';
import type { Program } from '../../program/node.ts';
import {
  type CheckpointedRun,
  checkInputs,
  checkOperands,
  checkpointsOf,
  checkWeights,
  computedOf,
  type Engine,
  type Progress,
  progressReporter,
  type Session,
  type TensorData,
  type TracedRun,
  tensorData,
  type Weights,
} from '../engine.ts';
import { ReferenceCachedSession } from './cachedSession.ts';
import { runLoop } from './runLoop.ts';

const treesOf = (tensors: readonly Uint8Array[], nodes: readonly number[]): Map<number, MerkleTree> =>
  new Map(nodes.map((i) => [i, tensorTree(tensors[i]!)]));

class ReferenceSession implements Session {
  readonly program: Program;
  readonly #weights: Weights;

  constructor(program: Program, weights: Weights) {
    checkWeights(program, weights);
    this.program = program;
    this.#weights = weights;
  }

  async run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    const tensors = await this.runAll(inputs, progress);
    return this.program.outputs.map((i) => tensorData(this.program.nodes[i]!, tensors[i]!));
  }

  async runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    const { nodes } = this.program;
    checkInputs(this.program, inputs);
    const tensors: Uint8Array[] = [];
    const report = progressReporter(progress);
    for (const [i, node] of nodes.entries()) {
      if (node.kind === 'input') {
        tensors.push(inputs[node.slot]!.slice());
      } else if (node.kind === 'constant') {
        tensors.push(this.#weights.get(i)!);
      } else {
        tensors.push(runLoop(node, tensors));
      }
      const reported = report(i + 1, nodes.length);
      if (reported) await reported;
    }
    return tensors;
  }

  async runTrace(inputs: readonly Uint8Array[], progress?: Progress): Promise<TracedRun> {
    const tensors = await this.runAll(inputs, progress);
    return { tensors, trees: treesOf(tensors, computedOf(this.program)) };
  }

  async runCheckpoints(inputs: readonly Uint8Array[], progress?: Progress): Promise<CheckpointedRun> {
    const tensors = await this.runAll(inputs, progress);
    const checkpoints = checkpointsOf(this.program);
    return {
      tensors: new Map(checkpoints.map((i) => [i, tensors[i]!])),
      trees: treesOf(tensors, checkpoints),
    };
  }

  async runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array> {
    return runLoop(checkOperands(this.program, node, tensors), tensors);
  }

  async close(): Promise<void> {}
}

/** The definition of what a program computes: one element at a time, by the letter. */
export const referenceEngine: Engine = {
  name: 'reference',
  load: async (program, weights) => new ReferenceSession(program, weights),
  loadCached: async (program, weights) => new ReferenceCachedSession(program, weights),
};
