import { join } from 'node:path';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import { InputError } from '../../files/inputError.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import type { Log } from '../../operator/log.ts';
import { StoreError } from '../../store/blobs.ts';
import { FolderBlobs } from '../../store/folder.ts';
import { type HeldModel, loadModel as loadHeld } from '../../store/library.ts';
import type { Console } from '../console.ts';
import type { LoadedText } from '../text/loadText.ts';
import { type ImportArguments, loadModel } from './loadModel.ts';
import { dataFolder, type SourceOptions } from './sources.ts';

const MODEL_ID = /^0x[0-9a-f]{64}$/;

/** The folder of the models that were fetched by name. */
export const modelsFolder = (options: SourceOptions): string => join(dataFolder(options), 'models');

/** @throws InputError for what is no id of a model */
export function requireModelId(text: string): string {
  if (MODEL_ID.test(text)) return text;
  throw new InputError(`${text}: write the id of a model, 0x and 64 hexadecimal digits in lower case`, 2);
}

/**
 * A model from an ONNX file, or by its id from the local store.
 *
 * @param otherwise what to do where a model that is named by its id cannot be fetched
 * @throws InputError if there is none, or it cannot be used
 */
export async function loadAny(
  given: string,
  options: ImportArguments & SourceOptions,
  console: Console,
  otherwise = "name the model's file in place of its id",
): Promise<HeldModel & { readonly file: string; readonly text?: LoadedText }> {
  if (!MODEL_ID.test(given)) return loadModel(given, options, console);
  try {
    return {
      ...(await loadHeld(new FolderBlobs(modelsFolder(options)), bytesOfHex(given))),
      file: 'fetched',
    };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new InputError(`${error.message}; run \`assay fetch ${given}\` first, or ${otherwise}`);
  }
}

/**
 * Loads the models that are named, says which they are, and has them held.
 *
 * @returns those that write text, by their ids
 */
export async function holdNamed(
  named: readonly string[],
  options: ImportArguments & SourceOptions,
  hold: (model: HeldModel) => string,
  { registry }: Contracts,
  console: Console,
  log: Log,
): Promise<ReadonlyMap<string, LoadedText>> {
  const texts = new Map<string, LoadedText>();
  for (const given of named) {
    const loaded = await loadAny(given, options, console);
    const { file } = loaded;
    const id = hold(loaded);
    if (loaded.text) texts.set(id, loaded.text);
    console.progress(undefined);
    log.info(`model ${id}: ${file}`, { model: id });
    if (!(await registry.isPublished(id))) {
      log.warn(`${file}: model ${id} is not published here, so nobody can ask for it yet`, { model: id });
    }
  }
  return texts;
}
