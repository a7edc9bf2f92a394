import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { windowEnd } from '../chain/contracts/world.ts';
import type { Report } from '../chain/messages/report.ts';
import { makeFolder } from '../files/makeFolder.ts';
import { fileReason, isAboutFiles } from '../files/reason.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { type Fetched, fetchModel, type ModelLimits, ModelTooLarge, tensorsIn } from '../store/fetchModel.ts';
import { FolderBlobs } from '../store/folder.ts';
import type { Publication } from '../store/publications.ts';
import type { Getter } from '../store/remote/getter.ts';
import { locationsOf } from '../store/remote/locations.ts';
import { RemoteBlobs } from '../store/remote/remoteBlobs.ts';
import type { WorkRunner } from './runner.ts';

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
const MAX_FETCHES = 2;
const LOOK_MS = 500;
const FIRST_PAUSE_SECONDS = 5;
const LONGEST_PAUSE_SECONDS = 600;
/** Models that are wanted and not held; of more, those with less at stake are forgotten. */
const MAX_WANTED = 1000;
/** A dispute lasts as long as both clocks, and a little for transactions. */
const MARGIN_SECONDS = 3600;
/** A wish that is on disk is written again when it has moved by so much, seconds. */
const SAVED_EVERY_SECONDS = 600;

