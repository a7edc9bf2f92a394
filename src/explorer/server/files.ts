import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
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

export interface FilesOptions {
  /** Where fetched models are kept; the first of the folders in which files are looked for. */
  readonly folder: string;
  /** Bundles and other folders of models. */
  readonly others: readonly string[];
  readonly getter: Getter;
  readonly gateways: readonly string[];
  readonly mirrors: readonly string[];
  readonly limits: ModelLimits;
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
  readonly #places: readonly string[];
  readonly #folders: readonly FolderBlobs[];
  readonly #states = new Map<string, FilesJson>();
  #fetching = 0;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#places = [options.folder, ...options.others];
    this.#folders = this.#places.map((folder) => new FolderBlobs(folder));
  }

  /** @returns undefined if no folder has it */
  async read(name: BlobName): Promise<Uint8Array | undefined> {
    for (const folder of this.#folders) {
      const bytes = await folder.read(name, LIMITS.MAX_TENSOR_BYTES).catch((failure: unknown) => {
        if (failure instanceof StoreError) return undefined;
        throw failure;
      });
      if (bytes) return bytes;
    }
    return undefined;
  }

  /** @param modelId 0x and 64 digits */
  async hasText(modelId: string): Promise<boolean> {
    const paths = this.#places.map((folder) => join(folder, textPath(modelId)));
    return (await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))).some(Boolean);
  }

  /** Description of a model's tokens; undefined if no folder has it. @param modelId 0x and 64 digits */
  async text(modelId: string): Promise<Uint8Array | undefined> {
    for (const folder of this.#places) {
      const path = join(folder, textPath(modelId));
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
    for (const folder of this.#folders) if ((await folder.size(name)) !== undefined) return true;
    return false;
  }

  /** Begins to fetch a model from where its publishers say that it is, unless it is here or on its way. */
  async fetch(modelId: string, publication: () => Promise<Publication>): Promise<FilesJson> {
    const now = await this.state(modelId);
    if (now.state === 'here' || now.state === 'fetching') return now;
    if (this.#fetching >= MOST_AT_ONCE)
      return { state: 'not here', why: 'other models are being fetched; try again in a while' };
    const state: FilesJson = { state: 'fetching', why: null };
    this.#remember(modelId, state);
    this.#fetching++;
    void this.#get(modelId, publication)
      .then(
        () => this.#states.delete(modelId),
        (failure: unknown) => this.#remember(modelId, { state: 'failed', why: (failure as Error).message }),
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
    const { folder, getter, gateways, mirrors, limits } = this.#options;
    const { published, uris } = await publication();
    const places = modelPlaces({ mirrors, gateways }, uris);
    if (places.length === 0) throw new Error('its publishers do not say where it can be had');
    const sources = places.map((place) => new RemoteBlobs(place, getter));
    await fetchModel(bytesOfHex(modelId), sources, new FolderBlobs(folder), { limits, published });
    if ((published?.answers.length ?? 0) > 0) await this.#getText(modelId, places);
  }

  /** Gets what the tokens of a model mean, where one of its bundles says it. */
  async #getText(modelId: string, places: readonly Place[]): Promise<void> {
    const { folder, getter } = this.#options;
    for (const { url, isOwn } of places) {
      const options = { maxBytes: MOST_TEXT_BYTES, seconds: TEXT_SECONDS, isOwn };
      const bytes = await getter.read(below(url, textPath(modelId)), options).catch(() => undefined);
      if (!bytes) continue;
      try {
        await writeText(folder, modelId, parseDescription(new TextDecoder().decode(bytes)));
        return;
      } catch (failure) {
        if (!(failure instanceof RangeError)) throw failure;
      }
    }
  }
}
