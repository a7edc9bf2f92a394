import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/makeFolder.ts';
import { isAboutFiles } from '../files/reason.ts';
import type { Turn } from '../store/turns.ts';

/** A wish that is on disk is written again when it has moved by so much, seconds. */
const SAVED_EVERY_SECONDS = 600;

/** A model that somebody needs. */
export interface Wish {
  readonly modelId: string;
  /** Unix seconds until which somebody needs the model. */
  until: number;
  stakeWei: bigint;
  /** Times that it was tried, or had to give way, and is not here. */
  tries: number;
  /** Unix seconds before which it is not tried again. */
  notBefore: number;
  state: 'wanted' | 'fetching' | 'held';
  /** Room on disk: of the whole model from when it is set aside, else of the parts that a failed try has left. */
  bytes: number;
  /** Whether room for the whole model is set aside. */
  hasRoom: boolean;
  /** An open dispute of one's own needs it: nothing takes its room. */
  isPinned: boolean;
  /** Block of the latest challenge: as long as a look does not show it, the model stays pinned. */
  challengedAt: number;
  /** Unix seconds until which a bond that is about to be put up keeps it pinned. */
  bondUntil: number;
  saved: Pick<Wish, 'until' | 'isPinned'> | undefined;
  download: WishDownload | undefined;
}

export interface WishDownload {
  readonly startedAtMs: number;
  bytes: number;
  readonly ending: AbortController;
  /** Settles once it has ended. */
  done: Promise<void>;
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

const FIRST_PAUSE_SECONDS = 5;
export const LONGEST_PAUSE_SECONDS = 600;

/** Seconds until the next try. @param tries before the last one */
export const pauseAfter = (tries: number): number =>
  Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** tries);

export const NEW_WISH = {
  ...{ tries: 0, notBefore: 0, bytes: 0, hasRoom: false, isPinned: false, challengedAt: 0, bondUntil: 0 },
  ...{ saved: undefined, download: undefined },
} as const;

export const turnOf = ({ isPinned, tries, until, stakeWei }: Wish): Turn => ({
  ...{ isBonded: isPinned, tries, deadline: until, stakeWei },
});

const wishPath = (folder: string, modelId: string): string => join(folder, modelId.slice(2), 'wanted.json');

/** Writes a wish beside its model, so that the next start takes it up, unless it is there nearly as it is. */
export async function saveWish(folder: string, wish: Wish): Promise<void> {
  const { until, isPinned, stakeWei, saved } = wish;
  const hasMoved = Math.abs(until - (saved?.until ?? 0)) >= SAVED_EVERY_SECONDS;
  if (!hasMoved && isPinned === saved?.isPinned) return;
  wish.saved = { until, isPinned };
  const text = JSON.stringify({ until, isPinned, stakeWei: `${stakeWei}` });
  await writeFile(wishPath(folder, wish.modelId), text).catch(() => {
    wish.saved = undefined;
  });
}

/** The wish that an earlier run has left; undefined if there is none. */
export async function savedWish(folder: string, modelId: string): Promise<Wish | undefined> {
  try {
    const { until, isPinned, stakeWei } = JSON.parse(await readFile(wishPath(folder, modelId), 'utf8'));
    if (!Number.isFinite(until)) return undefined;
    const saved = { until, isPinned: isPinned === true };
    return { ...NEW_WISH, modelId, ...saved, stakeWei: BigInt(stakeWei), state: 'wanted', saved };
  } catch {
    return undefined;
  }
}

/** Names in a folder, which is made if it is not there; none if it cannot be used, as each attempt to fetch tells. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    makeFolder(folder);
    return await readdir(folder);
  } catch (error) {
    if (isAboutFiles(error)) return [];
    throw error;
  }
}

/** Sorts by stake, the greatest first, then by the time until which the model is needed. */
export const byStake = (a: Wish, b: Wish): number =>
  a.stakeWei === b.stakeWei ? a.until - b.until : a.stakeWei > b.stakeWei ? -1 : 1;
