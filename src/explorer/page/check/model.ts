import type { Weights } from '../../../engine/engine.ts';
import { equalBytes, hexOf } from '../../../merkle/keccak.ts';
import { type Model, modelOf } from '../../../merkle/model.ts';
import { tensorRoot } from '../../../merkle/tensor.ts';
import { byteLengthOf, type Program, sizeOf } from '../../../program/node.ts';
import { validate } from '../../../program/validate.ts';
import { decodeProgram, MAX_PROGRAM_BYTES } from '../../../store/programFile.ts';
import { Unavailable } from './unavailable.ts';

/** Gets a model from wherever bytes come from; every byte is checked against the id. */

export interface CheckedModel {
  readonly model: Model;
  readonly weights: Weights;
  /** Length of program and weights together. */
  readonly bytes: number;
}

/** Bytes by their name, `program/…` or `tensor/…`; undefined if there are none. */
export type ReadBlob = (name: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Bounds on a model from a stranger, as the command line has them for models that it finds. */
const MOST_BYTES = 2 ** 30;
const MOST_RUN_BYTES = 2 ** 31;
const MOST_STEPS = 2e11;

function requireWithin({ nodes }: Program): void {
  const weights = nodes.reduce((sum, node) => sum + (node.kind === 'constant' ? byteLengthOf(node) : 0), 0);
  const run = nodes.reduce((sum, node) => sum + byteLengthOf(node), 0);
  const steps = nodes.reduce(
    (sum, node) => sum + (node.kind === 'loop' ? sizeOf(node.shape) * sizeOf(node.fold) : 0),
    0,
  );
  if (weights > MOST_BYTES)
    throw new Unavailable(`the model has ${weights} bytes of weights, too many for a page`);
  if (run > MOST_RUN_BYTES) throw new Unavailable(`a run computes ${run} bytes, too many for a page`);
  if (steps > MOST_STEPS) throw new Unavailable(`a run takes ${steps} steps, too many for a page`);
}

/** @throws Unavailable unless the bytes are the program of the id, within the rules and the bounds */
export function programOf(id: string, bytes: Uint8Array): Model {
  let model: Model;
  try {
    model = modelOf(decodeProgram(bytes));
  } catch {
    throw new Unavailable('what was given as the program of the model is no program');
  }
  if (hexOf(model.id) !== id)
    throw new Unavailable(`what was given as the program is that of another model, ${hexOf(model.id)}`);
  const [violation] = validate(model.program);
  if (violation) throw new Unavailable(`its program breaks a rule: ${violation.message}`);
  requireWithin(model.program);
  return model;
}

/**
 * The model of an id.
 *
 * @param id 0x and 64 digits, as the chain commits to it
 * @param progress told how much of it is there, from 0 to 1
 * @throws Unavailable if anything of it is missing or is not what the id commits to
 */
export async function readModel(
  id: string,
  read: ReadBlob,
  progress: (share: number) => void,
): Promise<CheckedModel> {
  const bytes = await read(`program/${id.slice(2)}`, MAX_PROGRAM_BYTES);
  if (!bytes) throw new Unavailable('nobody here has the program of the model');
  const model = programOf(id, bytes);
  const constants = model.program.nodes.flatMap((node, i) => (node.kind === 'constant' ? [{ node, i }] : []));
  const total = constants.reduce((sum, { node }) => sum + byteLengthOf(node), 0);
  const weights = new Map<number, Uint8Array>();
  // Equal constants are one file, read once.
  const known = new Map<string, Uint8Array>();
  let done = 0;
  for (const { node, i } of constants) {
    const length = byteLengthOf(node);
    const name = `tensor/${hexOf(node.root).slice(2)}-${length}`;
    const tensor = known.get(name) ?? (await read(name, length));
    if (!tensor) throw new Unavailable(`nobody here has the weights of node ${i}`);
    if (!known.has(name) && (tensor.length !== length || !equalBytes(tensorRoot(tensor), node.root)))
      throw new Unavailable(`what was given as the weights of node ${i} is something else`);
    known.set(name, tensor);
    weights.set(i, tensor);
    done += length;
    progress(done / Math.max(1, total));
  }
  return { model, weights, bytes: bytes.length + total };
}

/** First bytes of a program file. */
const PROGRAM = 'assay';

/**
 * The model of an id in files that a user gave: an ONNX file, or the files of a bundle in any order.
 *
 * @returns undefined if no program is among them
 * @throws Unavailable if they are not that model
 */
export async function modelInFiles(
  id: string,
  files: readonly File[],
  progress: (share: number) => void,
): Promise<CheckedModel | undefined> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > MOST_BYTES) throw new Unavailable(`the files have ${total} bytes, too many for a page`);
  const given = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
  const graph = files.findIndex(({ name }) => name.endsWith('.onnx'));
  if (graph >= 0) return imported(id, given[graph] as Uint8Array);
  const isProgram = (bytes: Uint8Array): boolean =>
    new TextDecoder().decode(bytes.subarray(0, 5)) === PROGRAM;
  if (!given.some(isProgram)) return undefined;
  const blobs = new Map(
    given.map((bytes) => {
      const name = isProgram(bytes)
        ? `program/${id.slice(2)}`
        : `tensor/${hexOf(tensorRoot(bytes)).slice(2)}-${bytes.length}`;
      return [name, bytes] as const;
    }),
  );
  return readModel(id, async (name) => blobs.get(name), progress);
}

async function imported(id: string, bytes: Uint8Array): Promise<CheckedModel> {
  const { importOnnx, ImportError } = await import('../../../onnx/index.ts');
  try {
    const { program, weights } = importOnnx(bytes);
    const model = modelOf(program);
    if (hexOf(model.id) !== id)
      throw new Unavailable(
        `that file, imported without options, is model ${hexOf(model.id)} and not the one that was asked`,
      );
    requireWithin(program);
    return { model, weights, bytes: bytes.length };
  } catch (failure) {
    if (failure instanceof ImportError)
      throw new Unavailable(`that file cannot be imported: ${failure.message}`);
    throw failure;
  }
}
