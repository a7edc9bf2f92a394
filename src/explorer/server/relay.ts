import type { Provider } from 'ethers';
import { Busy, Turns } from './bounded.ts';

/** Passes reads of pages on to the node, whose address stays secret because it may hold a key. */

/** Methods that read. */
const METHODS = ['eth_chainId', 'eth_blockNumber', 'eth_call'];
export const MOST_RELAYED_BYTES = 65_536;
const MOST_AT_ONCE = 32;

export interface RelayAnswer {
  readonly status: 200 | 400 | 429 | 502;
  readonly body: unknown;
}

type Sender = { send(method: string, params: unknown[]): Promise<unknown> };

export class Relay {
  readonly #provider: Sender;
  readonly #turns = new Turns(MOST_AT_ONCE);

  constructor(provider: Provider) {
    this.#provider = provider as unknown as Sender;
  }

  /** Answers one JSON-RPC request; lists of them are refused. */
  async answer(text: string): Promise<RelayAnswer> {
    try {
      return await this.#turns.take(() => this.#relayed(text));
    } catch (failure) {
      if (failure instanceof Busy) return { status: 429, body: { error: 'too many requests at once' } };
      throw failure;
    }
  }

  async #relayed(text: string): Promise<RelayAnswer> {
    const asked = parse(text);
    if (!asked || !METHODS.includes(asked.method))
      return { status: 400, body: { error: `only ${METHODS.join(', ')} are passed on, one at a time` } };
    try {
      const result = await this.#provider.send(asked.method, asked.params);
      return { status: 200, body: { jsonrpc: '2.0', id: asked.id, result } };
    } catch {
      return { status: 502, body: { error: 'the node did not answer' } };
    }
  }
}

function parse(text: string): { id: number | string; method: string; params: unknown[] } | undefined {
  try {
    const { id, method, params = [] } = JSON.parse(text);
    const isId = typeof id === 'number' || typeof id === 'string';
    return isId && typeof method === 'string' && Array.isArray(params) ? { id, method, params } : undefined;
  } catch {
    return undefined;
  }
}
