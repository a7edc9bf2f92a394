import type { Provider } from 'ethers';
import { lowerMedian } from '../endpoints/heads.ts';
import { opinionsOf } from '../endpoints/opinions.ts';

/** A balance that changes by more than this factor is compared with what other nodes say. */
const USUAL_FACTOR = 2n;

/** The ether of an account, of which no node of several decides alone that it is gone, or that there is a lot of it. */
export class AccountBalance {
  readonly #ask: (node: Provider) => Promise<bigint>;
  readonly #provider: Provider;
  #last: bigint | undefined;

  constructor(provider: Provider, account: string) {
    this.#provider = provider;
    this.#ask = (node) => node.getBalance(account);
  }

  /**
   * Reads the balance. One that is far from the last is believed if other nodes say so too: the middle one counts, and of two
   * the one that is near the last, or else the lower.
   */
  async read(): Promise<bigint> {
    const said = await this.#ask(this.#provider);
    const last = this.#last;
    const isNear = (wei: bigint): boolean =>
      last !== undefined && wei * USUAL_FACTOR >= last && wei <= last * USUAL_FACTOR;
    if (isNear(said)) {
      this.#last = said;
      return said;
    }
    const opinions = await opinionsOf(this.#provider, this.#ask);
    const near = opinions.length === 2 ? opinions.find(isNear) : undefined;
    this.#last = near ?? lowerMedian(opinions) ?? said;
    return this.#last;
  }
}
