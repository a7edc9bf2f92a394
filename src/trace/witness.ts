import { type Load, LoopRunner } from '../engine/reference/loop.ts';
import { loadFrom } from '../engine/reference/runLoop.ts';
import type { Hash } from '../merkle/keccak.ts';
import { concat } from '../merkle/tree.ts';
import { CHUNK_BYTES } from '../program/limits.ts';
import { ELEMENT_BYTES, type LoopNode } from '../program/node.ts';

/** The openings of a witness: tensors in a trace, chunks in a tensor. */
export interface Openings {
  /** Root of a node's tensor. */
  tensorRoot(node: number): Hash;
  /** Siblings of that root in the tree that it is opened against, from the leaf up. */
  tensorProof(node: number): readonly Hash[];
  /** 256 bytes of a tensor. */
  chunk(node: number, index: number): Uint8Array;
  /** Siblings of that chunk in the tensor's tree, from the leaf up. */
  chunkProof(node: number, index: number): readonly Hash[];
}

/**
 * Runs fold steps [from, to) of an element, and its post program if `to` is the end, and writes down an opening
 * at the first touch of each tensor and of each chunk:
 *
 * ```
 * tensor   bytes32 root     bytes32 sibling, for each level of the trace's tree; of the disputed block's, if it is in it
 * chunk    256 bytes        bytes32 sibling, for each level of the tensor's tree
 * ```
 * The stream names nothing: whoever replays the same steps knows what comes next.
 */
export function recordWitness(
  loop: LoopNode,
  tensors: readonly Uint8Array[],
  openings: Openings,
  element: number,
  from: number,
  to: number,
): Uint8Array {
  const stream: Uint8Array[] = [];
  const opened = new Map<number, Set<number>>();
  const load = loadFrom(loop, tensors);

  const chunksOpenedIn = (node: number): Set<number> => {
    const known = opened.get(node);
    if (known) return known;
    stream.push(openings.tensorRoot(node), ...openings.tensorProof(node));
    const none = new Set<number>();
    opened.set(node, none);
    return none;
  };
  const record: Load = (operand, address) => {
    const { node, dtype } = loop.operands[operand]!;
    const chunk = Math.floor((address * ELEMENT_BYTES[dtype]) / CHUNK_BYTES);
    const chunks = chunksOpenedIn(node);
    if (!chunks.has(chunk)) {
      chunks.add(chunk);
      stream.push(openings.chunk(node, chunk), ...openings.chunkProof(node, chunk));
    }
    return load(operand, address);
  };

  const runner = new LoopRunner(loop, record);
  // The addresses read never depend on the accumulator, so any value will do.
  const accumulator = runner.fold(element, from, to, loop.init);
  if (to === runner.steps) runner.finish(element, accumulator);
  return concat(stream);
}
