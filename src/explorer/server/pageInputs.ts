import type { RequestRecord } from '../../chain/contracts/world.ts';
import { totalBytes } from '../../merkle/model.ts';
import { concat } from '../../merkle/tree.ts';
import { Latest } from '../../store/latest.ts';
import type { Publication } from '../../store/publications.ts';
import type { Getter } from '../../store/remote/getter.ts';
import { downloadTensors } from '../../store/remote/tensors.ts';
import { Turns } from './bounded.ts';

export interface PageInputsOptions {
  readonly getter: Getter;
  /** Of IPFS. */
  readonly gateways: readonly string[];
  /** Reads the registry's record of a model, which says how long inputs are. */
  readonly publication: (modelId: string) => Promise<Publication>;
}

/** Inputs that are on their way at the same time. */
const MOST_AT_ONCE = 4;
/** Bytes of one input, and of all that are remembered. */
const MOST_BYTES = 2 ** 26;
const MOST_BYTES_IN_ALL = 2 ** 28;
/** Time for getting one, ms. */
const TIMEOUT_MS = 30_000;

/**
 * Inputs that requests give by root, for pages: from the URI of the request, checked against the roots. Nothing depends on
 * them, so they are kept in memory for a while, and no disk is filled with what visitors ask for.
 */
export class PageInputs {
  readonly #options: PageInputsOptions;
  readonly #turns = new Turns(MOST_AT_ONCE);
  readonly #latest = new Latest<Uint8Array>(MOST_BYTES_IN_ALL, ({ length }) => length);

  constructor(options: PageInputsOptions) {
    this.#options = options;
  }

  /**
   * @param request one that gives its input by root
   * @throws Busy if others are on their way
   * @throws Error whose message says why it cannot be had
   */
  async read({ request: { modelId }, input }: RequestRecord): Promise<Uint8Array> {
    const refs = (await this.#options.publication(modelId)).published?.inputs;
    if (input.kind !== 'roots' || refs?.length !== input.roots.length)
      throw new Error('it is not the number of tensors that the model reads');
    const bytes = totalBytes(refs);
    if (bytes > MOST_BYTES)
      throw new Error(`it has ${bytes} bytes, and pages are given ${MOST_BYTES} at most`);
    const key = JSON.stringify([modelId, input.roots, input.uri]);
    return this.#latest.get(key, () =>
      this.#turns.take(async () => {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        return concat(await downloadTensors(input, refs, this.#options, { signal }));
      }),
    );
  }
}
