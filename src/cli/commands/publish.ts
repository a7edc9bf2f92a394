import { publish as publishModel } from '../../client/client.ts';
import { InputError } from '../../files/inputError.ts';
import { reasonOf } from '../../files/reason.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { writeBundle, writeText } from '../../store/bundle.ts';
import { describeText } from '../../text/description.ts';
import { formatOf } from '../../text/prompt.ts';
import { type OracleOptions, requireEther, withContracts } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { type ImportArguments, type LoadedModel, loadModel } from '../models/loadModel.ts';
import { requireFollowed } from '../models/sources.ts';
import { inTurn, type TurnOptions } from '../services/turn.ts';
import { tryCausality } from '../text/loadText.ts';

export interface PublishOptions extends OracleOptions, ImportArguments, TurnOptions {
  readonly uri: string;
  /** Folder to write the model into, for whoever serves it. */
  readonly bundle?: string;
  readonly json?: boolean;
}

/** `assay publish`: commits to a model in the oracle's registry, so that it can be asked for. */
export async function publish(path: string, options: PublishOptions, console: Console): Promise<void> {
  requireFollowed('--uri', options.uri);
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    const loaded = await loadModel(path, options, console);
    const { model, file } = loaded;
    if (loaded.text) await tryCausality(path, loaded.text, { always: true, console });
    if (options.bundle !== undefined) {
      console.progress(`writing ${options.bundle}`);
      await about(options.bundle, writeBundle(options.bundle, loaded, file));
      await describe(options.bundle, loaded, console);
    }
    console.progress('publishing');
    const id = await inTurn(options, account, console, () => publishModel(contracts, model, options.uri));
    console.progress(undefined);
    if (options.json) {
      const registry = await contracts.registry.getAddress();
      const { bundle = null, uri } = options;
      console.out(JSON.stringify({ model: id, file, uri, registry, bundle }));
      return;
    }
    console.out(`model ${id}`);
    if (options.bundle !== undefined) console.out(`bundle ${options.bundle}; \`assay serve\` serves it`);
  });
}

/** Writes what the tokens of a text model mean, as far as that is known, for the page on which people ask it. */
async function describe(folder: string, { text, model }: LoadedModel, console: Console): Promise<void> {
  if (!text) return;
  let json: object;
  try {
    json = text.tokenizer().json;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.err(`assay: note: ${error.message}; without it the bundle does not say what the tokens mean`);
    return;
  }
  await about(folder, writeText(folder, hexOf(model.id), describeText(formatOf(text.model), json)));
}

/** @throws InputError in place of errors about the folder */
async function about<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new InputError(`${folder}: ${reasonOf(error)}`);
  }
}
