import { larger } from '../chain/bigints.ts';
import type { Hex } from '../chain/contracts/types.ts';
import { type ClaimRecord, type RequestRecord, verdictKey, type World } from '../chain/contracts/world.ts';
import type { Report } from '../chain/messages/report.ts';
import type { ReadInput } from '../chain/service/inputs.ts';
import { fileReason, isAboutFiles } from '../files/reason.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { type Model, totalBytes } from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import type { TensorRef } from '../program/interface.ts';
import { type BlobName, StoreError, tensorName } from './blobs.ts';
import type { FolderBlobs } from './folder.ts';
import { type InputNeed, inputNeeds, type Party } from './inputNeeds.ts';
import { loadTensor } from './library.ts';
import type { Getter } from './remote/getter.ts';
import { downloadTensors } from './remote/tensors.ts';
import { givesWay, nextTurn, type Running } from './turns.ts';

export interface InputsOptions {
  /** The model of an id, if it is held: it says how long inputs are. */
  readonly model: (modelId: string) => Model | undefined;
  /** A folder of its own: what nothing needs is removed from it. */
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
  /** Milliseconds, from any beginning. */
  readonly now?: () => number;
  /** Longest time that a reader is kept waiting; the input arrives in the background then, for whoever asks again, ms. */
  readonly waitMs?: number;
}

const WAIT_MS = 2000;
/** Node's timers take no longer time, ms. */
const MOST_TIMER_MS = 2 ** 31 - 1;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 600_000;
/** Inputs that the disk does not take, together. */
const MOST_HELD_BYTES = 2 ** 28;
/** Inputs that are on their way at the same time. */
const SLOTS = 8;
/** Interval at which those that wait are looked at, ms. */
const LOOK_MS = 1000;

type Rooted = Extract<RequestRecord['input'], { kind: 'roots' }>;

/** An input that was asked for. */
interface Entry {
  readonly key: string;
  readonly input: Rooted;
  readonly refs: readonly TensorRef[];
  need: Omit<InputNeed, 'request'>;
  tries: number;
  notBefore: number;
  /** Why the latest attempt failed. */
  failure: string | undefined;
  askedAt: number;
  /** Settles once the attempt is over that it waits for or that is made. */
  arriving:
    | { readonly done: Promise<Uint8Array | undefined>; readonly settle: (got?: Uint8Array) => void }
    | undefined;
  download: (Omit<Running, keyof InputNeed | 'tries'> & { readonly ending: AbortController }) | undefined;
  /** The bytes, if the disk does not take them. */
  held: Uint8Array | undefined;
}

const UNKNOWN_NEED = { isBonded: false, deadline: Number.POSITIVE_INFINITY, stakeWei: 0n } as const;

/**
 * Gets inputs that requests give by root: from the URI of the request, checked against the roots. A URI that ends in `/` is
 * a bundle, which has each tensor by its root; any other one leads to all tensors, one after the other.
 *
 * An input is kept on disk before anybody puts up a bond because of it, so that whoever served it cannot take it away
 * in the middle of a dispute; it goes once nothing open depends on it and room is needed.
 */
export class Inputs {
  readonly #options: Required<InputsOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<Rooted, string>();
  /** Files of the folder, oldest first, with their bytes. */
  readonly #files = new Map<BlobName, number>();
  /** Claims that were found right. */
  #judged = new Set<string>();
  #needed: ReadonlyMap<string, InputNeed> = new Map();
  #listing: Promise<void> | undefined;
  /** By {@link InputsOptions.now}. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InputsOptions) {
    this.#options = { now: () => performance.now(), waitMs: WAIT_MS, ...options };
  }

  readonly read: ReadInput = async ({ request, input }) => {
    const refs = this.#options.model(request.modelId)?.inputs;
    if (input.kind !== 'roots' || refs?.length !== input.roots.length) return undefined;
    await this.#list();
    const entry = this.#entry(this.#key(request.modelId, input), input, refs);
    entry.askedAt = this.#options.now();
    const kept = entry.held ?? (entry.download ? undefined : await this.#kept(entry));
    if (kept) return hexOf(kept);
    if (!entry.arriving) {
      if (entry.askedAt < entry.notBefore) return undefined;
      entry.arriving = arrival();
      this.#dispatch();
    }
    const bytes = await Promise.race([entry.arriving?.done, pause(this.#options.waitMs)]);
    return bytes && hexOf(bytes);
  };

  /** Why {@link read} has just given nothing; `late`: the input is on its way still. */
  why({ request, input }: RequestRecord): 'late' | { readonly sentence: string } {
    const entry = input.kind === 'roots' ? this.#entries.get(this.#key(request.modelId, input)) : undefined;
    if (entry?.arriving) return 'late';
    return { sentence: entry?.failure ?? 'it is not the number of tensors that the model reads' };
  }

