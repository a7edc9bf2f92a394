import { createHash } from 'node:crypto';
import type { Hex } from '../chain/contracts/types.ts';
import type { RequestRecord } from '../chain/contracts/world.ts';
import type { Report } from '../chain/messages/report.ts';
import type { ReadInput } from '../chain/service/inputs.ts';
import { fileReason, isAboutFiles } from '../files/reason.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { type Model, totalBytes } from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import type { TensorRef } from '../program/interface.ts';
import { tensorName } from './blobs.ts';
import type { FolderBlobs } from './folder.ts';
import { loadTensor } from './library.ts';
import type { Getter } from './remote/getter.ts';
import { downloadTensors } from './remote/tensors.ts';

export interface InputsOptions {
  /** The model of an id, if it is held: it says how long inputs are. */
  readonly model: (modelId: string) => Model | undefined;
  readonly folder: FolderBlobs;
  readonly getter: Getter;
  /** Of IPFS. */
  readonly gateways: readonly string[];
  /** Bytes of one request's input. */
  readonly maxBytes: number;
  /** Bytes of all inputs that are kept. */
  readonly maxTotalBytes: number;
  /** Told why an input cannot be had, once for each attempt. */
  readonly complain: (sentence: string) => void;
}

/** Longest time that a reader is kept waiting; the input arrives in the background then, for whoever asks again, ms. */
const WAIT_MS = 2000;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 600_000;
/** Inputs that the disk does not take, together. */
const MOST_HELD_BYTES = 2 ** 28;
/** Inputs that are on their way at the same time. */
const MAX_ON_THEIR_WAY = 4;
/** Requests that are remembered. */
const REMEMBERED = 10_000;

/** An input that was asked for. */
interface Entry {
  bytes: number;
  names: ReturnType<typeof tensorName>[];
  /** Whether it may be dropped: no open bond depends on it. */
  isReleased: boolean;
  failures: number;
  notBefore: number;
  onItsWay: Promise<Hex | undefined> | undefined;
  /** The bytes, if the disk does not take them. */
  held: Hex | undefined;
}

/**
 * Gets inputs that requests give by root: from the URI of the request, checked against the roots. A URI that ends in `/` is
 * a bundle, which has each tensor by its root; any other one leads to all tensors, one after the other.
 *
 * An input is kept on disk before anybody puts up a bond because of it, so that whoever served it cannot take it away
 * in the middle of a dispute; it goes once nothing depends on it and room is needed.
 */
export class Inputs {
  readonly #options: InputsOptions;
  readonly #entries = new Map<string, Entry>();
  #onTheirWay = 0;
  #keptBytes = 0;
  #heldBytes = 0;

  constructor(options: InputsOptions) {
    this.#options = options;
  }

  readonly read: ReadInput = async (request) => {
    const refs = this.#refs(request);
    if (!refs || request.input.kind !== 'roots') return undefined;
    const entry = this.#entry(request);
    if (entry.held !== undefined) return entry.held;
    const kept = entry.onItsWay ? undefined : await this.#kept(request.input.roots, refs, entry);
    if (kept) return kept;
    if (!entry.onItsWay) {
      if (performance.now() < entry.notBefore || this.#onTheirWay >= MAX_ON_THEIR_WAY) return undefined;
      entry.onItsWay = this.#get(request.input, refs, entry);
    }
    return Promise.race([entry.onItsWay, pause(WAIT_MS)]);
  };

  /** Learns from what a provider or watcher did which inputs are still needed. */
  note(report: Report): void {
    if (report.kind === 'verified') this.#release(report.claim.request, true);
    else if (report.kind === 'finalized') this.#release(report.claim.request, true);
    else if (report.kind === 'challenged') this.#release(report.claim.request, false);
    else if (report.kind === 'claimed') this.#release(report.request, false);
  }

  #release(request: RequestRecord, isReleased: boolean): void {
    if (request.input.kind !== 'roots') return;
    const entry = this.#entry(request);
    entry.isReleased = isReleased;
    if (!isReleased || entry.held === undefined) return;
    this.#heldBytes -= entry.held.length / 2 - 1;
    entry.held = undefined;
  }

