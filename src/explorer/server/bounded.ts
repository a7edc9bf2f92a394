/** What one asks the node for is kept for a while, and bounded in how much of it goes on at once. */

/** Too much is asked of the node at once; whoever asked may try again. */
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

/** Remembers what was read by name for some time; a failure is not remembered. */
export class Recent<T> {
  readonly #read: (name: string) => Promise<T>;
  readonly #ms: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly value: Promise<T>; readonly at: number }>();

  /** @param now milliseconds, from any beginning */
  constructor(read: (name: string) => Promise<T>, ms: number, most: number, now: () => number = Date.now) {
    this.#read = read;
    this.#ms = ms;
    this.#most = most;
    this.#now = now;
  }

  get(name: string): Promise<T> {
    const known = this.#known.get(name);
    if (known && this.#now() < known.at + this.#ms) return known.value;
    const value = this.#read(name);
    this.#known.delete(name);
    if (this.#known.size >= this.#most) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(name, { value, at: this.#now() });
    value.catch(() => {
      if (this.#known.get(name)?.value === value) this.#known.delete(name);
    });
    return value;
  }
}
