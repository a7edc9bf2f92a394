import { MAX_TENSOR_REFS } from '../merkle/model.ts';
import { DescriptorError, decodeNode, encodeNode } from '../program/codec.ts';
import { LIMITS } from '../program/limits.ts';
import type { Node, Program } from '../program/node.ts';

/** Bytes of the largest program file that is read. */
export const MAX_PROGRAM_BYTES = 2 ** 26;

/** First bytes of a program file: "assay". */
const MAGIC = Uint8Array.of(0x61, 0x73, 0x73, 0x61, 0x79);

/** Layout of a program without answers, and of one with answers. */
const PLAIN = 1;
const WITH_ANSWERS = 2;

/** Bytes that are no program file. */
export class ProgramFileError extends Error {
  override name = 'ProgramFileError';
}

/**
 * A program as one file. Big-endian:
 *
 * ```
 * magic        "assay"
 * version      u8, 1 without answers, 2 with answers
 * inputs       u32 count, u32 node for each
 * outputs      u32 count, u32 node for each
 * answers      u32 count, u32 node for each; in version 2
 * nodes        u32 count, u32 length ‖ descriptor for each
 * ```
 */
export function encodeProgram({ nodes, inputs, outputs, answers = [] }: Program): Uint8Array {
  const descriptors = nodes.map(encodeNode);
  const lists = answers.length > 0 ? [inputs, outputs, answers] : [inputs, outputs];
  const length =
    MAGIC.length +
    1 +
    4 * (1 + lists.reduce((sum, list) => sum + 1 + list.length, 0) + nodes.length) +
    descriptors.reduce((sum, descriptor) => sum + descriptor.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = answers.length > 0 ? WITH_ANSWERS : PLAIN;
  let at = MAGIC.length + 1;
  const u32 = (value: number) => {
    view.setUint32(at, value);
    at += 4;
  };
  for (const list of lists) {
    u32(list.length);
    list.forEach(u32);
  }
  u32(descriptors.length);
  for (const descriptor of descriptors) {
    u32(descriptor.length);
    bytes.set(descriptor, at);
    at += descriptor.length;
  }
  return bytes;
}

/** A program file whose nodes may be anything. */
export interface RawProgram extends Omit<Program, 'nodes' | 'answers'> {
  readonly answers: readonly number[];
  readonly descriptors: readonly Uint8Array[];
}

/** @throws ProgramFileError for anything that {@link encodeProgram} does not write */
export function decodeProgram(bytes: Uint8Array): Program {
  const { descriptors, ...lists } = decodeRawProgram(bytes);
  return programOf(descriptors.map(decodeDescriptor), lists);
}

/** A program of decoded nodes and the lists of its file. */
export const programOf = (
  nodes: readonly Node[],
  { inputs, outputs, answers }: Omit<RawProgram, 'descriptors'>,
): Program => ({ nodes, inputs, outputs, ...(answers.length > 0 ? { answers } : {}) });

/** The number of nodes that a file says it has, which is known before any is decoded; 0 if it says none. */
export function countNodes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32At = (at: number): number => (at + 4 <= bytes.length ? view.getUint32(at) : 0);
  let at = MAGIC.length + 1;
  const lists = bytes[MAGIC.length] === WITH_ANSWERS ? 3 : 2;
  for (let i = 0; i < lists; i++) at += 4 * (1 + u32At(at));
  return u32At(at);
}

/**
 * The lists and the nodes' bytes, of a malformed program too.
 *
 * @throws ProgramFileError if the file does not hold them
 */
export function decodeRawProgram(bytes: Uint8Array): RawProgram {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length)
      throw new ProgramFileError(`the file ends at byte ${bytes.length}, inside a field`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  const u32 = (): number => {
    take(4);
    return view.getUint32(at - 4);
  };
  const list = <T>(what: string, limit: number, read: () => T): T[] => {
    const count = u32();
    // Each entry has at least four bytes, so a false count cannot ask for more memory than the file has.
    if (count > limit || 4 * count > bytes.length - at) {
      throw new ProgramFileError(`${count} ${what} are more than the file or a program can hold`);
    }
    return Array.from({ length: count }, read);
  };
  const isProgram = take(MAGIC.length).every((byte, i) => byte === MAGIC[i]);
  const [version] = take(1);
  if (!isProgram || (version !== PLAIN && version !== WITH_ANSWERS)) {
    throw new ProgramFileError('the file does not start as a program of this version does');
  }
  const inputs = list('inputs', MAX_TENSOR_REFS, u32);
  const outputs = list('outputs', MAX_TENSOR_REFS, u32);
  const answers = version === WITH_ANSWERS ? list('answers', MAX_TENSOR_REFS, u32) : [];
  if (version === WITH_ANSWERS && answers.length === 0)
    throw new ProgramFileError('the file has a list of answers with none in it');
  const descriptors = list('nodes', LIMITS.MAX_NODES, () => take(u32()));
  if (at !== bytes.length)
    throw new ProgramFileError(`the file has ${bytes.length - at} bytes after its last node`);
  if (descriptors.length === 0) throw new ProgramFileError('the program has no nodes');
  for (const node of [...inputs, ...outputs, ...answers]) {
    if (node >= descriptors.length)
      throw new ProgramFileError(`there is no node ${node}: the program has ${descriptors.length}`);
  }
  return { descriptors, inputs, outputs, answers };
}

/** @throws ProgramFileError if the bytes are no node's */
export function decodeDescriptor(descriptor: Uint8Array): Node {
  const { length } = descriptor;
  if (length > LIMITS.MAX_DESCRIPTOR_BYTES)
    throw new ProgramFileError(`a node of ${length} bytes is too long`);
  try {
    return decodeNode(descriptor);
  } catch (error) {
    if (error instanceof DescriptorError) throw new ProgramFileError(error.message);
    throw error;
  }
}
