import type { BlobName, Blobs } from '../blobs.ts';
import type { Body, GetOptions, Getter } from './getter.ts';
import { below, type Place } from './locations.ts';

/** Least speed at which a body is worth waiting for, bytes a second. */
const LEAST_SPEED = 2 ** 16;
/** Seconds that any answer may take. */
const PATIENCE_SECONDS = 30;

/** Timeout of a download by its number of bytes. */
export const secondsFor = (bytes: number): number => PATIENCE_SECONDS + bytes / LEAST_SPEED;

type Bounds = Pick<GetOptions, 'signal' | 'progress'>;

/** A bundle at a URL, read with all the caution of a {@link Getter}. */
export class RemoteBlobs implements Blobs {
  readonly place: string;
  readonly #getter: Getter;
  readonly #bounds: Bounds;
  readonly #isOwn: boolean;

  constructor({ url, isOwn }: Place, getter: Getter, bounds: Bounds = {}) {
    this.place = url;
    this.#getter = getter;
    this.#bounds = bounds;
    this.#isOwn = isOwn;
  }

  /** @throws RemoteError if the server does not answer, or answers with more */
  read(name: BlobName, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#getter.read(below(this.place, name), this.#options(maxBytes));
  }

  /** As {@link read}, from a byte on, if the server can do that. */
  open(name: BlobName, maxBytes: number, from: number): Promise<Body | undefined> {
    return this.#getter.open(below(this.place, name), { ...this.#options(maxBytes), from });
  }

  #options = (maxBytes: number): GetOptions => ({
    ...{ maxBytes, seconds: secondsFor(maxBytes), isOwn: this.#isOwn },
    ...this.#bounds,
  });
}
