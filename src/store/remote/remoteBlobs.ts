import type { BlobName, Blobs } from '../blobs.ts';
import type { Body, Getter } from './getter.ts';
import { below } from './locations.ts';

/** Least speed at which a body is worth waiting for, bytes a second. */
const LEAST_SPEED = 2 ** 16;
/** Seconds that any answer may take. */
const PATIENCE_SECONDS = 30;

/** Timeout of a download by its number of bytes. */
export const secondsFor = (bytes: number): number => PATIENCE_SECONDS + bytes / LEAST_SPEED;

/** A bundle at a URL, read with all the caution of a {@link Getter}. */
export class RemoteBlobs implements Blobs {
  readonly place: string;
  readonly #getter: Getter;
  readonly #signal: AbortSignal | undefined;

  constructor(url: string, getter: Getter, signal?: AbortSignal) {
    this.place = url;
    this.#getter = getter;
    this.#signal = signal;
  }

  /** @throws RemoteError if the server does not answer, or answers with more */
  read(name: BlobName, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#getter.read(below(this.place, name), this.#bounds(maxBytes));
  }

  /** As {@link read}, from a byte on, if the server can do that. */
  open(name: BlobName, maxBytes: number, from: number): Promise<Body | undefined> {
    return this.#getter.open(below(this.place, name), { ...this.#bounds(maxBytes), from });
  }

  #bounds(maxBytes: number) {
    const bounds = { maxBytes, seconds: secondsFor(maxBytes) };
    return this.#signal ? { ...bounds, signal: this.#signal } : bounds;
  }
}
