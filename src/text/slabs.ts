import { POOLED_CONSTANT_BYTES } from '../onnx/building.ts';

/** Allocates byte matrices next to each other in memory, so that a program's node can hold several of them without a copy. */
export class Slabs {
  #slab = new ArrayBuffer(0);
  #used = 0;

  take(bytes: number): Int8Array {
    if (this.#used + bytes > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(Math.max(bytes, POOLED_CONSTANT_BYTES));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += bytes;
    return new Int8Array(this.#slab, from, bytes);
  }
}
