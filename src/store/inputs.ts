import { type ClaimRecord, type RequestRecord, verdictKey, type World } from '../chain/contracts/world.ts';
import type { Report } from '../chain/messages/report.ts';
import type { ReadInput } from '../chain/service/inputs.ts';
import { fileReason, isAboutFiles } from '../files/reason.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { type Model, splitTensors, totalBytes } from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import type { TensorRef } from '../program/interface.ts';
import { type Arrival, arrival, pause } from './arrival.ts';
import { type BlobName, StoreError, tensorName } from './blobs.ts';
import type { FolderBlobs } from './folder.ts';
import { HeldInputs } from './heldInputs.ts';
import { both, type InputNeed, inputNeeds, type Party } from './inputNeeds.ts';
import { backings, filesGivingWay, rootIn } from './inputRoom.ts';
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
  /** Room on disk of all inputs that are kept, bytes. */
  readonly maxTotalBytes: number;
  /** Told why an input cannot be had, once for each attempt. */
  readonly complain: (sentence: string) => void;
  /** Milliseconds, from any beginning. */
  readonly now?: () => number;
  /** Longest time that a reader is kept waiting; the input arrives in the background then, for whoever asks again, ms. */
  readonly waitMs?: number;
}

const WAIT_MS = 2000;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 600_000;
/** Inputs for which the disk has no room, together. */
const MOST_HELD_BYTES = 2 ** 28;
/** Inputs that are on their way at the same time. */
const SLOTS = 8;
/** A bond that is about to be put up keeps an input for so long after it was last told of, ms. */
const BONDING_MS = 3_600_000;
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
  /** Settles once the attempt is over that it waits for or that is made. */
  arriving: Arrival | undefined;
  download: (Omit<Running, keyof InputNeed | 'tries'> & { readonly ending: AbortController }) | undefined;
}

/** Other inputs take all of the room on disk. */
class NoRoom extends Error {}

const UNKNOWN_NEED = { isBonded: false, deadline: Number.POSITIVE_INFINITY, stakeWei: 0n } as const;

/**
 * Gets inputs that requests give by root: from the URI of the request, checked against the roots. A URI that ends in `/` is
 * a bundle, which has each tensor by its root; any other one leads to all tensors, one after the other.
 *
 * An input is kept on disk before anybody puts up a bond because of it, so that whoever served it cannot take it away
 * in the middle of a dispute. Where room is needed, what nothing open depends on goes first, then what has less at stake. For
 * whom there is no room on disk, the bytes are in memory for a while: long enough for a verdict, whatever strangers stake.
 */