  /** Learns from what a watcher did which claims it reads no more. */
  note(report: Report): void {
    if (report.kind === 'verified') this.judged(report.claim);
  }

  /** Learns that a claim needs no second look. */
  judged(claim: ClaimRecord): void {
    this.#judged.add(verdictKey(claim));
  }

  /**
   * Learns from the chain, in each pass, what is open, and lets go of everything else. The first time it removes what an
   * earlier run has left and nothing needs any more.
   */
  async look(world: World, party: Party): Promise<void> {
    const open = new Set([...world.claims.values()].map(verdictKey));
    this.#judged = new Set([...this.#judged].filter((key) => open.has(key)));
    const needed = new Map<string, InputNeed>();
    for (const need of inputNeeds(world, party, (claim) => this.#judged.has(verdictKey(claim)))) {
      if (need.request.input.kind !== 'roots') continue;
      const key = this.#key(need.request.request.modelId, need.request.input);
      const known = needed.get(key);
      needed.set(key, known ? both(known, need) : need);
    }
    this.#needed = needed;
    for (const [key, entry] of this.#entries) {
      entry.need = needed.get(key) ?? UNKNOWN_NEED;
      if (needed.has(key)) continue;
      entry.download?.ending.abort();
      entry.arriving?.settle();
      this.#entries.delete(key);
    }
    const isFirst = this.#lookedAt === Number.NEGATIVE_INFINITY;
    this.#lookedAt = this.#options.now();
    this.#dispatch();
    if (!isFirst) return;
    await this.#list();
    const roots = this.#neededRoots();
    for (const name of [...this.#files.keys()]) if (!roots.has(rootIn(name))) await this.#remove(name);
  }

  /** Two models may read tensors of one root in other lengths, because zeros at the end change no root. */
  #key(modelId: string, input: Rooted): string {
    const known = this.#keys.get(input) ?? JSON.stringify([modelId, input.roots, input.uri]);
    this.#keys.set(input, known);
    return known;
  }

  #entry(key: string, input: Rooted, refs: readonly TensorRef[]): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const made: Entry = {
      ...{
        key,
        input,
        refs,
        need: this.#needed.get(key) ?? UNKNOWN_NEED,
        tries: 0,
        notBefore: 0,
        failure: undefined,
        askedAt: 0,
      },
      ...{ arriving: undefined, download: undefined, held: undefined },
    };
    this.#entries.set(key, made);
    return made;
  }

  /** Whether something open needs it, or it was asked for since the last look. */
  #isNeeded = (key: string, { askedAt }: Entry): boolean => this.#needed.has(key) || askedAt > this.#lookedAt;

