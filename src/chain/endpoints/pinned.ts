import type { JsonRpcPayload, Network } from 'ethers';
import { NodeFailure } from './failures.ts';
import { type Answer, type EndpointNode, isQuick } from './node.ts';
import { SpeakingProvider } from './speakingProvider.ts';

/** Longest rest of the only node that is slept through here, ms; longer ones are for whoever asked to sleep. */
const LONGEST_SLEEP_MS = 10_000;

/**
 * A node that fails is asked again as long as its last answer is no older than this share of the time it has for one, or than
 * so many of its answers take.
 */
const FLAKY_SHARE = 0.3;
const FLAKY_ANSWERS = 10;
const FLAKY_REST_MS = 300;

export const asList = (payload: JsonRpcPayload | JsonRpcPayload[]): JsonRpcPayload[] =>
  Array.isArray(payload) ? payload : [payload];

/** One node of several as a provider, for reads that belong together. */
export class PinnedProvider extends SpeakingProvider {
  readonly #node: EndpointNode;

  constructor(network: Network, node: EndpointNode) {
    super(network);
    this.#node = node;
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<Answer[]> {
    return askPatiently(this.#node, asList(payload));
  }

  /** Has other nodes asked first for a while: what this one answered cannot be true. */
  distrust(): void {
    this.#node.distrust();
  }
}

/**
 * Sleeps through a short rest that a node asks for, and asks one again that fails now and then. What it fails to answer in one
 * piece is asked in halves: where each of many requests may fail the whole batch, the whole hardly ever comes.
 */
export async function askPatiently(node: EndpointNode, payloads: JsonRpcPayload[]): Promise<Answer[]> {
  for (let slept = 0; ; ) {
    try {
      return await node.ask(payloads);
    } catch (failure) {
      const flakyMs = Math.max(FLAKY_SHARE * node.timeoutMs, FLAKY_ANSWERS * (node.latencyMs ?? 0));
      const isFlaky = isQuick(failure) && node.silentMs < flakyMs;
      if (isFlaky && payloads.length > 1) {
        const half = payloads.length >> 1;
        const halves = [payloads.slice(0, half), payloads.slice(half)];
        return (await Promise.all(halves.map((some) => askPatiently(node, some)))).flat();
      }
      const isResting = failure instanceof NodeFailure && failure.kind === 'rate';
      const ms = isFlaky ? FLAKY_REST_MS : node.restMs;
      if (!(isFlaky || isResting) || slept + ms > LONGEST_SLEEP_MS) throw failure;
      slept += ms;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }
}
