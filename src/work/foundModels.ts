import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type World, windowEnd } from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import type { Report } from '../chain/messages/report.ts';
import { fileReason, isAboutFiles } from '../files/reason.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { StoreError } from '../store/blobs.ts';
import { type Fetched, fetchModel, type ModelLimits, ModelTooLarge, tensorsIn } from '../store/fetchModel.ts';
import { FolderBlobs } from '../store/folder.ts';
import type { Publication } from '../store/publications.ts';
import type { Getter } from '../store/remote/getter.ts';
import { modelPlaces } from '../store/remote/locations.ts';
import { RemoteBlobs } from '../store/remote/remoteBlobs.ts';
import { RemoteError } from '../store/remote/remoteError.ts';
import { givesWay, nextTurn } from '../store/turns.ts';
import { modelNeeds } from './modelNeeds.ts';
import type { WorkRunner } from './runner.ts';
import { byStake, NEW_WISH, namesIn, savedWish, saveWish, turnOf, type Wish } from './wishes.ts';

/** Bounds on all models that strangers name, together. */
export interface FoundLimits extends ModelLimits {
  readonly maxModels: number;
  /** Bytes of all of them, on disk and in memory. */
  readonly maxTotalBytes: number;
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

/** News of a model that a claim named. */
export type FoundNews =
  | { readonly kind: 'fetching'; readonly modelId: string }
  | { readonly kind: 'held'; readonly modelId: string; readonly bytes: number }
  | { readonly kind: 'malformed'; readonly modelId: string; readonly rule: string }
  | {
      readonly kind: 'failed';
      readonly modelId: string;
      readonly sentence: string;
      readonly retrySeconds: number;
    };

/** All models that strangers brought have one share of the time together. */
export const FOUND_SHARE = 'found';

/** Models that are fetched at the same time. */
const SLOTS = 3;
const LOOK_MS = 500;
const FIRST_PAUSE_SECONDS = 5;
const LONGEST_PAUSE_SECONDS = 600;
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
      wish.isPinned = (need?.clockSeconds ?? 0) > 0 || wish.challengedAt > world.block.number;
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
      void this.#get(next.wish);
    }
    // It goes on later from where it was.
    givesWay(waiting, running, SLOTS, performance.now())?.ending.abort(
      new Error('it is slow, and others wait'),
    );
  }

  async #get(wish: Wish): Promise<void> {
    const { modelId } = wish;
    const { tell, publication, limits, clock } = this.#options;
    const download = { startedAtMs: performance.now(), bytes: 0, ending: new AbortController() };
    Object.assign(wish, { state: 'fetching', download });
    if (wish.tries === 0) tell({ kind: 'fetching', modelId });
    try {
      await this.#makeRoom(wish, 0);
      // What is on disk, or in a mirror, needs no publication.
      const asked = await publication(modelId).catch((failure: unknown) => ({ failure }));
      const found = 'failure' in asked ? { uris: [], published: undefined } : asked;
      const signal = AbortSignal.any([
        ...[this.#ending.signal, download.ending.signal],
        AbortSignal.timeout(1000 * limits.maxFetchSeconds),
      ]);
      // Said where there is no place to ask: that the own folder lacks the model says nothing.
      let noPlace = new RemoteError('its publishers do not say where it can be had; add --mirror URI');
      const sources = this.#sources(found.uris, signal, download, (error) => {
        noPlace = error;
      });
      const [id, into, { published }] = [bytesOfHex(modelId), this.#blobs(modelId), found];
      const fetched = await fetchModel(id, sources, into, { limits, published }).catch((failure: unknown) => {
        if ('failure' in asked) throw asked.failure;
        throw sources.length === 0 && isMissing(failure) ? noPlace : failure;
      });
      await this.#makeRoom(wish, bytesIn(fetched));
      this.#hold(wish, fetched);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** wish.tries++);
      wish.state = 'wanted';
      // A model that is too large stays so; there may be room for it another time.
      if (error instanceof ModelTooLarge) await this.#remove(modelId).catch(() => undefined);
      const retrySeconds = error instanceof ModelTooLarge ? LONGEST_PAUSE_SECONDS : pause;
      wish.notBefore = clock() + retrySeconds;
      const why = download.ending.signal.aborted ? download.ending.signal.reason : error;
      const sentence = isAboutFiles(error) ? fileReason(error) : explain(why);
      tell({ kind: 'failed', modelId, sentence, retrySeconds });
    } finally {
      wish.download = undefined;
    }
  }

  #sources(
    uris: readonly string[],
    signal: AbortSignal,
    download: { bytes: number },
    refuse: (error: Error) => void,
  ): RemoteBlobs[] {
    const progress = (bytes: number): void => {
      download.bytes += bytes;
    };
    return modelPlaces(this.#options, uris, refuse).map(
      (place) => new RemoteBlobs(place, this.#options.getter, { signal, progress }),
    );
  }

  #hold(wish: Wish, fetched: Fetched): void {
    const { runner, limits, tell } = this.#options;
    const { modelId } = wish;
    wish.state = 'held';
    wish.bytes = bytesIn(fetched);
    wish.tries = 0;
    void saveWish(this.#options.folder, wish);
    if (fetched.kind === 'malformed') {
      runner.putMalformed(modelId, fetched.malformed);
      tell({ kind: 'malformed', modelId, rule: fetched.malformed.malformation.violation.message });
      return;
    }
    runner.put(fetched.held, { isValid: true, share: FOUND_SHARE, maxRunSeconds: limits.maxRunSeconds });
    tell({ kind: 'held', modelId, bytes: wish.bytes });
  }

  /**
   * Drops models that nobody needs any more, and then those with less at stake, until there is room.
   *
   * @throws ModelTooLarge if there is none
   */
  async #makeRoom(wish: Wish, bytes: number): Promise<void> {
    const { maxModels, maxTotalBytes } = this.#options.limits;
    const now = this.#options.clock();
    for (;;) {
      const held = this.#in('held');
      const total = held.reduce((sum, one) => sum + one.bytes, bytes);
      if (held.length < maxModels && total <= maxTotalBytes) return;
      const idle = held.find(({ until, isPinned }) => until < now && !isPinned);
      const least =
        idle ??
        held
          .filter(({ isPinned }) => !isPinned)
          .sort(byStake)
          .at(-1);
      if (!least || (least !== idle && !wish.isPinned && least.stakeWei >= wish.stakeWei)) {
        throw new ModelTooLarge(
          `model ${wish.modelId}: there is no room; models with as much at stake take all of it`,
        );
      }
      if (least === idle) this.#wishes.delete(least.modelId);
      else Object.assign(least, { state: 'wanted', bytes: 0 });
      this.#options.runner.drop(least.modelId);
      await this.#remove(least.modelId);
    }
  }

  #remove = (modelId: string): Promise<void> =>
    rm(join(this.#options.folder, modelId.slice(2)), { recursive: true, force: true });
}

const isMissing = (failure: unknown): boolean => failure instanceof StoreError && failure.fault === 'missing';

function bytesIn(fetched: Fetched): number {
  if (fetched.kind === 'malformed')
    return fetched.malformed.descriptors.reduce((sum, { length }) => sum + length, 0);
  const { program, descriptors } = fetched.held.model;
  const weights = [...tensorsIn(program).values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return descriptors.reduce((sum, { length }) => sum + length, weights);
}