  #neededRoots(): Set<string> {
    const fresh = [...this.#entries].filter(([key, entry]) => this.#isNeeded(key, entry));
    const open = [...this.#needed.values()].map(({ request }) => request.input as Rooted);
    const inputs = [...open, ...fresh.map(([, { input }]) => input)];
    return new Set(inputs.flatMap(({ roots }) => roots.map((root) => root.toLowerCase())));
  }

  /** Learns, once, what is in the folder. */
  #list(): Promise<void> {
    this.#listing ??= this.#options.folder.tensors().then(
      (found) => {
        for (const [name, bytes] of found) this.#files.set(name, bytes);
      },
      () => {
        this.#listing = undefined;
      },
    );
    return this.#listing;
  }

  async #remove(name: BlobName): Promise<void> {
    await this.#options.folder.remove(name);
    this.#files.delete(name);
  }

  async #kept({ input, refs }: Entry): Promise<Uint8Array | undefined> {
    const { folder } = this.#options;
    const names = namesOf(input, refs);
    for (const name of names) if ((await folder.size(name)) === undefined) return undefined;
    try {
      const tensors: Uint8Array[] = [];
      for (const [i, root] of input.roots.entries())
        tensors.push(await loadTensor(folder, bytesOfHex(root), refs[i]!.byteLength));
      return concat(tensors);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      for (const name of names) await this.#remove(name);
      return undefined;
    }
  }

  #dispatch(): void {
    const turns = [...this.#entries.values()].map((entry) => ({ entry, ...entry.need, tries: entry.tries }));
    const waiting = turns.filter(({ entry }) => entry.arriving && !entry.download);
    const running = turns.flatMap((turn) =>
      turn.entry.download ? [{ ...turn, ...turn.entry.download }] : [],
    );
    for (let begun = running.length; ; begun++) {
      const next = nextTurn(waiting, begun, SLOTS);
      if (!next) break;
      waiting.splice(waiting.indexOf(next), 1);
      void this.#get(next.entry);
    }
    givesWay(waiting, running, SLOTS, this.#options.now())?.ending.abort();
    clearTimeout(this.#timer);
    this.#timer = waiting.length > 0 ? setTimeout(() => this.#dispatch(), LOOK_MS).unref() : undefined;
  }

  async #get(entry: Entry): Promise<void> {
    const { input, refs } = entry;
    const { maxBytes, folder, now, complain } = this.#options;
    const ending = new AbortController();
    const download = { startedAtMs: now(), bytes: 0, ending };
    entry.download = download;
    let got: Uint8Array | undefined;
    try {
      const size = totalBytes(refs);
      if (size > maxBytes) throw new Error(`it has ${size} bytes, and at most ${maxBytes} are allowed`);
      await this.#makeRoom();
      const progress = (bytes: number): void => {
        download.bytes += bytes;
      };
      const tensors = await downloadTensors(input, refs, this.#options, { signal: ending.signal, progress });
      got = concat(tensors);
      try {
        for (const [i, name] of namesOf(input, refs).entries()) {
          await folder.write(name, tensors[i]!);
          this.#files.set(name, tensors[i]!.length);
        }
      } catch (error) {
        this.#hold(entry, got, error);
      }
      entry.tries = 0;
    } catch (error) {
      got = undefined;
      entry.notBefore = now() + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** entry.tries++);
      entry.failure = ending.signal.aborted ? 'it is slow, and others wait' : (error as Error).message;
      if (this.#entries.get(entry.key) === entry)
        complain(`the input with root ${input.roots[0] ?? ''}: ${entry.failure}`);
    } finally {
      entry.arriving?.settle(got);
      entry.arriving = undefined;
      entry.download = undefined;
      this.#dispatch();
    }
  }

  /** Keeps an input in memory that the disk does not take. @throws the disk's error if there is no room here either */
  #hold(entry: Entry, bytes: Uint8Array, error: unknown): void {
    const held = [...this.#entries.values()].reduce((sum, one) => sum + (one.held?.length ?? 0), 0);
    if (!isAboutFiles(error) || held + bytes.length > MOST_HELD_BYTES) throw error;
    entry.held = bytes;
    this.#options.complain(`${fileReason(error)}; an input is kept in memory until the next start`);
  }

  /** Removes what nothing needs until there is room for all that is on its way. @throws Error if there is none */
  async #makeRoom(): Promise<void> {
    const { maxTotalBytes } = this.#options;
    const coming = [...this.#entries.values()].filter(({ download }) => download);
    const comingBytes = coming.reduce((sum, { refs }) => sum + totalBytes(refs), 0);
    let kept = [...this.#files.values()].reduce((sum, bytes) => sum + bytes, 0);
    const roots = this.#neededRoots();
    for (const [name, bytes] of [...this.#files]) {
      if (kept + comingBytes <= maxTotalBytes) return;
      // Another request may have the same tensors, and a bond may depend on that one.
      if (roots.has(rootIn(name))) continue;
      await this.#remove(name);
      kept -= bytes;
    }
    if (kept + comingBytes > maxTotalBytes) {
      throw new Error(`the inputs that are kept have ${kept} bytes, of ${maxTotalBytes} allowed`);
    }
  }
}

const namesOf = ({ roots }: Rooted, refs: readonly TensorRef[]): BlobName[] =>
  roots.map((root, i) => tensorName(bytesOfHex(root), refs[i]!.byteLength));

/** The root in the name of a tensor, `0x…`. */
const rootIn = (name: BlobName): Hex => `0x${name.slice('tensor/'.length).split('-')[0]}`;

const both = (a: InputNeed, b: InputNeed): InputNeed => ({
  request: a.request,
  isBonded: a.isBonded || b.isBonded,
  deadline: Math.min(a.deadline, b.deadline),
  stakeWei: larger(a.stakeWei, b.stakeWei),
});

function arrival(): NonNullable<Entry['arriving']> {
  let settle: (got?: Uint8Array) => void = () => undefined;
  const done = new Promise<Uint8Array | undefined>((resolve) => {
    settle = resolve;
  });
  return { done, settle };
}

const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), Math.min(ms, MOST_TIMER_MS)).unref());
