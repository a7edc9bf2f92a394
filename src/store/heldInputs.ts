/** Inputs in memory, for which the disk has no room: oldest first, up to a number of bytes. */
export class HeldInputs<T extends { readonly need: { readonly isBonded: boolean } }> {
  readonly #mostBytes: number;
  readonly #held = new Map<T, Uint8Array>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(entry: T): Uint8Array | undefined {
    return this.#held.get(entry);
  }

  delete(entry: T): void {
    this.#held.delete(entry);
  }

  /**
   * Holds an input. The oldest ones give way to it, as long as no own bond depends on them: a newer one always has its time
   * here, whatever others have at stake.
   *
   * @returns whether there is room for it
   */
  put(entry: T, bytes: Uint8Array): boolean {
    let room = this.#mostBytes - bytes.length;
    for (const one of this.#held.values()) room -= one.length;
    for (const [one, { length }] of [...this.#held]) {
      if (room >= 0) break;
      if (one.need.isBonded) continue;
      this.#held.delete(one);
      room += length;
    }
    if (room < 0) return false;
    this.#held.set(entry, bytes);
    return true;
  }
}
