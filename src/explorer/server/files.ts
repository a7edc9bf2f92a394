import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAboutFiles, isDiskFull, reasonOf } from '../../files/reason.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { LIMITS } from '../../program/limits.ts';
import { type BlobName, StoreError } from '../../store/blobs.ts';
import { textPath, writeText } from '../../store/bundle.ts';
import { fetchModel, type ModelLimits } from '../../store/fetchModel.ts';
import { FolderBlobs } from '../../store/folder.ts';
import type { Publication } from '../../store/publications.ts';
import type { Getter } from '../../store/remote/getter.ts';
import { below, modelPlaces, type Place } from '../../store/remote/locations.ts';
import { RemoteBlobs } from '../../store/remote/remoteBlobs.ts';
import { parseDescription } from '../../text/description.ts';
import type { FilesJson } from '../api.ts';
import type { KeptModel, KeptModels } from './keptModels.ts';

export interface FilesOptions {
  /** Models that are fetched for visitors. */
  readonly kept: KeptModels;
  /** Bundles and other folders of models, from which nothing is removed. */
  readonly others: readonly string[];
  readonly getter: Getter;
  readonly gateways: readonly string[];
  readonly mirrors: readonly string[];
  /** Of one model; `maxFetchSeconds` for getting it. */
  readonly limits: ModelLimits & { readonly maxFetchSeconds: number };
}

/** Models that are fetched at once. */
const MOST_AT_ONCE = 2;
/** Most bytes of a description of tokens; the largest tokenizers today take 35 million. */
export const MOST_TEXT_BYTES = 2 ** 26;
const TEXT_SECONDS = 120;
/** Models whose outcome is remembered. */
const MOST_REMEMBERED = 1000;

