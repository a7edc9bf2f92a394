import type { MalformedProgram } from '../dispute/malformed.ts';
import { isAboutFiles } from '../files/reason.ts';
import { type Hash, hexOf } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';
import { byteLengthOf, type Program, sizeOf } from '../program/node.ts';
import { type BlobName, type Blobs, programName, StoreError, tensorName } from './blobs.ts';
import { download } from './download.ts';
import { type FolderBlobs, roomOf } from './folder.ts';
import {
  decodeModelInTurns,
  type HeldModel,
  loadMalformed,
  loadWeights,
  type PublishedModel,
} from './library.ts';
import { countNodes, MAX_PROGRAM_BYTES } from './programFile.ts';
import type { RemoteBlobs } from './remote/remoteBlobs.ts';

/** Bounds on a model from a stranger. */
export interface ModelLimits {
  /** Most bytes of program and weights together. */
  readonly maxBytes: number;
  /** Most nodes of its program: each is decoded, checked and hashed. */
  readonly maxNodes: number;
  /** Most bytes of all tensors of a run together. */
  readonly maxRunBytes: number;
  /** Most fold steps of a run. */
  readonly maxSteps: number;
}

/** A model that is more than the limits allow. */
export class ModelTooLarge extends Error {
  override name = 'ModelTooLarge';
}

/** A model, or what proves that no claim on it is right. */
export type Fetched =
  | { readonly kind: 'model'; readonly held: HeldModel }
  | { readonly kind: 'malformed'; readonly malformed: MalformedProgram };

/** Called while weights arrive, with bytes that are there and bytes of all. */
export type FetchProgress = (doneBytes: number, totalBytes: number) => void;

export interface FetchOptions {
  readonly limits: ModelLimits;
  /** The model's entry in the registry, needed to prove a program malformed. */
  readonly published?: PublishedModel | undefined;
  readonly progress?: FetchProgress;
  /**
   * Sets room aside before anything is written. What it throws ends the download if it is a {@link ModelTooLarge}.
   *
   * @param bytes that the model takes on disk at most, as its program says
   */
  readonly reserve?: (bytes: number) => Promise<void>;
}

/** Weights by their name, each once, with their bytes. */
export function tensorsIn({
  nodes,
}: Program): Map<BlobName, { readonly root: Hash; readonly bytes: number }> {
  const tensors = new Map<BlobName, { root: Hash; bytes: number }>();
  for (const node of nodes) {
    if (node.kind !== 'constant') continue;
    const bytes = byteLengthOf(node);
    tensors.set(tensorName(node.root, bytes), { root: node.root, bytes });
  }
  return tensors;
}

/** Bytes of program and weights. */
export function bytesIn(fetched: Fetched): number {
  if (fetched.kind === 'malformed')
    return fetched.malformed.descriptors.reduce((sum, { length }) => sum + length, 0);
  const { program, descriptors } = fetched.held.model;
  const weights = [...tensorsIn(program).values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return descriptors.reduce((sum, { length }) => sum + length, weights);
}

/** Fold steps of a run: what `assay inspect` shows. */
export const stepsOf = ({ nodes }: Program): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' ? sizeOf(node.shape) * sizeOf(node.fold) : 0), 0);

/** @throws ModelTooLarge naming the first limit that it exceeds */
function requireWithin(model: Model, programBytes: number, limits: ModelLimits): number {
  const { program } = model;
  const weights = [...tensorsIn(program).values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const run = program.nodes.reduce((sum, node) => sum + byteLengthOf(node), 0);
  const steps = stepsOf(program);
  const complain = (what: string): never => {
    throw new ModelTooLarge(`model ${hexOf(model.id)} ${what}`);
  };
  if (programBytes + weights > limits.maxBytes)
    complain(`has ${programBytes + weights} bytes, and at most ${limits.maxBytes} are allowed`);
  if (run > limits.maxRunBytes)
    complain(`computes ${run} bytes in a run, and at most ${limits.maxRunBytes} are allowed`);
  if (steps > limits.maxSteps)
    complain(`takes ${steps} fold steps a run, and at most ${limits.maxSteps} are allowed`);
  return weights;
}

/** One blob in memory, as a store. */
const only = (place: string, bytes: Uint8Array): Blobs => ({ place, read: async () => bytes });

/** Whether a fault of a program may be a proof: what no store takes as a model. */
const mayBeMalformed = (error: unknown): boolean =>
  error instanceof StoreError && (error.fault === 'malformed' || error.fault === 'corrupt');

/**
 * Gets a model by its id into a folder: from there if it is there, else from the sources, the first that has it. What was
 * interrupted is taken up where it ended. Every byte is checked before it is kept under its name.
 *
 * @param sources in the order in which to ask
 * @throws whatever the last source fails with, if none has all of it: a StoreError or a RemoteError, in general
 * @throws ModelTooLarge if it is more than the limits allow
 */
export async function fetchModel(
  id: Hash,
  sources: readonly RemoteBlobs[],
  into: FolderBlobs,
  options: FetchOptions,
): Promise<Fetched> {
  const name = programName(id);
  let failure: unknown = new StoreError('missing', into.place, name);
  for (const source of [into, ...sources]) {
    try {
      const bytes = await source.read(name, Math.min(MAX_PROGRAM_BYTES, options.limits.maxBytes));
      if (!bytes) {
        failure = new StoreError('missing', source.place, name);
        continue;
      }
      return await fromProgram(id, bytes, source.place, [...sources], into, options);
    } catch (error) {
      // Whatever one source sends, the next one may have the model.
      if (error instanceof ModelTooLarge || isAboutFiles(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function fromProgram(
  id: Hash,
  bytes: Uint8Array,
  place: string,
  sources: readonly RemoteBlobs[],
  into: FolderBlobs,
  { limits, published, progress, reserve }: FetchOptions,
): Promise<Fetched> {
  const name = programName(id);
  const nodes = countNodes(bytes);
  if (nodes > limits.maxNodes)
    throw new ModelTooLarge(
      `model ${hexOf(id)} has ${nodes} nodes, and at most ${limits.maxNodes} are allowed`,
    );
  let model: Model;
  try {
    model = await decodeModelInTurns(id, bytes, place);
  } catch (error) {
    if (!published || !mayBeMalformed(error)) throw error;
    const malformed = await loadMalformed(only(place, bytes), id, published).catch(() => {
      // Neither the model nor a proof: the first fault says why.
      throw error;
    });
    await reserve?.(roomOf(bytes.length));
    await into.write(name, bytes);
    return { kind: 'malformed', malformed };
  }
  const total = requireWithin(model, bytes.length, limits);
  const tensors = tensorsIn(model.program);
  const rooms = [...tensors.values()].map((tensor) => roomOf(tensor.bytes));
  await reserve?.(rooms.reduce((sum, room) => sum + room, roomOf(bytes.length)));
  let done = 0;
  for (const [tensor, { root, bytes: length }] of tensors) {
    await download({ name: tensor, root, length }, sources, into, (arrived) =>
      progress?.(done + arrived, total),
    );
    done += length;
    progress?.(done, total);
  }
  // Last, so that a program that is there has its weights too.
  await into.write(name, bytes);
  return { kind: 'model', held: await loadWeights(into, model) };
}