export class Inputs {
  readonly #options: Required<InputsOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<Rooted, string>();
  /** Files of the folder, oldest first, with their bytes. */
  readonly #files = new Map<BlobName, number>();
  readonly #held = new HeldInputs<Entry>(MOST_HELD_BYTES);
  /** Claims that were found right, or cannot be disputed here. */
  #judged = new Set<string>();
  #needed = new Map<string, InputNeed>();
  /** Inputs that bonds are about to depend on, and until when. */
  readonly #bonding = new Map<string, number>();
  #listing: Promise<void> | undefined;
  #isSwept = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InputsOptions) {
    this.#options = { now: () => performance.now(), waitMs: WAIT_MS, ...options };
  }

  readonly read: ReadInput = async ({ request, input }) => {
    const refs = this.#options.model(request.modelId)?.inputs;
    if (input.kind !== 'roots' || refs?.length !== input.roots.length) return undefined;
    await this.#list();
    const entry = this.#entry(this.#key(request.modelId, input), input, refs);
    const held = this.#held.get(entry);
    if (held && entry.need.isBonded) await this.#store(entry, splitTensors(refs, held));
    const kept = held ?? (entry.download ? undefined : await this.#kept(entry));
    if (kept) return hexOf(kept);
    if (!entry.arriving) {
      if (this.#options.now() < entry.notBefore) return undefined;
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
    const isRefused = report.kind === 'unverified' && report.missing === 'time';
    if (report.kind === 'verified' || isRefused) this.judged(report.claim);
  }

  /** Keeps an input for a bond that is about to be put up: told again in each pass until the bond shows on chain. */
  pin(asked: RequestRecord): void {
    const { request, input } = asked;
    if (input.kind !== 'roots') return;
    const key = this.#key(request.modelId, input);
    this.#bonding.set(key, this.#options.now() + BONDING_MS);
    const need = { ...(this.#needed.get(key) ?? UNKNOWN_NEED), isBonded: true };
    this.#needed.set(key, { ...need, request: asked });
    const entry = this.#entries.get(key);
    if (entry) entry.need = need;
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
    for (const [key, until] of this.#bonding) if (until < this.#options.now()) this.#bonding.delete(key);
    const isJudged = (claim: ClaimRecord): boolean =>
      this.#judged.has(verdictKey(claim)) && !this.#isBonding(claim.request);
    const needed = new Map<string, InputNeed>();
    for (const found of inputNeeds(world, party, isJudged)) {
      const { input, request } = found.request;
      if (input.kind !== 'roots') continue;
      const need = { ...found, isBonded: found.isBonded || this.#isBonding(found.request) };
      // Without its model an input says nothing about a claim.
      if (!need.isBonded && !this.#options.model(request.modelId)) continue;
      const key = this.#key(request.modelId, input);
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
      this.#held.delete(entry);
    }
    this.#dispatch();
    if (this.#isSwept) return;
    this.#isSwept = true;
    await this.#list();
    const roots = backings(this.#needed.values());
    for (const name of [...this.#files.keys()]) if (!roots.has(rootIn(name))) await this.#remove(name);
  }

  #isBonding = ({ request, input }: RequestRecord): boolean =>
    input.kind === 'roots' && this.#bonding.has(this.#key(request.modelId, input));

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
      },
      ...{ arriving: undefined, download: undefined },
    };
    this.#entries.set(key, made);
    return made;
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
    const { maxBytes, now } = this.#options;
    const ending = new AbortController();
    const download = { startedAtMs: now(), bytes: 0, ending };
    entry.download = download;
    let got: Uint8Array | undefined;
    try {
      const size = totalBytes(refs);
      if (size > maxBytes) throw new Error(`it has ${size} bytes, and at most ${maxBytes} are allowed`);
      const progress = (bytes: number): void => {
        download.bytes += bytes;
      };
      const tensors = await downloadTensors(input, refs, this.#options, { signal: ending.signal, progress });
      got = concat(tensors);
      if (await this.#store(entry, tensors)) entry.tries = 0;
      // Memory may lose it, and then it is not asked for again at once.
      else this.#rest(entry);
    } catch (error) {
      got = undefined;
      this.#rest(entry);
      entry.failure = ending.signal.aborted ? 'it is slow, and others wait' : (error as Error).message;
      if (this.#entries.get(entry.key) === entry)
        this.#options.complain(`the input with root ${input.roots[0] ?? ''}: ${entry.failure}`);
    } finally {
      entry.arriving?.settle(got);
      entry.arriving = undefined;
      entry.download = undefined;
      this.#dispatch();
    }
  }

  #rest(entry: Entry): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** entry.tries++);
    entry.notBefore = this.#options.now() + pauseMs;
  }

  /** Keeps an input on disk, or else in memory. @returns whether it is on disk @throws whatever keeps it from both */
  async #store(entry: Entry, tensors: readonly Uint8Array[]): Promise<boolean> {
    try {
      await this.#write(entry, tensors);
      this.#held.delete(entry);
      return true;
    } catch (error) {
      if (this.#held.get(entry)) return false;
      const isFull = error instanceof NoRoom || isAboutFiles(error);
      if (!isFull || !this.#held.put(entry, concat(tensors))) throw error;
      const why = error instanceof NoRoom ? error.message : fileReason(error);
      this.#options.complain(`${why}; an input is kept in memory for now`);
      return false;
    }
  }

  /** @throws NoRoom, or the disk's error */
  async #write({ input, refs, need }: Entry, tensors: readonly Uint8Array[]): Promise<void> {
    const { folder, maxTotalBytes } = this.#options;
    const names = namesOf(input, refs);
    const files = new Map(names.map((name, i) => [name, tensors[i]!.length]));
    const backed = backings(this.#needed.values());
    const giving = filesGivingWay(this.#files, backed, { ...need, files }, maxTotalBytes);
    if (!giving) throw new NoRoom(`other inputs take all of the ${maxTotalBytes} bytes on disk`);
    // At once, so that nobody else is given the same room.
    for (const name of giving) this.#files.delete(name);
    for (const [name, bytes] of files) this.#files.set(name, bytes);
    try {
      for (const name of giving) await folder.remove(name);
      for (const [i, name] of names.entries()) await folder.write(name, tensors[i]!);
    } catch (error) {
      for (const name of names)
        if ((await folder.size(name).catch(() => undefined)) === undefined) this.#files.delete(name);
      throw error;
    }
  }
}

const namesOf = ({ roots }: Rooted, refs: readonly TensorRef[]): BlobName[] =>
  roots.map((root, i) => tensorName(bytesOfHex(root), refs[i]!.byteLength));