  #refs(request: RequestRecord): readonly TensorRef[] | undefined {
    const model = this.#options.model(request.request.modelId);
    return request.input.kind === 'roots' && model?.inputs.length === request.input.roots.length
      ? model.inputs
      : undefined;
  }

  #entry({ input }: RequestRecord): Entry {
    const key = createHash('sha256').update(JSON.stringify(input)).digest('base64');
    const known = this.#entries.get(key);
    if (known) return known;
    const made: Entry = {
      bytes: 0,
      names: [],
      isReleased: false,
      failures: 0,
      notBefore: 0,
      onItsWay: undefined,
      held: undefined,
    };
    this.#entries.set(key, made);
    for (const [oldest, { isReleased, bytes }] of this.#entries) {
      if (this.#entries.size <= REMEMBERED) break;
      if (isReleased && bytes === 0) this.#entries.delete(oldest);
    }
    return made;
  }

  async #kept(roots: readonly Hex[], refs: readonly TensorRef[], entry: Entry): Promise<Hex | undefined> {
    const names = roots.map((root, i) => tensorName(bytesOfHex(root), refs[i]!.byteLength));
    for (const name of names) if ((await this.#options.folder.size(name)) === undefined) return undefined;
    const tensors: Uint8Array[] = [];
    for (const [i, root] of roots.entries()) {
      tensors.push(await loadTensor(this.#options.folder, bytesOfHex(root), refs[i]!.byteLength));
    }
    this.#account(entry, names, refs);
    return hexOf(concat(tensors));
  }

  #account(entry: Entry, names: Entry['names'], refs: readonly TensorRef[]): void {
    if (entry.bytes > 0) return;
    entry.names = names;
    entry.bytes = totalBytes(refs);
    this.#keptBytes += entry.bytes;
  }

  async #get(
    { roots, uri }: { readonly roots: readonly Hex[]; readonly uri: string },
    refs: readonly TensorRef[],
    entry: Entry,
  ): Promise<Hex | undefined> {
    this.#onTheirWay++;
    try {
      const size = totalBytes(refs);
      const { maxBytes, folder } = this.#options;
      if (size > maxBytes) throw new Error(`it has ${size} bytes, and at most ${maxBytes} are allowed`);
      await this.#makeRoom(size);
      const tensors = await downloadTensors({ roots, uri }, refs, this.#options);
      const names = roots.map((root, i) => tensorName(bytesOfHex(root), refs[i]!.byteLength));
      const input = hexOf(concat(tensors));
      try {
        for (const [i, name] of names.entries()) await folder.write(name, tensors[i]!);
        this.#account(entry, names, refs);
      } catch (error) {
        this.#hold(entry, input, size, error);
      }
      entry.failures = 0;
      return input;
    } catch (error) {
      const wait = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** entry.failures++);
      entry.notBefore = performance.now() + wait;
      this.#options.complain(`the input with root ${roots[0] ?? ''}: ${(error as Error).message}`);
      return undefined;
    } finally {
      this.#onTheirWay--;
      entry.onItsWay = undefined;
    }
  }

  /** Keeps an input in memory that the disk does not take. @throws the disk's error if there is no room here either */
  #hold(entry: Entry, input: Hex, size: number, error: unknown): void {
    if (!isAboutFiles(error) || this.#heldBytes + size > MOST_HELD_BYTES) throw error;
    entry.held = input;
    this.#heldBytes += size;
    this.#options.complain(`${fileReason(error)}; an input is kept in memory until the next start`);
  }

  /** @throws Error if what is needed leaves no room */
  async #makeRoom(bytes: number): Promise<void> {
    const { folder, maxTotalBytes } = this.#options;
    // Another request may have the same tensors, and a bond may depend on that one.
    const needed = new Set(
      [...this.#entries.values()].flatMap(({ isReleased, names }) => (isReleased ? [] : names)),
    );
    for (const entry of this.#entries.values()) {
      if (this.#keptBytes + bytes <= maxTotalBytes) return;
      if (!entry.isReleased || entry.bytes === 0) continue;
      for (const name of entry.names) if (!needed.has(name)) await folder.remove(name);
      this.#keptBytes -= entry.bytes;
      entry.bytes = 0;
    }
    if (this.#keptBytes + bytes > maxTotalBytes) {
      throw new Error(`the inputs that are kept have ${this.#keptBytes} bytes, of ${maxTotalBytes} allowed`);
    }
  }
}

const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
