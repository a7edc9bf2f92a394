import type { MalformedProgram } from '../dispute/malformed.ts';
import type { Weights } from '../engine/engine.ts';
import { equalBytes, type Hash, hexOf } from '../merkle/keccak.ts';
import { type Model, modelOf, programLeaf } from '../merkle/model.ts';
import { tensorRoot, tensorTree } from '../merkle/tensor.ts';
import { concat, MerkleTree, PROGRAM_TREE, TENSOR_TREE } from '../merkle/tree.ts';
import type { Interface } from '../program/interface.ts';
import { LIMITS } from '../program/limits.ts';
import { findMalformation } from '../program/malformation.ts';
import { byteLengthOf, type Node } from '../program/node.ts';
import { nodeCheck } from '../program/validate.ts';
import {
  type BlobName,
  type Blobs,
  programName,
  StoreError,
  tensorName,
  type WritableBlobs,
} from './blobs.ts';
import {
  decodeDescriptor,
  decodeRawProgram,
  encodeProgram,
  MAX_PROGRAM_BYTES,
  ProgramFileError,
  programOf,
} from './programFile.ts';

/** A model and the bytes of its constants. */
export interface HeldModel {
  readonly model: Model;
  readonly weights: Weights;
}

/** Keeps a model where {@link loadModel} finds it. */
export async function saveModel(blobs: WritableBlobs, { model, weights }: HeldModel): Promise<void> {
  // Equal constants are one blob, written once.
  const tensors = new Map<BlobName, Uint8Array>();
  for (const [i, node] of model.program.nodes.entries()) {
    if (node.kind === 'constant') tensors.set(tensorName(node.root, byteLengthOf(node)), weights.get(i)!);
  }
  for (const [name, bytes] of tensors) await blobs.write(name, bytes);
  // Last, so that a program that is there has its weights too.
  await blobs.write(programName(model.id), encodeProgram(model.program));
}

/**
 * The model of an id, every byte of it checked: the program against the id and the static rules, the weights against
 * the program.
 *
 * @throws StoreError if anything of it is missing or is not what its name says, or if the program is malformed
 */
export async function loadModel(blobs: Blobs, id: Hash): Promise<HeldModel> {
  const name = programName(id);
  const bytes = await blobs.read(name, MAX_PROGRAM_BYTES);
  if (!bytes) throw new StoreError('missing', blobs.place, name);
  return loadWeights(blobs, await decodeModelInTurns(id, bytes, blobs.place));
}

/**
 * A model whose program is there already, with its weights, every byte checked.
 *
 * @throws StoreError if one is missing or is not what its name says
 */
export async function loadWeights(blobs: Blobs, model: Model): Promise<HeldModel> {
  const weights = new Map<number, Uint8Array>();
  // Equal constants are one blob, read once.
  const read = new Map<string, Uint8Array>();
  for (const [i, node] of model.program.nodes.entries()) {
    if (node.kind !== 'constant') continue;
    const length = byteLengthOf(node);
    const key = tensorName(node.root, length);
    const tensor = read.get(key) ?? (await loadTensor(blobs, node.root, length));
    read.set(key, tensor);
    weights.set(i, tensor);
  }
  return { model, weights };
}

/** A model as the registry keeps it. */
export interface PublishedModel extends Interface {
  readonly programRoot: Hash;
}

/**
 * A program that breaks a rule, checked against what was published, so that claims on it can be proven false.
 *
 * @throws StoreError if it is missing, is not the published program, or is well-formed
 */
export async function loadMalformed(
  blobs: Blobs,
  id: Hash,
  published: PublishedModel,
): Promise<MalformedProgram> {
  const name = programName(id);
  const corrupt = (detail: string) => new StoreError('corrupt', blobs.place, name, detail);
  const bytes = await blobs.read(name, MAX_PROGRAM_BYTES);
  if (!bytes) throw new StoreError('missing', blobs.place, name);
  const descriptors = (() => {
    try {
      return decodeRawProgram(bytes).descriptors;
    } catch (error) {
      if (error instanceof ProgramFileError) throw corrupt(error.message);
      throw error;
    }
  })();
  const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
  if (descriptors.length !== published.nodeCount || !equalBytes(tree.root, published.programRoot)) {
    throw corrupt(`its program has root ${hexOf(tree.root)}`);
  }
  const malformation = findMalformation(descriptors, published);
  if (!malformation) throw corrupt('it breaks no rule');
  return { descriptors, tree, malformation };
}

