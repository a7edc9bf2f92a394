import { byteLengthOf, type LoopNode, type Program, sizeOf } from '../../program/node.ts';
import {
  type Engine,
  EngineError,
  type Progress,
  type Session,
  type TensorData,
  tensorData,
  type Weights,
} from '../engine.ts';
import { type Load, LoopRunner } from './loop.ts';
import { wordReader, wordWriter } from './word.ts';

/** Milliseconds of work after which a run with progress lets others have a turn. */
const TURN_MS = 50;

/** Loads a loop's operands from the tensors of earlier nodes. */
export function loadFrom(loop: LoopNode, tensors: readonly Uint8Array[]): Load {
  const readers = loop.operands.map(({ node, dtype }) => wordReader(dtype, tensors[node]!));
  return (operand, address) => readers[operand]!(address);
}

/** The tensor of one loop node, given those of earlier nodes. */
export function runLoop(loop: LoopNode, tensors: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(loop));
  const write = wordWriter(loop.dtype, bytes);
  const runner = new LoopRunner(loop, loadFrom(loop, tensors));
  const elements = sizeOf(loop.shape);
  for (let element = 0; element < elements; element++) write(element, runner.element(element));
  return bytes;
}

function checkLength(what: string, bytes: Uint8Array | undefined, expected: number): Uint8Array {
  if (!bytes) throw new EngineError(`${what} is missing`);
  if (bytes.length !== expected) {
    throw new EngineError(`${what} has ${bytes.length} bytes, the program says ${expected}`);
  }
  return bytes;
}

class ReferenceSession implements Session {
  readonly program: Program;
  readonly #weights: Weights;

  constructor(program: Program, weights: Weights) {
    this.program = program;
    this.#weights = weights;
    program.nodes.forEach((node, i) => {
      if (node.kind === 'constant') checkLength(`constant ${i}`, weights.get(i), byteLengthOf(node));
    });
  }

  async run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]> {
    const tensors = await this.runAll(inputs, progress);
    return this.program.outputs.map((i) => tensorData(this.program.nodes[i]!, tensors[i]!));
  }

  async runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]> {
    const { nodes, inputs: inputNodes } = this.program;
    if (inputs.length !== inputNodes.length) {
      throw new EngineError(`the program has ${inputNodes.length} inputs, ${inputs.length} were given`);
    }
    const tensors: Uint8Array[] = [];
    let turn = performance.now();
    for (const [i, node] of nodes.entries()) {
      if (node.kind === 'input') {
        const what = `input ${node.slot}`;
        tensors.push(checkLength(what, inputs[node.slot], byteLengthOf(node)).slice());
      } else if (node.kind === 'constant') {
        tensors.push(this.#weights.get(i)!);
      } else {
        tensors.push(runLoop(node, tensors));
      }
      progress?.(i + 1, nodes.length);
      if (progress && performance.now() - turn > TURN_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
    }
    return tensors;
  }

  async close(): Promise<void> {}
}

/** The definition of what a program computes: one element at a time, by the letter. */
export const referenceEngine: Engine = {
  name: 'reference',
  load: async (program, weights) => new ReferenceSession(program, weights),
};
