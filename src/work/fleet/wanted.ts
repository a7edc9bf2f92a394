import { MAX_URI_LENGTH } from '../../store/remote/locations.ts';
import { type Fleet, PREFIX } from './queue.ts';

/** A model that somebody has runs of. */
export interface WantedModel {
  readonly modelId: string;
  readonly uris: readonly string[];
}

/** A hash: models for which there are runs, and where they can be had. */
const WANTED = `${PREFIX}:wanted`;
/** A model was asked for no longer ago than this, seconds. */
const RECENT_SECONDS = 600;
/** Entries are removed after this time, seconds: clocks of several machines may differ by less. */
const KEPT_SECONDS = 3600;
/** Models that a worker is told of. */
const MAX_WANTED = 1000;
/** URIs of one model. */
const MAX_URIS = 16;

interface Entry extends WantedModel {
  /** Unix seconds. */
  readonly at: number;
}

const followed = (uris: readonly unknown[]): string[] =>
  uris
    .filter((uri): uri is string => typeof uri === 'string' && uri.length <= MAX_URI_LENGTH)
    .slice(0, MAX_URIS);

/** @returns undefined for what no service has written */
function entryFrom(modelId: string, text: string): Entry | undefined {
  try {
    const { at, uris } = JSON.parse(text) as { at: unknown; uris: unknown };
    if (!/^0x[0-9a-f]{64}$/.test(modelId) || typeof at !== 'number' || !Array.isArray(uris)) return undefined;
    return { modelId, at, uris: followed(uris) };
  } catch {
    return undefined;
  }
}

/**
 * Says that there are runs of a model.
 *
 * @param uris where it can be had; strangers may have named them, so those that nobody follows are left out
 * @param nowSeconds Unix seconds
 */
export async function announce(
  redis: Fleet['redis'],
  modelId: string,
  uris: readonly string[],
  nowSeconds: number,
): Promise<void> {
  await redis.hset(WANTED, modelId, JSON.stringify({ at: Math.floor(nowSeconds), uris: followed(uris) }));
  await redis.expire(WANTED, KEPT_SECONDS);
}

/**
 * The models of which somebody had runs lately, the latest first. Entries that are old, or no entries, are removed.
 *
 * @param nowSeconds Unix seconds
 */
export async function wantedModels(redis: Fleet['redis'], nowSeconds: number): Promise<WantedModel[]> {
  const recent: Entry[] = [];
  const old: string[] = [];
  for (const [modelId, text] of Object.entries(await redis.hgetall(WANTED))) {
    const entry = entryFrom(modelId, text);
    const ageSeconds = Math.abs(nowSeconds - (entry?.at ?? Number.NEGATIVE_INFINITY));
    if (entry && ageSeconds < RECENT_SECONDS) recent.push(entry);
    else if (!(ageSeconds < KEPT_SECONDS)) old.push(modelId);
  }
  // In parts, because a call takes no more than so many arguments.
  for (let i = 0; i < old.length; i += MAX_WANTED) await redis.hdel(WANTED, ...old.slice(i, i + MAX_WANTED));
  return recent
    .sort((a, b) => b.at - a.at)
    .slice(0, MAX_WANTED)
    .map(({ modelId, uris }) => ({ modelId, uris }));
}
