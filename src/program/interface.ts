import { isOpen } from './blocks.ts';
import { LIMITS } from './limits.ts';
import { byteLengthOf, type Node } from './node.ts';
import type { Broken } from './rules.ts';

/** The registry's record of a model, without its program's root. */
export interface Interface {
  readonly nodeCount: number;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  readonly answers: readonly TensorRef[];
}

/** An input, output or answer of a model: its node, and the bytes of its tensor. */
export interface TensorRef {
  readonly node: number;
  readonly byteLength: number;
}

/** Checks that a node and the model's lists of inputs, answers and outputs name each other. */
export function checkInterface(
  node: Node,
  nodeIndex: number,
  { nodeCount, inputs: asked, outputs, answers }: Interface,
): Broken {
  const byteLength = byteLengthOf(node);
  // Slots count the inputs first, then the answers.
  const inputs = [...asked, ...answers];
  const slots = inputs.flatMap((input, slot) => (input.node === nodeIndex ? [slot] : []));
  if (node.kind === 'input') {
    if (inputs[node.slot]?.node !== nodeIndex) {
      return [
        'input',
        `it is input ${node.slot}, but the model's input ${node.slot} is another node or none`,
      ];
    }
    if (inputs[node.slot]?.byteLength !== byteLength) {
      return ['input', `it has ${byteLength} bytes, the model's input ${node.slot} another number`];
    }
  }
  const stray = slots.find((slot) => node.kind !== 'input' || slot !== node.slot);
  if (stray !== undefined) return ['input', `the model's input ${stray} names it, but it is not that input`];
  const output = outputs.findIndex((ref) => ref.node === nodeIndex && ref.byteLength !== byteLength);
  if (output >= 0)
    return ['output', `it has ${byteLength} bytes, the model's output ${output} another number`];
  if (isOpen(node, nodeCount) && outputs.some((ref) => ref.node === nodeIndex)) {
    return ['checkpoint', 'it is an output of the model, but no checkpoint'];
  }
  return undefined;
}

/**
 * Checks a model with answers as the registry does: its output is a scalar, and a claim can carry the answers.
 *
 * @returns what is wrong, in a sentence
 */
export function checkAnswers({ outputs, answers }: Interface): string | undefined {
  if (answers.length === 0) return undefined;
  const accept = outputs[0]?.byteLength;
  if (outputs.length !== 1 || (accept !== 1 && accept !== 4)) {
    const sizes = outputs.map(({ byteLength }) => byteLength).join(', ');
    return `a program with answers has one output of 1 or 4 bytes, this has outputs of ${sizes} bytes`;
  }
  const total = answers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const limit = LIMITS.MAX_DATA_BYTES;
  return total > limit ? `its answers have ${total} bytes, a claim carries ${limit} at most` : undefined;
}
