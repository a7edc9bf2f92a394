import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type World, windowEnd } from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import type { Report } from '../chain/messages/report.ts';
import { fileReason, isAboutFiles, isDiskFull } from '../files/reason.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { StoreError } from '../store/blobs.ts';
import { bytesIn, type Fetched, fetchModel, type ModelLimits, ModelTooLarge } from '../store/fetchModel.ts';
import { FolderBlobs } from '../store/folder.ts';
import type { Publication } from '../store/publications.ts';
import type { Getter } from '../store/remote/getter.ts';
import { givesWay, nextTurn } from '../store/turns.ts';
import { foundSources } from './foundSources.ts';
import { modelNeeds } from './modelNeeds.ts';
import { aborted, givingWay, type RoomLimits } from './room.ts';
import type { WorkRunner } from './runner.ts';
import {
  byStake,
  type FoundNews,
  LONGEST_PAUSE_SECONDS,
  NEW_WISH,
  namesIn,
  pauseAfter,
  savedWish,
  saveWish,
  turnOf,
  type Wish,
  type WishDownload,
} from './wishes.ts';

/** Bounds on all models that strangers name, together. */
export interface FoundLimits extends ModelLimits, RoomLimits {
  /** Seconds for getting one. */
  readonly maxFetchSeconds: number;
  /** Seconds of one run. */
  readonly maxRunSeconds: number;
}

export interface FoundOptions {
  readonly runner: Pick<WorkRunner, 'put' | 'putMalformed' | 'drop' | 'model' | 'malformed'>;
  /** A folder of its own. */
  readonly folder: string;
  readonly getter: Getter;
  /** Of IPFS. */
  readonly gateways: readonly string[];
  /** Bundles that are asked before those that publishers name. */
  readonly mirrors: readonly string[];
  readonly limits: FoundLimits;
  readonly publication: (modelId: string) => Promise<Publication>;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly tell: (news: FoundNews) => void;
}

/** All models that strangers brought have one share of the time together. */
export const FOUND_SHARE = 'found';

/** Models that are fetched at the same time. */
const SLOTS = 3;
const LOOK_MS = 500;
/** Models that are wanted and not held; of more, those with less at stake are forgotten. */
const MAX_WANTED = 1000;
/** A restart takes up a dispute that lasts as long as both clocks, and a little for transactions. */
const MARGIN_SECONDS = 3600;

/**
 * Holds the models that claims name: gets each from where its publishers say, within limits, for as long as a claim on it
 * may be challenged or is disputed. Where there is no room for all, those with more at stake go first. A model that
 * cannot be had is tried again, less and less often, while a window runs; nothing is said about claims on it meanwhile.
 */
export class FoundModels {
  readonly #options: FoundOptions;
  readonly #wishes = new Map<string, Wish>();
  #looking: NodeJS.Timeout | undefined;
  readonly #ending = new AbortController();

  constructor(options: FoundOptions) {
    this.#options = options;
  }

