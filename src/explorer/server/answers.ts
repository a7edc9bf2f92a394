/** Texts that were made for paths, while the version of what they are made from is the same. */
export class Answers {
  readonly #most: number;
  readonly #known = new Map<
    string,
    { readonly version: number; readonly text: Promise<string | undefined> }
  >();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns undefined if nothing was made. A failure is handed to whoever waits, and not kept. */
  get(path: string, version: number, make: () => unknown): Promise<string | undefined> {
    const known = this.#known.get(path);
    if (known?.version === version) return known.text;
    const text = Promise.resolve().then(async () => JSON.stringify(await make()));
    this.#known.delete(path);
    if (this.#known.size >= this.#most) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(path, { version, text });
    text.catch(() => {
      if (this.#known.get(path)?.text === text) this.#known.delete(path);
    });
    return text;
  }
}