/** Program and weights of models for pages, which check every byte themselves. */
export class ModelFiles {
  readonly #options: FilesOptions;
  readonly #others: readonly FolderBlobs[];
  readonly #states = new Map<string, FilesJson>();
  #fetching = 0;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#others = options.others.map((folder) => new FolderBlobs(folder));
  }

  /** @returns undefined if no folder has it */
  async read(name: BlobName): Promise<Uint8Array | undefined> {
    const { kept } = this.#options;
    const model = kept.with(name);
    if (model) kept.asked(model);
    for (const folder of model ? [model.blobs, ...this.#others] : this.#others) {
      const bytes = await folder.read(name, LIMITS.MAX_TENSOR_BYTES).catch((failure: unknown) => {
        if (failure instanceof StoreError) return undefined;
        throw failure;
      });
      if (bytes) return bytes;
    }
    return undefined;
  }

  /** Folders that may have files of a model. */
  #folders(modelId: string): readonly FolderBlobs[] {
    const model = this.#options.kept.get(modelId);
    return model ? [model.blobs, ...this.#others] : this.#others;
  }

  /** @param modelId 0x and 64 digits */
  async hasText(modelId: string): Promise<boolean> {
    const paths = this.#folders(modelId).map(({ place }) => join(place, textPath(modelId)));
    return (await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))).some(Boolean);
  }

  /** Description of a model's tokens; undefined if no folder has it. @param modelId 0x and 64 digits */
  async text(modelId: string): Promise<Uint8Array | undefined> {
    for (const { place } of this.#folders(modelId)) {
      const path = join(place, textPath(modelId));
      const size = (await stat(path).catch(() => undefined))?.size ?? MOST_TEXT_BYTES + 1;
      if (size <= MOST_TEXT_BYTES) return new Uint8Array(await readFile(path));
    }
    return undefined;
  }

  /** @param modelId 0x and 64 digits */
  async state(modelId: string): Promise<FilesJson> {
    const known = this.#states.get(modelId);
    if (known?.state === 'fetching') return known;
    if (await this.#has(modelId)) return { state: 'here', why: null };
    return known ?? { state: 'not here', why: null };
  }

  async #has(modelId: string): Promise<boolean> {
    const name: BlobName = `program/${modelId.slice(2)}`;
    for (const folder of this.#folders(modelId)) if ((await folder.size(name)) !== undefined) return true;
    return false;
  }

  /** Begins to fetch a model from where its publishers say that it is, unless it is here or on its way. */
  async fetch(modelId: string, publication: () => Promise<Publication>): Promise<FilesJson> {
    const now = await this.state(modelId);
    const model = this.#options.kept.get(modelId);
    if (now.state === 'here' && model) this.#options.kept.asked(model);
    if (now.state === 'here' || now.state === 'fetching') return now;
    const begun = this.#states.get(modelId);
    if (begun?.state === 'fetching') return begun;
    if (this.#fetching >= MOST_AT_ONCE)
      return { state: 'not here', why: 'other models are being fetched; try again in a while' };
    const state: FilesJson = { state: 'fetching', why: null };
    this.#remember(modelId, state);
    this.#fetching++;
    void this.#get(modelId, publication)
      .then(
        () => this.#states.delete(modelId),
        (failure: unknown) => this.#remember(modelId, { state: 'failed', why: sentenceOf(failure) }),
      )
      .finally(() => this.#fetching--);
    return state;
  }

  #remember(modelId: string, state: FilesJson): void {
    this.#states.delete(modelId);
    if (this.#states.size >= MOST_REMEMBERED) {
      const done = [...this.#states].find(([, one]) => one.state !== 'fetching');
      if (done) this.#states.delete(done[0]);
    }
    this.#states.set(modelId, state);
  }

  /** @throws Error whose message says why it cannot be had */
  async #get(modelId: string, publication: () => Promise<Publication>): Promise<void> {
    const { kept } = this.#options;
    const model = kept.begin(modelId);
    try {
      await this.#download(model, await publication());
      await kept.end(model);
    } catch (failure) {
      await kept.end(model);
      if (isDiskFull(failure)) await kept.freeDisk();
      throw failure;
    }
  }

  async #download(model: KeptModel, { published, uris }: Publication): Promise<void> {
    const { kept, getter, gateways, mirrors, limits } = this.#options;
    const places = modelPlaces({ mirrors, gateways }, uris);
    if (places.length === 0) throw new Error('its publishers do not say where it can be had');
    // RULE: each download ends, because it keeps its room until then.
    const signal = AbortSignal.timeout(1000 * limits.maxFetchSeconds);
    const sources = places.map((place) => new RemoteBlobs(place, getter, { signal }));
    const reserve = (bytes: number): Promise<void> => kept.setAside(model, bytes);
    await fetchModel(bytesOfHex(model.modelId), sources, model.blobs, { limits, published, reserve });
    if ((published?.answers.length ?? 0) > 0) await this.#getText(model, places, signal);
  }

  /** Gets what the tokens of a model mean, where one of its bundles says it. */
  async #getText(model: KeptModel, places: readonly Place[], signal: AbortSignal): Promise<void> {
    const { kept, getter } = this.#options;
    const { modelId, blobs } = model;
    const reserve = (bytes: number): Promise<void> => kept.setAside(model, model.bytes + bytes);
    for (const { url, isOwn } of places) {
      const options = { maxBytes: MOST_TEXT_BYTES, seconds: TEXT_SECONDS, isOwn, signal };
      const bytes = await getter.read(below(url, textPath(modelId)), options).catch(() => undefined);
      if (!bytes) continue;
      try {
        const description = parseDescription(new TextDecoder().decode(bytes));
        await writeText(blobs.place, modelId, description, reserve);
        return;
      } catch (failure) {
        if (!(failure instanceof RangeError)) throw failure;
      }
    }
  }
}

/** In words, without paths of this machine. */
const sentenceOf = (failure: unknown): string =>
  isAboutFiles(failure) ? `files of this server: ${reasonOf(failure)}` : (failure as Error).message;
