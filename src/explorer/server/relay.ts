import type { Provider } from 'ethers';

/** Lets pages ask the node what they check against, without telling them its address, which may hold a key. */

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
  #asking = 0;

  constructor(provider: Provider) {
    this.#provider = provider as unknown as Sender;
  }

  /** Answers one JSON-RPC request; lists of them are refused. */
  async answer(text: string): Promise<RelayAnswer> {
    if (this.#asking >= MOST_AT_ONCE) return { status: 429, body: { error: 'too many requests at once' } };
    const asked = parse(text);
    if (!asked || !METHODS.includes(asked.method))
      return { status: 400, body: { error: `only ${METHODS.join(', ')} are passed on, one at a time` } };
    this.#asking++;
    try {
      const result = await this.#provider.send(asked.method, asked.params);
      return { status: 200, body: { jsonrpc: '2.0', id: asked.id, result } };
    } catch {
      return { status: 502, body: { error: 'the node did not answer' } };
    } finally {
      this.#asking--;
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
