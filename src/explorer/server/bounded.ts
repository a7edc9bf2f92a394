/** Bounds on the work that strangers cause: concurrent work is limited, and equal answers are cached. */

/** Too many reads of the node are going on; the caller may try again. */
export class Busy extends Error {
  override name = 'Busy';
}

/** Lets so many pieces of work go on at once. */
export class Turns {
  readonly #most: number;
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws Busy if too many go on already */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) throw new Busy('the server is busy; try again in a while');
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
    }
  }
}

interface Entry<T> {
  readonly stamp: number;
  readonly value: Promise<T>;
}

/** A cache of a fixed number of values by name; the oldest go first. Failures reach those who wait and are not cached. */
class Kept<T> {
  readonly #most: number;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @param isFresh whether a value may be used that was made at `stamp` */
  get(name: string, stamp: number, isFresh: (stamp: number) => boolean, make: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(name);
    if (known && isFresh(known.stamp)) return known.value;
    const value = make();
    this.#entries.delete(name);
    if (this.#entries.size >= this.#most) this.#entries.delete(this.#entries.keys().next().value as string);
    this.#entries.set(name, { stamp, value });
    value.catch(() => {
      if (this.#entries.get(name)?.value === value) this.#entries.delete(name);
    });
    return value;
  }
}

/** Remembers values that were read by name for some time. */
export class Recent<T> {
  readonly #read: (name: string) => Promise<T>;
  readonly #ms: number;
  readonly #now: () => number;
  readonly #kept: Kept<T>;

  /** @param now milliseconds, from any beginning */
  constructor(
    read: (name: string) => Promise<T>,
    ms: number,
    most: number,
    now: () => number = () => performance.now(),
  ) {
    this.#read = read;
    this.#ms = ms;
    this.#now = now;
    this.#kept = new Kept(most);
  }

  get(name: string): Promise<T> {
    const now = this.#now();
    return this.#kept.get(
      name,
      now,
      (readAt) => now < readAt + this.#ms,
      () => this.#read(name),
    );
  }
}

/** Answers as JSON by path, while the version of the data that they are made from is the same. */
export class AnswerCache {
  readonly #most: number;
  readonly #kept: Kept<string | undefined>;
  readonly #ready = new Map<string, { readonly version: number; readonly bytes: Buffer }>();

  constructor(most: number) {
    this.#most = most;
    this.#kept = new Kept(most);
  }

  /** An answer that is made already, as bytes. */
  ready(path: string, version: number): Buffer | undefined {
    const known = this.#ready.get(path);
    return known?.version === version ? known.bytes : undefined;
  }

  /** @returns undefined if nothing was made */
  get(path: string, version: number, make: () => unknown): Promise<string | undefined> {
    return this.#kept.get(
      path,
      version,
      (made) => made === version,
      async () => {
        const text: string | undefined = JSON.stringify(await make());
        if (text !== undefined) {
          this.#ready.delete(path);
          if (this.#ready.size >= this.#most) this.#ready.delete(this.#ready.keys().next().value as string);
          this.#ready.set(path, { version, bytes: Buffer.from(text) });
        }
        return text;
      },
    );
  }
}
