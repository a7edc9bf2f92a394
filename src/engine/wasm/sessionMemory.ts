import { MAX_PAGES, PAGE_BYTES } from '../../wasm/assembler.ts';
import { EngineError, type Weights } from '../engine.ts';
import { EMPTY, type HeldTensor, type Layout } from '../memory/layout.ts';
import { megabytes } from '../memory/megabytes.ts';
import { pack } from '../memory/pack.ts';

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/**
 * The memory of a session, which its run modes share: constants are in it once, and the tensors of one mode at a time.
 * It grows when a mode is first used that takes more.
 */
export class SessionMemory {
  readonly isShared: boolean;
  #memory: WebAssembly.Memory | undefined;
  #held: HeldTensor = EMPTY;

  /** @param isShared whether threads use it together */
  constructor(isShared: boolean) {
    this.isShared = isShared;
  }

  get held(): HeldTensor {
    return this.#held;
  }

  /**
   * Makes room for a layout and writes its constants.
   *
   * @param layout made for what is held so far
   * @throws EngineError if there is no such memory
   */
  take({ held, added }: Pick<Layout, 'held' | 'added'>, weights: Weights): WebAssembly.Memory {
    const pages = pagesOf(held.end);
    try {
      this.#memory ??= this.#allocate(pages);
      const missing = pages - this.#memory.buffer.byteLength / PAGE_BYTES;
      if (missing > 0) this.#memory.grow(missing);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new EngineError(`no memory of ${megabytes(held.end)} is to be had here: ${error.message}`);
    }
    const bytes = new Uint8Array(this.#memory.buffer);
    for (const { node, start, end, offset } of added.ranges)
      bytes.set(weights.get(node)!.subarray(start, end), offset);
    for (const { buffer, offset } of added.packed) pack(buffer, weights.get(buffer.node)!, bytes, offset);
    this.#held = held;
    return this.#memory;
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