/** Nodes that are decoded or checked before others have their turn: some hundredths of a second. */
const NODES_AT_A_TIME = 128;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The model of a program file, checked against an id and the static rules. Nothing else is kept waiting long: a program may
 * have 2^20 nodes.
 *
 * @param place where the file is from, for messages
 * @throws StoreError if it is another program, or a malformed one
 */
export async function decodeModelInTurns(id: Hash, bytes: Uint8Array, place: string): Promise<Model> {
  const fault = (kind: 'corrupt' | 'malformed', detail: string) =>
    new StoreError(kind, place, programName(id), detail);
  let model: Model;
  try {
    const { descriptors, ...lists } = decodeRawProgram(bytes);
    const nodes: Node[] = [];
    for (const descriptor of descriptors) {
      if (nodes.length % NODES_AT_A_TIME === NODES_AT_A_TIME - 1) await turn();
      nodes.push(decodeDescriptor(descriptor));
    }
    model = modelOf(programOf(nodes, lists));
  } catch (error) {
    if (error instanceof ProgramFileError) throw fault('corrupt', error.message);
    throw error;
  }
  if (!equalBytes(model.id, id)) throw fault('corrupt', `it is the program of model ${hexOf(model.id)}`);
  const check = nodeCheck(model.program);
  const [general] = Array.isArray(check) ? check : [];
  if (general) throw fault('malformed', general.message);
  for (let i = 0; typeof check === 'function' && i < model.program.nodes.length; i++) {
    if (i % NODES_AT_A_TIME === NODES_AT_A_TIME - 1) await turn();
    const [violation] = check(i);
    if (violation) throw fault('malformed', violation.message);
  }
  return model;
}

/** Keeps a tensor under its root, and returns that. */
export async function saveTensor(blobs: WritableBlobs, bytes: Uint8Array): Promise<Hash> {
  const root = tensorRoot(bytes);
  await blobs.write(tensorName(root, bytes.length), bytes);
  return root;
}

/**
 * The tensor of a root, checked against it.
 *
 * @param byteLength how many bytes it must have; the root alone does not tell trailing zeros from padding
 * @throws StoreError if it is missing or not what its name says
 */
export async function loadTensor(blobs: Blobs, root: Hash, byteLength: number): Promise<Uint8Array> {
  const name = tensorName(root, byteLength);
  if (!(byteLength <= LIMITS.MAX_TENSOR_BYTES)) throw new StoreError('too large', blobs.place, name);
  const bytes = await blobs.read(name, byteLength);
  if (!bytes) throw new StoreError('missing', blobs.place, name);
  await checkTensor(bytes, root, byteLength, blobs.place);
  return bytes;
}

/** Bytes that are hashed before others have their turn: some hundredths of a second. */
const HASHED_AT_A_TIME = 2 ** 23;

/** The root of a tensor, for which nothing else is kept waiting long. */
async function rootInTurns(bytes: Uint8Array): Promise<Hash> {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += HASHED_AT_A_TIME) {
    if (at > 0) await turn();
    leaves.push(tensorTree(bytes.subarray(at, at + HASHED_AT_A_TIME)).levels[0]!);
  }
  if (leaves.length < 2) return tensorRoot(bytes);
  return new MerkleTree(TENSOR_TREE, concat(leaves)).root;
}

/**
 * @param place where the bytes are from
 * @throws StoreError unless they are the tensor of a root, in its length
 */
export async function checkTensor(
  bytes: Uint8Array,
  root: Hash,
  byteLength: number,
  place: string,
): Promise<void> {
  const corrupt = (detail: string) => new StoreError('corrupt', place, tensorName(root, byteLength), detail);
  if (bytes.length !== byteLength) throw corrupt(`it has ${bytes.length} bytes, not ${byteLength}`);
  const given = await rootInTurns(bytes);
  if (!equalBytes(given, root)) throw corrupt(`its root is ${hexOf(given)}`);
}
