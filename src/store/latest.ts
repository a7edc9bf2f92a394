/** Results of the latest runs, those on their way included, by what was run. A run that fails is forgotten. */
export class Latest<T> {
  readonly #mostBytes: number;
  readonly #bytesIn: (made: T) => number;
  readonly #made = new Map<string, { readonly result: Promise<T>; bytes: number }>();
  #bytes = 0;

  /**
   * @param mostBytes bytes of all results together; the newest one is kept even if it has more
   * @param bytesIn bytes of one result
   */
  constructor(mostBytes: number, bytesIn: (made: T) => number) {
    this.#mostBytes = mostBytes;
    this.#bytesIn = bytesIn;
  }

  /** Bytes of all results kept. */
  get bytes(): number {
    return this.#bytes;
  }

  known(key: string): Promise<T> | undefined {
    const entry = this.#made.get(key);
    if (!entry) return undefined;
    // A map lists its keys in the order in which they were set, so the oldest use comes first.
    this.#made.delete(key);
    this.#made.set(key, entry);
    return entry.result;
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.known(key);
    if (known) return known;
    const entry = { result: make(), bytes: 0 };
    this.#made.set(key, entry);
    entry.result.then(
      (made) => this.#weigh(key, entry, this.#bytesIn(made)),
      () => this.#forget(key, entry),
    );
    return entry.result;
  }

  /** Forgets the results of keys that begin with `prefix`. */
  forget(prefix: string): void {
    for (const [key, entry] of this.#made) if (key.startsWith(prefix)) this.#forget(key, entry);
  }

  #forget(key: string, entry: { readonly bytes: number }): void {
    if (this.#made.get(key) !== entry) return;
    this.#made.delete(key);
    this.#bytes -= entry.bytes;
  }

  #weigh(key: string, entry: { bytes: number }, bytes: number): void {
    if (this.#made.get(key) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [oldest, other] of this.#made) {
      if (this.#bytes <= this.#mostBytes) break;
      if (other !== entry && other.bytes > 0) this.#forget(oldest, other);
    }
  }
}
