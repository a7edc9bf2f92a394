import { FetchRequest, JsonRpcProvider, Network } from 'ethers';

export class EndpointError extends Error {
  override name = 'EndpointError';
}

/** How often a node is asked whether a transaction is mined, ms. */
const POLLING_MS = 250;
const FIRST_ANSWER_MS = 10_000;

/**
 * Connects to a node over JSON-RPC.
 *
 * ethers would by itself retry a dead address for ever on the console, and answer repeated reads from a cache for a
 * quarter of a second, in which a loop reads the state from before its own move. Neither happens here.
 *
 * @throws EndpointError if nothing that speaks Ethereum JSON-RPC answers at `url`
 */
export async function openEndpoint(url: string): Promise<JsonRpcProvider> {
  const request = (() => {
    try {
      const { protocol } = new URL(url);
      return protocol === 'http:' || protocol === 'https:' ? new FetchRequest(url) : undefined;
    } catch {
      return undefined;
    }
  })();
  if (!request) throw new EndpointError(`${url} is not an http or https address of an Ethereum node`);
  request.setHeader('content-type', 'application/json');
  request.body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
  request.timeout = FIRST_ANSWER_MS;
  const chainId = await (async () => {
    try {
      const answer = await request.send();
      return BigInt((answer.bodyJson as { result: string }).result);
    } catch {
      throw new EndpointError(`no Ethereum node answers at ${url}; check the address and that the node runs`);
    }
  })();
  const network = Network.from(chainId);
  const provider = new JsonRpcProvider(url, network, { staticNetwork: network, cacheTimeout: -1 });
  provider.pollingInterval = POLLING_MS;
  return provider;
}
