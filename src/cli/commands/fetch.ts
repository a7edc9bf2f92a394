import { InputError } from '../../files/inputError.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { StoreError } from '../../store/blobs.ts';
import { fetchModel, ModelTooLarge } from '../../store/fetchModel.ts';
import { FolderBlobs } from '../../store/folder.ts';
import { readPublication } from '../../store/publications.ts';
import { RemoteError } from '../../store/remote/getter.ts';
import { modelPlaces } from '../../store/remote/locations.ts';
import { RemoteBlobs } from '../../store/remote/remoteBlobs.ts';
import { firstBlockOf, type ReaderOptions, withReader } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { type LimitOptions, limitsOf } from '../models/found.ts';
import { modelsFolder, requireModelId } from '../models/holding.ts';
import { type SourceOptions, sourcesOf } from '../models/sources.ts';
import { parseBlock } from '../services/service.ts';

export interface FetchArguments extends ReaderOptions, SourceOptions, LimitOptions {
  readonly fromBlock?: string;
  readonly json?: boolean;
}

/** Errors that are a sentence about the model or where it should be. */
const SENTENCES = [StoreError, RemoteError, ModelTooLarge];

/** `assay fetch`: gets a published model into the local store, every byte checked, going on where it was interrupted. */
export async function fetch(given: string, options: FetchArguments, console: Console): Promise<void> {
  const modelId = requireModelId(given);
  const { getter, gateways, mirrors } = sourcesOf(options);
  // The user named this model, so a run has no bound unless an option sets one.
  const unbounded = {
    ...{ maxRunBytes: `${2 ** 40}`, maxRunSteps: `${2 ** 52}` },
    ...{ maxModelBytes: `${2 ** 36}`, maxModelNodes: `${2 ** 20}` },
  };
  const limits = limitsOf({ ...unbounded, ...options });
  const asked = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  await withReader(options, console, async (contracts) => {
    const fromBlock = await firstBlockOf(contracts, asked);
    const { published, uris } = await readPublication(contracts, modelId, fromBlock);
    const places = modelPlaces({ mirrors, gateways }, uris, ({ message }) =>
      console.err(`assay: ${message}`),
    );
    if (places.length === 0) {
      throw new InputError(
        `model ${modelId}: its publishers do not say where it can be had; add --mirror URI`,
      );
    }
    const folder = new FolderBlobs(modelsFolder(options));
    const signal =
      options.fetchSeconds === undefined ? undefined : AbortSignal.timeout(1000 * limits.maxFetchSeconds);
    try {
      const fetched = await fetchModel(
        bytesOfHex(modelId),
        places.map((place) => new RemoteBlobs(place, getter, signal && { signal })),
        folder,
        {
          limits,
          published,
          progress: (done, total) =>
            console.progress(
              `fetching, ${Math.floor((100 * done) / Math.max(1, total))} % of ${total} bytes`,
            ),
        },
      );
      console.progress(undefined);
      if (options.json)
        console.out(JSON.stringify({ model: modelId, kind: fetched.kind, folder: folder.place }));
      else if (fetched.kind === 'model')
        console.out(`model ${modelId}: in ${folder.place}, every byte checked`);
      else console.out(`model ${modelId}: malformed: ${fetched.malformed.malformation.violation.message}`);
    } catch (error) {
      if (SENTENCES.some((kind) => error instanceof kind)) throw new InputError((error as Error).message);
      throw error;
    } finally {
      getter.close();
    }
  });
}
