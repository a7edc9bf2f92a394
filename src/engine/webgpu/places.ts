import { byteLengthOf, type Node, type Program } from '../../program/node.ts';
import type { Weights } from '../engine.ts';
import type { Kept } from '../memory/kept.ts';
import { megabytes } from '../memory/megabytes.ts';
import { aligned, type MemoryBlock, planOffsets } from '../memory/offsets.ts';
import { holdsNibbles } from '../passes/nibbles.ts';
import { DeviceLimitError } from './device.ts';
import type { FieldOffset } from './record.ts';

/** The places of a program's tensors in buffers of memory. The first buffer is that of what is computed. */
export interface Places {
  /** The place of each node's tensor; undefined for a constant that nothing reads. */
  readonly tensors: readonly (FieldOffset | undefined)[];
  /** Bytes of each buffer. */
  readonly bytes: readonly number[];
}

interface Limits {
  readonly bufferBytes: number;
  readonly memories: number;
}

/**
 * Places the constants of a program that a loop reads, one after the other, in as many buffers as they need.
 *
 * A constant of bytes is packed two to a byte if all of its values fit 4 bits.
 *
 * @throws DeviceLimitError if they do not fit
 */
export function placeConstants(
  { nodes }: Program,
  weights: Weights,
  { bufferBytes, memories }: Limits,
): Places {
  const read = new Set(
    nodes.flatMap((node) => (node.kind === 'loop' ? node.operands.map((o) => o.node) : [])),
  );
  // At least two buffers, so that most programs have the same bindings and share what is compiled.
  const bytes = [0, 0];
  const tensors = nodes.map((node, i): FieldOffset | undefined => {
    if (node.kind !== 'constant' || !read.has(i)) return undefined;
    const isNibbles = fitsNibbles(node, weights.get(i)!);
    const length = aligned(isNibbles ? Math.ceil(byteLengthOf(node) / 2) : byteLengthOf(node));
    if (length > bufferBytes)
      throw new DeviceLimitError(
        `constant ${i} has ${megabytes(length)}, a buffer of the device at most ${megabytes(bufferBytes)}`,
      );
    if (bytes.at(-1)! + length > bufferBytes) bytes.push(0);
    const word = bytes.at(-1)! / 4;
    bytes[bytes.length - 1]! += length;
    return { memory: bytes.length - 1, word, isNibbles };
  });
  if (bytes.length > memories)
    throw new DeviceLimitError(
      `the constants need ${bytes.length - 1} buffers of ${megabytes(bufferBytes)}, the device has ${memories - 1}`,
    );
  return { tensors, bytes };
}

const fitsNibbles = ({ dtype }: Node, bytes: Uint8Array): boolean =>
  (dtype === 'i8' || dtype === 'u8') && holdsNibbles(bytes, dtype === 'i8');

/** The lower 4 bits of each byte, two in a byte, the first in its lower half. */
export function nibblesOf(bytes: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(Math.ceil(bytes.length / 2));
  for (const [i, byte] of bytes.entries()) nibbles[i >> 1]! |= (byte & 15) << (4 * (i & 1));
  return nibbles;
}

/** The step at which inputs come to life: before the first node runs. */
const BEFORE = -1;

/**
 * Adds the places of what a run computes, by the lifetime of each tensor, to those of constants.
 *
 * @param program as it is run, so that a loop that is computed inside another one has no elements
 * @throws DeviceLimitError if they do not fit
 */
export function placeTensors(
  { nodes }: Program,
  kept: Kept,
  constants: Places,
  { bufferBytes }: Limits,
): Places {
  const lastRead = nodes.map((_, i) => i);
  nodes.forEach((node, i) => {
    if (node.kind === 'loop') for (const operand of node.operands) lastRead[operand.node] = i;
  });
  for (const node of kept.tensors) lastRead[node] = nodes.length;
  const blocks = nodes.map((node, i): MemoryBlock => {
    if (node.kind === 'constant') return { bytes: 0, first: 0, last: 0 };
    return { bytes: byteLengthOf(node), first: node.kind === 'input' ? BEFORE : i, last: lastRead[i]! };
  });
  const { starts, bytes } = planOffsets(blocks);
  if (bytes > bufferBytes)
    throw new DeviceLimitError(
      `the tensors of a run take ${megabytes(bytes)}, a buffer of the device has at most ${megabytes(bufferBytes)}`,
    );
  const tensors = nodes.map((node, i) =>
    node.kind === 'constant' ? constants.tensors[i] : { memory: 0, word: starts[i]! / 4 },
  );
  return { tensors, bytes: [bytes, ...constants.bytes.slice(1)] };
}
