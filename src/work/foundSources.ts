import type { Getter } from '../store/remote/getter.ts';
import { modelPlaces } from '../store/remote/locations.ts';
import { RemoteBlobs } from '../store/remote/remoteBlobs.ts';
import { RemoteError } from '../store/remote/remoteError.ts';

/** Where a model is asked for, besides its publishers' places. */
interface Around {
  readonly getter: Getter;
  readonly gateways: readonly string[];
  readonly mirrors: readonly string[];
}

/**
 * The places where a model may be had.
 *
 * @param uris of its publishers
 * @param progress is told of bytes as they arrive
 * @returns `noPlace` says why there is no place to ask, if there is none
 */
export function foundSources(
  uris: readonly string[],
  around: Around,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): { readonly sources: readonly RemoteBlobs[]; readonly noPlace: RemoteError | undefined } {
  let why = new RemoteError('its publishers do not say where it can be had; add --mirror URI');
  const places = modelPlaces(around, uris, (error) => {
    why = error;
  });
  const sources = places.map((place) => new RemoteBlobs(place, around.getter, { signal, progress }));
  return { sources, noPlace: sources.length === 0 ? why : undefined };
}
