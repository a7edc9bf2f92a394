import { LoopRunner } from '../../../src/engine/reference/loop.ts';
import { loadFrom } from '../../../src/engine/reference/runLoop.ts';
import { wordAsStored, wordReader } from '../../../src/engine/reference/word.ts';
import { equalBytes } from '../../../src/merkle/keccak.ts';
import { type LoopNode, type Program, sizeOf } from '../../../src/program/node.ts';
import { xorshift32 } from '../../../src/scalar/xorshift32.ts';
import { cpuTime } from './timing.ts';

/** A part of a program's elements that the reference has computed again. */
export interface Sample {
  /** Share of all fold steps that were computed. */
  readonly share: number;
  /** Processor time that the reference would take for all of them, estimated from this part. */
  readonly ms: number;
  /** The first element that is not what the reference computes from the node's operands; undefined if all are. */
  readonly difference: string | undefined;
}

/** Fold steps of an element, and one for what follows. */
const elementSteps = ({ fold }: LoopNode): number => sizeOf(fold) + 1;

/** Fold steps of all elements of a program's loops. */
export const stepsIn = ({ nodes }: Program): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' ? sizeOf(node.shape) * elementSteps(node) : 0), 0);

/** Elements of a node: the first, the last, and as many others as the share allows. */
function drawElements(loop: LoopNode, share: number, random: () => number): number[] {
  const elements = sizeOf(loop.shape);
  if (elements === 0) return [];
  if (share >= 1) return Array.from({ length: elements }, (_, i) => i);
  const others = Math.ceil(elements * share);
  return [0, elements - 1, ...Array.from({ length: others }, () => random() % elements)];
}

/**
 * Computes elements of every node again with the reference, from the tensors of a run. A wrong element of a node is found
 * if it is drawn; later nodes do not hide it, because each is computed from its operands as the run made them.
 *
 * @param tensors of the run, by node; those of inputs must be the inputs
 * @param steps fold steps to compute, about
 */
export function sampleReference(
  program: Program,
  inputs: readonly Uint8Array[],
  tensors: readonly Uint8Array[],
  steps: number,
): Sample {
  const all = stepsIn(program);
  const share = Math.min(1, steps / Math.max(1, all));
  const random = xorshift32(1);
  let computed = 0;
  let difference: string | undefined;
  const start = cpuTime();
  for (const [i, node] of program.nodes.entries()) {
    if (node.kind === 'input' && !equalBytes(tensors[i]!, inputs[node.slot]!))
      difference ??= `the tensor of node ${i} is not the input`;
    if (node.kind !== 'loop') continue;
    const runner = new LoopRunner(node, loadFrom(node, tensors));
    const word = wordReader(node.dtype, tensors[i]!);
    for (const element of drawElements(node, share, random)) {
      computed += elementSteps(node);
      if (word(element) !== wordAsStored(node.dtype, runner.element(element)))
        difference ??= `element ${element} of node ${i} is not what the reference computes from its operands`;
    }
  }
  return {
    share: computed / Math.max(1, all),
    ms: ((cpuTime() - start) * all) / Math.max(1, computed),
    difference,
  };
}
