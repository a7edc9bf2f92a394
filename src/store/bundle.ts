import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/makeFolder.ts';
import { hexOf } from '../merkle/keccak.ts';
import type { TensorRef } from '../program/interface.ts';
import type { TextDescription } from '../text/description.ts';
import { programName } from './blobs.ts';
import { tensorsIn } from './fetchModel.ts';
import { FolderBlobs, roomOf } from './folder.ts';
import { type HeldModel, saveModel } from './library.ts';
import { encodeProgram } from './programFile.ts';

/**
 * Describes a model's bundle, for people, mirrors and pinning services. It is not trusted: the fetching side
 * relies on the program, which the id commits to.
 */
export interface Manifest {
  readonly version: 1;
  readonly model: string;
  /** Name of the file from which it was compiled. */
  readonly file: string;
  /** Bytes of all blobs together. */
  readonly bytes: number;
  readonly program: {
    readonly path: string;
    readonly root: string;
    readonly nodes: number;
    readonly bytes: number;
  };
  readonly tensors: readonly { readonly path: string; readonly root: string; readonly bytes: number }[];
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  readonly answers: readonly TensorRef[];
}

/** Path of the description of a model's tokens in a bundle. @param modelId `0x…` */
export const textPath = (modelId: string): string => `text/${modelId.slice(2)}.json`;

/** Where the manifest of a model lies in a bundle. @param modelId `0x…` */
export const manifestPath = (modelId: string): string => `manifest/${modelId.slice(2)}.json`;

export function manifestOf({ model }: Pick<HeldModel, 'model'>, file: string): Manifest {
  const program = {
    path: programName(model.id),
    root: hexOf(model.tree.root),
    nodes: model.program.nodes.length,
    bytes: encodeProgram(model.program).length,
  };
  const tensors = [...tensorsIn(model.program)].map(([path, { root, bytes }]) => ({
    path,
    root: hexOf(root),
    bytes,
  }));
  const { inputs, outputs, answers } = model;
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, program.bytes);
  return { version: 1, model: hexOf(model.id), file, bytes, program, tensors, inputs, outputs, answers };
}

/**
 * Writes a model as files that can be served or pinned as they are: its program, its weights, and the manifest last. A
 * folder may hold any number of models; equal weights lie there once.
 *
 * @param file name of the file from which it was compiled
 */
export async function writeBundle(folder: string, held: HeldModel, file: string): Promise<Manifest> {
  await saveModel(new FolderBlobs(folder), held);
  const manifest = manifestOf(held, file);
  makeFolder(join(folder, 'manifest'));
  await writeWhole(join(folder, manifestPath(manifest.model)), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

/**
 * Writes what the tokens of a model mean into a bundle, or another folder with the model's files.
 *
 * @param reserve sets room aside before anything is written, bytes on disk
 */
export async function writeText(
  folder: string,
  modelId: string,
  description: TextDescription,
  reserve?: (bytes: number) => Promise<void>,
): Promise<void> {
  const text = JSON.stringify(description);
  await reserve?.(roomOf(Buffer.byteLength(text)));
  makeFolder(join(folder, 'text'));
  await writeWhole(join(folder, textPath(modelId)), text);
}

/** Writes a file that nobody sees half of. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Ids of the models that a bundle has manifests of. */
export async function modelsIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'manifest'));
  return names
    .flatMap((name) => (/^[0-9a-f]{64}\.json$/.test(name) ? [`0x${name.slice(0, 64)}`] : []))
    .sort();
}

/** @throws Error if there is none, or it is no JSON */
export const readManifest = async (folder: string, modelId: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, manifestPath(modelId)), 'utf8')) as Manifest;