  /** Takes up the models that are there from before, and begins to look for others. */
  async start(): Promise<void> {
    const { folder } = this.#options;
    for (const name of await namesIn(folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const modelId = `0x${name}`;
      const wish = await savedWish(folder, modelId);
      if (!wish || wish.until < this.#options.clock()) {
        await this.#remove(modelId).catch(() => undefined);
        continue;
      }
      wish.bytes = await this.#room(modelId, 0);
      this.#wishes.set(modelId, wish);
      const fetched = await this.#onDisk(modelId).catch(() => undefined);
      if (fetched) this.#hold(wish, fetched);
    }
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /**
   * A model that is there from before.
   *
   * RULE: from the folder alone, and before anything is asked. A dispute may wait for it, and strangers write what the
   * registry has of it: that is needed only to prove a program malformed.
   *
   * @throws whatever keeps it from being used
   */
  async #onDisk(modelId: string): Promise<Fetched> {
    const [id, blobs, { limits }] = [bytesOfHex(modelId), this.#blobs(modelId), this.#options];
    try {
      return await fetchModel(id, [], blobs, { limits });
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault === 'missing') throw error;
      const { published } = await this.#options.publication(modelId);
      return fetchModel(id, [], blobs, { limits, published });
    }
  }

  end(): void {
    clearInterval(this.#looking);
    this.#ending.abort();
  }

  /** Models that are on their way, or wait for their first turn. */
  get coming(): number {
    return this.#in('fetching').length + this.#in('wanted').filter(({ tries }) => tries === 0).length;
  }

  /** Learns from what a watcher found or did which models are needed, and for how long. */
  note(report: Report): void {
    if (report.kind === 'unverified' && report.missing === 'model') {
      const { modelId, terms } = report.claim.request.request;
      this.want(modelId, Number(windowEnd(report.claim)), terms.claimBondWei);
    } else if (report.kind === 'challenged' || report.kind === 'moved') {
      const { request } = report.kind === 'moved' ? report.dispute.claim : report.claim;
      const { terms, modelId } = request.request;
      const wish = this.#wishes.get(modelId);
      if (!wish) return;
      wish.isPinned = true;
      if (report.kind === 'challenged') wish.challengedAt = report.receipt.blockNumber;
      this.want(modelId, this.#disputedUntil(Number(terms.clockSeconds)), terms.claimBondWei);
    }
  }

  /** Pins a model, if it is one of these, for the bond that is about to be put up: told again in each pass until it shows. */
  pin(modelId: string): void {
    const wish = this.#wishes.get(modelId);
    if (!wish) return;
    wish.bondUntil = this.#options.clock() + MARGIN_SECONDS;
    wish.isPinned = true;
  }

  #disputedUntil = (clockSeconds: number): number =>
    this.#options.clock() + 2 * clockSeconds + MARGIN_SECONDS;

  /**
   * Learns from the chain, in each pass, what is open: a model is needed while the window of a claim on it runs, and pinned
   * while an own dispute on it is open, however long clocks may be.
   *
   * @param account of the challenger; undefined for one who only looks
   */
  look(world: World, account: string | undefined): void {
    const needs = modelNeeds(world, account);
    const { runner } = this.#options;
    for (const [modelId, { clockSeconds, stakeWei }] of needs) {
      if (clockSeconds === 0 || runner.model(modelId) || runner.malformed(modelId)) continue;
      this.want(modelId, this.#disputedUntil(clockSeconds), stakeWei);
    }
    for (const wish of this.#wishes.values()) {
      const need = needs.get(wish.modelId);
      const isBonding = wish.challengedAt > world.block.number || wish.bondUntil >= this.#options.clock();
      wish.isPinned = (need?.clockSeconds ?? 0) > 0 || isBonding;
      wish.until = need?.until ?? 0;
      wish.stakeWei = need?.stakeWei ?? 0n;
      if (wish.isPinned) wish.until = Math.max(wish.until, this.#disputedUntil(need?.clockSeconds ?? 0));
      if (wish.until === 0) wish.download?.ending.abort(new Error('nothing needs it any more'));
      if (wish.state === 'held') void saveWish(this.#options.folder, wish);
    }
  }

  /** @param until Unix seconds */
  want(modelId: string, until: number, stakeWei: bigint): void {
    const wish = this.#wishes.get(modelId);
    if (wish) {
      wish.until = Math.max(wish.until, until);
      if (stakeWei > wish.stakeWei) wish.stakeWei = stakeWei;
    } else {
      this.#wishes.set(modelId, {
        ...{ modelId, until, stakeWei, state: 'wanted' },
        ...NEW_WISH,
      });
    }
    if (wish?.state === 'held') void saveWish(this.#options.folder, wish);
    this.#look();
  }

  #blobs = (modelId: string): FolderBlobs => new FolderBlobs(join(this.#options.folder, modelId.slice(2)));

  #in(state: Wish['state']): Wish[] {
    return [...this.#wishes.values()].filter((wish) => wish.state === state);
  }

  #look(): void {
    const now = this.#options.clock();
    for (const [i, { modelId, until, isPinned }] of this.#in('wanted').sort(byStake).entries()) {
      if (isPinned || (until >= now && i < MAX_WANTED)) continue;
      this.#wishes.delete(modelId);
      // Parts of it may be there.
      void this.#remove(modelId).catch(() => undefined);
    }
    if (this.#ending.signal.aborted) return;
    const turns = this.#in('wanted').map((wish) => ({ wish, ...turnOf(wish) }));
    const waiting = turns.filter(({ wish }) => wish.notBefore <= now);
    const running = this.#in('fetching').map((wish) => ({ ...turnOf(wish), ...wish.download! }));
    for (let begun = running.length; ; begun++) {
      const next = nextTurn(waiting, begun, SLOTS);
      if (!next) break;
      waiting.splice(waiting.indexOf(next), 1);
      this.#begin(next.wish);
    }
    // It goes on later from where it was.
    givesWay(waiting, running, SLOTS, performance.now())?.ending.abort(
      new Error('it is slow, and others wait'),
    );
  }

  #begin(wish: Wish): void {
    const download: WishDownload = {
      ...{ startedAtMs: performance.now(), bytes: 0, ending: new AbortController() },
      done: Promise.resolve(),
    };
    Object.assign(wish, { state: 'fetching', download });
    download.done = this.#get(wish, download);
  }

  async #get(wish: Wish, download: WishDownload): Promise<void> {
    const { modelId } = wish;
    const { tell, publication, limits, clock } = this.#options;
    if (wish.tries === 0) tell({ kind: 'fetching', modelId });
    try {
      // What is on disk, or in a mirror, needs no publication.
      const asked = await publication(modelId).catch((failure: unknown) => ({ failure }));
      const found = 'failure' in asked ? { uris: [], published: undefined } : asked;
      const signal = AbortSignal.any([
        ...[this.#ending.signal, download.ending.signal],
        AbortSignal.timeout(1000 * limits.maxFetchSeconds),
      ]);
      const { sources, noPlace } = foundSources(found.uris, this.#options, signal, (bytes) => {
        download.bytes += bytes;
      });
      const fetched = await fetchModel(bytesOfHex(modelId), sources, this.#blobs(modelId), {
        ...{ limits, published: found.published },
        reserve: (bytes) => this.#makeRoom(wish, bytes, signal),
      }).catch((failure: unknown) => {
        if ('failure' in asked) throw asked.failure;
        // That the own folder lacks the model says nothing.
        throw noPlace && isMissing(failure) ? noPlace : failure;
      });
      this.#hold(wish, fetched);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const pause = pauseAfter(wish.tries++);
      // A model that is too large stays so; there may be room for it another time.
      if (error instanceof ModelTooLarge) await this.#remove(modelId).catch(() => undefined);
      const bytes = await this.#room(modelId, wish.bytes);
      Object.assign(wish, { state: 'wanted', bytes, hasRoom: false });
      if (isDiskFull(error)) await this.#freeDisk();
      const retrySeconds = error instanceof ModelTooLarge ? LONGEST_PAUSE_SECONDS : pause;
      wish.notBefore = clock() + retrySeconds;
      const why = download.ending.signal.aborted ? download.ending.signal.reason : error;
      const sentence = isAboutFiles(error) ? fileReason(error) : explain(why);
      tell({ kind: 'failed', modelId, sentence, retrySeconds });
    } finally {
      wish.download = undefined;
    }
  }

  #hold(wish: Wish, fetched: Fetched): void {
    const { runner, limits, tell } = this.#options;
    const { modelId } = wish;
    Object.assign(wish, { state: 'held', hasRoom: true });
    void saveWish(this.#options.folder, wish);
    if (fetched.kind === 'malformed') {
      runner.putMalformed(modelId, fetched.malformed);
      tell({ kind: 'malformed', modelId, rule: fetched.malformed.malformation.violation.message });
      return;
    }
    runner.put(fetched.held, { isValid: true, share: FOUND_SHARE, maxRunSeconds: limits.maxRunSeconds });
    tell({ kind: 'held', modelId, bytes: bytesIn(fetched) });
  }

  /**
   * Sets room aside for a model, before a byte of it is written. Others give way: see {@link givingWay}.
   *
   * @throws ModelTooLarge if there is none
   */
  async #makeRoom(wish: Wish, needed: number, signal: AbortSignal): Promise<void> {
    const { limits, clock } = this.#options;
    // More may lie there, left by a process that was killed.
    const bytes = Math.max(needed, wish.bytes);
    const giving = givingWay(this.#wishes.values(), wish, bytes, limits, clock());
    if (!giving)
      throw new ModelTooLarge(`model ${wish.modelId}: models with as much at stake take all of the room`);
    // At once, so that nobody else is given the same room.
    Object.assign(wish, { bytes, hasRoom: true });
    const removals = giving.map(async (one) => {
      one.download?.ending.abort(new Error('others with more at stake need its room'));
      await one.download?.done;
      if (!one.isPinned) await this.#giveUp(one);
    });
    await Promise.race([Promise.all(removals), aborted(signal)]);
    signal.throwIfAborted();
  }

  /** Removes all that is on disk of a model that is not on its way; it is tried again later if somebody needs it. */
  async #giveUp(wish: Wish): Promise<void> {
    const { modelId, state } = wish;
    if (state === 'held') this.#options.runner.drop(modelId);
    if (wish.until < this.#options.clock()) this.#wishes.delete(modelId);
    // RULE: each download counts, also one that ended well, so that nothing is fetched again and again without a pause.
    if (state === 'held') wish.notBefore = this.#options.clock() + pauseAfter(wish.tries++);
    Object.assign(wish, { state: 'wanted', bytes: 0, hasRoom: false, saved: undefined });
    await this.#remove(modelId);
  }

  /** Removes what failed tries have left and what nobody needs, because the disk is full: others write to it too. */
  async #freeDisk(): Promise<void> {
    const now = this.#options.clock();
    const idle = [...this.#wishes.values()].filter(
      ({ state, isPinned, until }) => !isPinned && (state === 'wanted' || (state === 'held' && until < now)),
    );
    for (const wish of idle) await this.#giveUp(wish).catch(() => undefined);
  }

  /** @param otherwise bytes, if the folder cannot be read */
  #room = (modelId: string, otherwise: number): Promise<number> =>
    this.#blobs(modelId)
      .room()
      .catch(() => otherwise);

  #remove = (modelId: string): Promise<void> =>
    rm(join(this.#options.folder, modelId.slice(2)), { recursive: true, force: true });
}

const isMissing = (failure: unknown): boolean => failure instanceof StoreError && failure.fault === 'missing';
