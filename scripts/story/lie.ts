// The lie that `npm start` tells: one changed value inside the network after which another digit comes out.
import { sizeOf } from '../../src/program/node.ts';
import { f32OfWord, wordOfF32 } from '../../src/scalar/machine.ts';
import { type Fault, plantFaults } from '../../src/trace/fault.ts';
import type { Trace } from '../../src/trace/trace.ts';

/** The digit that a run reads: its first output, an int32. */
export function digitOf({ model, tensors }: Trace): number {
  const { buffer, byteOffset } = tensors[model.outputs[0]!.node] as Uint8Array;
  return new DataView(buffer, byteOffset).getInt32(0, true);
}

/** Wrong values that are tried. */
const LIES = [8, 32];
const ELEMENTS_TRIED = 8;
const NODES_TRIED = 3;

/** A wrong value and the trace of who goes on from it. */
export interface Lie {
  readonly fault: Fault;
  readonly trace: Trace;
  /** The right value. */
  readonly from: number;
  /** The wrong one. */
  readonly to: number;
}

/**
 * A single wrong value that suffices, in the layer that takes the most arithmetic if there is one.
 *
 * @throws Error if none of those tried changes the digit
 */
export function findLie(honest: Trace): Lie {
  const { nodes } = honest.model.program;
  const rightDigit = digitOf(honest);
  const laborious = nodes
    .map((node, index) => ({ index, node, steps: node.kind === 'loop' ? sizeOf(node.fold) : 0 }))
    .filter(({ steps, node }) => steps > 1 && node.dtype === 'f32')
    .sort((a, b) => b.steps * sizeOf(b.node.shape) - a.steps * sizeOf(a.node.shape))
    .slice(0, NODES_TRIED);
  for (const { index, node, steps } of laborious) {
    const count = sizeOf(node.shape);
    for (let i = 0; i < ELEMENTS_TRIED; i++) {
      const element = Math.floor(((i + 0.5) * count) / ELEMENTS_TRIED);
      const word = honest.word(index, element);
      for (const lie of LIES) {
        const xor = (word ^ wordOfF32(lie)) >>> 0;
        const fault: Fault = { node: index, element, xor, step: Math.floor(steps / 2) };
        const trace = plantFaults(honest, [fault]);
        if (digitOf(trace) !== rightDigit) return { fault, trace, from: f32OfWord(word), to: lie };
      }
    }
  }
  throw new Error('no single wrong value that was tried changes the digit');
}
