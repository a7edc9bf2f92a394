import {
  JsonRpcApiProvider,
  type JsonRpcApiProviderOptions,
  type JsonRpcError,
  type JsonRpcPayload,
  makeError,
  type Network,
} from 'ethers';

/** Interval at which ethers asks whether a transaction is mined, ms. */
const POLLING_MS = 250;

const OPTIONS: JsonRpcApiProviderOptions = {
  cacheTimeout: -1,
  batchStallTime: 0,
  pollingInterval: POLLING_MS,
};

/** An ethers provider whose errors carry the node's own words. */
export abstract class SpeakingProvider extends JsonRpcApiProvider {
  constructor(network: Network) {
    // ethers would answer repeated reads from a cache for a quarter of a second, and ask for the chain's id by itself.
    super(network, { ...OPTIONS, staticNetwork: network });
    this._start();
  }

  override getRpcError(payload: JsonRpcPayload, answer: JsonRpcError): Error {
    const error = super.getRpcError(payload, answer);
    const words = answer.error.message;
    const isVague = (error as { code?: unknown }).code === 'UNKNOWN_ERROR' && typeof words === 'string';
    const [line = ''] = `${words}`.split('\n');
    return isVague ? makeError(line, 'UNKNOWN_ERROR', { error: answer.error }) : error;
  }
}
