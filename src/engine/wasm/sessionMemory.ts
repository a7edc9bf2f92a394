import { MAX_PAGES, PAGE_BYTES, placeOf } from '../../wasm/assembler.ts';
import { EngineError, type Weights } from '../engine.ts';
import { EMPTY, type HeldTensor, type Layout, type MemorySizes } from '../memory/layout.ts';
import { megabytes } from '../memory/megabytes.ts';
import { pack } from '../memory/pack.ts';

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

type TakenLayout = Pick<Layout, 'held' | 'added' | 'totalBytes'>;

/**
 * The memories of a session, which its run modes share: constants are in them once, and the tensors of one mode at a time
 * in the first. They grow when a mode is first used that takes more.
 */
export class SessionMemory {
  readonly isShared: boolean;
  readonly sizes: MemorySizes;
  readonly #memories: WebAssembly.Memory[] = [];
  #held: HeldTensor = EMPTY;

  /** @param isShared whether threads use them together */
  constructor(isShared: boolean, sizes: MemorySizes) {
    this.isShared = isShared;
    this.sizes = sizes;
  }

  get held(): HeldTensor {
    return this.#held;
  }

  /**
   * Makes room for a layout and writes its constants.
   *
   * @param layout made for what is held so far
   * @returns the memories, of which the first has the tensors
   * @throws EngineError if there is no such memory
   */
  take({ held, added, totalBytes }: TakenLayout, weights: Weights): readonly WebAssembly.Memory[] {
    try {
      for (const [i, bytes] of [held.end, ...held.further].entries()) this.#reserve(i, pagesOf(bytes));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new EngineError(`no memory of ${megabytes(totalBytes)} is to be had here: ${error.message}`);
    }
    const bytes = this.#memories.map(({ buffer }) => new Uint8Array(buffer));
    for (const { node, start, end, offset } of added.ranges) {
      const { memory, at } = placeOf(offset);
      bytes[memory]!.set(weights.get(node)!.subarray(start, end), at);
    }
    for (const { buffer, offset } of added.packed) {
      const { memory, at } = placeOf(offset);
      pack(buffer, weights.get(buffer.node)!, bytes[memory]!, at);
    }
    this.#held = held;
    return this.#memories;
  }

  /** Makes a memory have so many pages at least. */
  #reserve(index: number, pages: number): void {
    const memory = this.#memories[index];
    if (!memory) {
      this.#memories.push(this.#allocate(pages));
      return;
    }
    const missing = pages - memory.buffer.byteLength / PAGE_BYTES;
    if (missing > 0) memory.grow(missing);
  }

  #allocate(pages: number): WebAssembly.Memory {
    const { isShared: shared } = this;
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared });
    } catch (error) {
      // Some machines set aside as much as it may grow to.
      if (!(error instanceof RangeError)) throw error;
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    }
  }
}
