import { byteLengthOf, type LoopNode, sizeOf } from '../../program/node.ts';
import { type Load, LoopRunner } from './loop.ts';
import { wordReader, wordWriter } from './word.ts';

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