interface Wish {
  readonly modelId: string;
  /** Unix seconds until which somebody needs the model. */
  until: number;
  stakeWei: bigint;
  failures: number;
  /** Unix seconds before which it is not tried again. */
  notBefore: number;
  state: 'wanted' | 'fetching' | 'held';
  bytes: number;
  /** A dispute of one's own needs it: nothing takes its room. */
  isPinned: boolean;
  savedUntil: number;
}

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
    const { folder, limits } = this.#options;
    for (const name of await namesIn(folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const modelId = `0x${name}`;
      const wish = await this.#saved(modelId);
      if (!wish || wish.until < this.#options.clock()) {
        await this.#remove(modelId).catch(() => undefined);
        continue;
      }
      this.#wishes.set(modelId, wish);
      try {
        // From the folder alone, and before anything else: a dispute may wait for it.
        const { published } = await this.#options.publication(modelId);
        const fetched = await fetchModel(bytesOfHex(modelId), [], this.#blobs(modelId), {
          limits,
          published,
        });
        this.#hold(wish, fetched);
      } catch {
        wish.state = 'wanted';
      }
    }
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
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
      this.want(modelId, this.#disputedUntil(Number(terms.clockSeconds)), terms.claimBondWei);
    }
  }

  #disputedUntil = (clockSeconds: number): number =>
    this.#options.clock() + 2 * clockSeconds + MARGIN_SECONDS;

  /** @param until Unix seconds */
  want(modelId: string, until: number, stakeWei: bigint): void {
    const wish = this.#wishes.get(modelId);
    if (wish) {
      wish.until = Math.max(wish.until, until);
      if (stakeWei > wish.stakeWei) wish.stakeWei = stakeWei;
    } else {
      this.#wishes.set(modelId, {
        ...{ modelId, until, stakeWei, state: 'wanted' },
        ...{ failures: 0, notBefore: 0, bytes: 0, isPinned: false, savedUntil: 0 },
      });
    }
    if (wish?.state === 'held') void this.#save(wish);
    this.#look();
  }

  #blobs = (modelId: string): FolderBlobs => new FolderBlobs(join(this.#options.folder, modelId.slice(2)));

  #in(state: Wish['state']): Wish[] {
    return [...this.#wishes.values()].filter((wish) => wish.state === state);
  }

  #look(): void {
    const now = this.#options.clock();
    const wanted = this.#in('wanted').sort(byStake);
    for (const [i, { modelId, until }] of wanted.entries())
      if (until < now || i >= MAX_WANTED) this.#wishes.delete(modelId);
    for (const wish of wanted) {
      if (this.#in('fetching').length >= MAX_FETCHES || this.#ending.signal.aborted) return;
      if (wish.until >= now && wish.notBefore <= now) void this.#get(wish);
    }
  }

  async #get(wish: Wish): Promise<void> {
    const { modelId } = wish;
    const { tell, publication, limits, clock } = this.#options;
    wish.state = 'fetching';
    if (wish.failures === 0) tell({ kind: 'fetching', modelId });
    try {
      await this.#makeRoom(wish, 0);
      const found = await publication(modelId);
      const signal = AbortSignal.any([
        this.#ending.signal,
        AbortSignal.timeout(1000 * limits.maxFetchSeconds),
      ]);
      const fetched = await fetchModel(
        bytesOfHex(modelId),
        this.#sources(found.uris, signal),
        this.#blobs(modelId),
        {
          limits,
          published: found.published,
        },
      );
      await this.#makeRoom(wish, bytesIn(fetched));
      this.#hold(wish, fetched);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** wish.failures++);
      wish.state = 'wanted';
      // A model that is too large stays so; there may be room for it another time.
      if (error instanceof ModelTooLarge) await this.#remove(modelId).catch(() => undefined);
      const retrySeconds = error instanceof ModelTooLarge ? LONGEST_PAUSE_SECONDS : pause;
      wish.notBefore = clock() + retrySeconds;
      const sentence = isAboutFiles(error) ? fileReason(error) : (error as Error).message;
      tell({ kind: 'failed', modelId, sentence, retrySeconds });
    }
  }

  #sources(uris: readonly string[], signal: AbortSignal): RemoteBlobs[] {
    const { mirrors, gateways, getter } = this.#options;
    return [...mirrors, ...uris].flatMap((uri) => {
      try {
        return locationsOf(uri, gateways).map((url) => new RemoteBlobs(url, getter, signal));
      } catch {
        // Others may say it better.
        return [];
      }
    });
  }

  #hold(wish: Wish, fetched: Fetched): void {
    const { runner, limits, tell } = this.#options;
    const { modelId } = wish;
    wish.state = 'held';
    wish.bytes = bytesIn(fetched);
    wish.failures = 0;
    void this.#save(wish);
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
      const idle = held.find(({ until }) => until < now);
      const least =
        idle ??
        held
          .filter(({ isPinned }) => !isPinned)
          .sort(byStake)
          .at(-1);
      if (!least || (least !== idle && least.stakeWei >= wish.stakeWei)) {
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

  #wishPath = (modelId: string): string => join(this.#options.folder, modelId.slice(2), 'wanted.json');

  async #save(wish: Wish): Promise<void> {
    if (wish.until - wish.savedUntil < SAVED_EVERY_SECONDS) return;
    wish.savedUntil = wish.until;
    const { until, isPinned, stakeWei } = wish;
    const text = JSON.stringify({ until, isPinned, stakeWei: `${stakeWei}` });
    await writeFile(this.#wishPath(wish.modelId), text).catch(() => {
      wish.savedUntil = 0;
    });
  }

  async #saved(modelId: string): Promise<Wish | undefined> {
    try {
      const { until, isPinned, stakeWei } = JSON.parse(await readFile(this.#wishPath(modelId), 'utf8'));
      if (!Number.isFinite(until)) return undefined;
      return {
        ...{ modelId, until, stakeWei: BigInt(stakeWei), state: 'wanted' },
        ...{ failures: 0, notBefore: 0, bytes: 0, isPinned: isPinned === true, savedUntil: until },
      };
    } catch {
      return undefined;
    }
  }
}

/** Names in a folder, which is made if it is not there; none if it cannot be used, as each attempt to fetch tells. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    makeFolder(folder);
    return await readdir(folder);
  } catch (error) {
    if (isAboutFiles(error)) return [];
    throw error;
  }
}

/** Sorts by stake, the greatest first, then by the time until which the model is needed. */
const byStake = (a: Wish, b: Wish): number =>
  a.stakeWei === b.stakeWei ? a.until - b.until : a.stakeWei > b.stakeWei ? -1 : 1;

function bytesIn(fetched: Fetched): number {
  if (fetched.kind === 'malformed')
    return fetched.malformed.descriptors.reduce((sum, { length }) => sum + length, 0);
  const { program, descriptors } = fetched.held.model;
  const weights = [...tensorsIn(program).values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return descriptors.reduce((sum, { length }) => sum + length, weights);
}
