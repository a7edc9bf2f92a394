import { type JsonRpcApiProvider, type JsonRpcPayload, keccak256, Network } from 'ethers';
import { isKnownTransaction, NodeFailure } from './failures.ts';
import { httpTransport } from './http.ts';
import { type Answer, EndpointNode, isQuick, type NodeStatus } from './node.ts';
import { SpeakingProvider } from './speakingProvider.ts';
import { publicName } from './transport.ts';
import { webSocketTransport } from './webSocket.ts';

/** Addresses that cannot be used. The message is one line. */
export class EndpointError extends Error {
  override name = 'EndpointError';
}

export interface EndpointOptions {
  /** A node that mines what it is given and shows it to nobody before. */
  readonly privateRelay?: string | undefined;
  /** Longest that one request may take, ms. */
  readonly timeoutMs?: number | undefined;
  /** Is told, in one sentence, of a node that is left out. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/** Who gets to see a transaction before it is mined. */
export type Audience = 'all' | 'private';

export interface EndpointStatus extends Omit<NodeStatus, 'state'> {
  /** `behind`: its newest block is older than that of another. */
  readonly state: NodeStatus['state'] | 'behind';
  /** Blocks that it is behind the newest of all. */
  readonly lag: number | undefined;
}

const TIMEOUT_MS = 10_000;
/** Blocks that a node may be behind another and still be asked. */
const MOST_LAG = 2;
/** Heads of several nodes are asked for this often, ms. */
const HEADS_MS = 1_000;
/** Longest rest of the only node that is slept through here, ms; longer ones are for whoever asked to sleep. */
const LONGEST_SLEEP_MS = 10_000;

/**
 * A node that fails is asked again as long as its last answer is no older than this share of the time it has for one, or than
 * so many of its answers take.
 */
const FLAKY_SHARE = 0.3;
const FLAKY_ANSWERS = 10;
const FLAKY_REST_MS = 300;

const asList = (payload: JsonRpcPayload | JsonRpcPayload[]): JsonRpcPayload[] =>
  Array.isArray(payload) ? payload : [payload];

/** One node of several as a provider, for reads that belong together. */
class PinnedProvider extends SpeakingProvider {
  readonly #node: EndpointNode;

  constructor(network: Network, node: EndpointNode) {
    super(network);
    this.#node = node;
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<Answer[]> {
    return askPatiently(this.#node, asList(payload));
  }
}

/**
 * Sleeps through a short rest that a node asks for, and asks one again that fails now and then. What it fails to answer in one
 * piece is asked in halves: where each of many requests may fail the whole batch, the whole hardly ever comes.
 */
async function askPatiently(node: EndpointNode, payloads: JsonRpcPayload[]): Promise<Answer[]> {
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

/**
 * Several nodes of one chain as one provider: each request goes to the best of them, and to the next when that does not
 * answer; transactions go to all.
 */
export class Endpoints extends SpeakingProvider {
  readonly #nodes: readonly EndpointNode[];
  readonly #relay: EndpointNode | undefined;
  readonly #pinned = new Map<EndpointNode, PinnedProvider>();
  readonly #listeners: Set<(number: number) => void>;
  readonly #onNotice: (sentence: string) => void;
  #askedHeads = 0;
  #told = '';

  constructor(
    network: Network,
    nodes: readonly EndpointNode[],
    relay: EndpointNode | undefined,
    listeners: Set<(number: number) => void>,
    onNotice: (sentence: string) => void,
  ) {
    super(network);
    this.#nodes = nodes;
    this.#relay = relay;
    this.#listeners = listeners;
    this.#onNotice = onNotice;
    for (const node of nodes) this.#pinned.set(node, new PinnedProvider(network, node));
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<Answer[]> {
    const payloads = asList(payload);
    const isRaw = ({ method }: JsonRpcPayload): boolean => method === 'eth_sendRawTransaction';
    const raw = payloads.filter(isRaw);
    if (raw.length === 0) return this.#ask(payloads);
    const rest = payloads.filter((one) => !isRaw(one));
    const answers = await Promise.all([
      rest.length > 0 ? this.#ask(rest) : [],
      ...raw.map(async (one) => [await this.#broadcast(one, 'all')]),
    ]);
    return answers.flat();
  }

  /**
   * One node for reads that belong together: on the right chain, and not behind the others. If it fails, the look fails; the
   * next one is at another node.
   *
   * @throws NodeFailure if there is none
   */
  async look(): Promise<JsonRpcApiProvider> {
    this.#askHeads();
    const [best] = this.#byPreference();
    const node = best as EndpointNode;
    // Behind one address may be nodes of several chains, so this is asked at every look.
    node.doubt();
    return this.#pinned.get(node) as PinnedProvider;
  }

  /** Whether there is a private relay. */
  get hasRelay(): boolean {
    return this.#relay !== undefined;
  }

  /**
   * Hands a signed transaction to nodes.
   *
   * @param audience `private`: only to the private relay, if there is one
   * @returns its hash
   * @throws the first refusal if no node takes it, or NodeFailure if none answers
   */
  async broadcast(raw: string, audience: Audience = 'all'): Promise<string> {
    const payload: JsonRpcPayload = {
      id: 1,
      jsonrpc: '2.0',
      method: 'eth_sendRawTransaction',
      params: [raw],
    };
    const answer = await this.#broadcast(payload, audience);
    if ('error' in answer) throw this.getRpcError(payload, answer);
    return answer.result;
  }

  /** Tells of new blocks as soon as a websocket does; never, if no node has one. @returns what ends it */
  onHead(listener: (number: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): EndpointStatus[] {
    const newest = this.#newest();
    return this.#nodes.map((node) => {
      const status = node.status();
      const lag = status.head === undefined ? undefined : newest - status.head;
      const isBehind = status.state === 'up' && lag !== undefined && lag > MOST_LAG;
      return { ...status, state: isBehind ? 'behind' : status.state, lag };
    });
  }

  override destroy(): void {
    for (const provider of this.#pinned.values()) provider.destroy();
    for (const node of this.#nodes) node.close();
    this.#relay?.close();
    super.destroy();
  }

  #newest(): number {
    return Math.max(0, ...this.#nodes.map(({ head }) => head ?? 0));
  }

  /** Nodes that answer and are not behind first, among them the quickest. */
  #byPreference(): EndpointNode[] {
    const newest = this.#newest();
    const rank = (node: EndpointNode): number =>
      (node.isUp ? 0 : 2) + (node.head !== undefined && newest - node.head > MOST_LAG ? 1 : 0);
    return [...this.#nodes].sort((a, b) => rank(a) - rank(b) || (a.latencyMs ?? 0) - (b.latencyMs ?? 0));
  }

  /** Has every node tell its chain and its head, without anybody waiting for it. */
  #askHeads(): void {
    const now = Date.now();
    if (this.#nodes.length === 1 || now - this.#askedHeads < HEADS_MS) return;
    this.#askedHeads = now;
    const payload: JsonRpcPayload = { id: 1, jsonrpc: '2.0', method: 'eth_blockNumber', params: [] };
    for (const node of this.#nodes) {
      node.doubt();
      node.ask([payload]).catch((failure) => this.#tell(failure));
    }
  }

  async #ask(payloads: JsonRpcPayload[]): Promise<Answer[]> {
    const failures: NodeFailure[] = [];
    const nodes = this.#byPreference();
    for (const node of nodes) {
      try {
        return await (nodes.length === 1 ? askPatiently(node, payloads) : node.ask(payloads));
      } catch (failure) {
        if (!(failure instanceof NodeFailure)) throw failure;
        failures.push(failure);
        this.#tell(failure);
      }
    }
    const [first, ...others] = failures as [NodeFailure, ...NodeFailure[]];
    if (others.length === 0) throw first;
    throw new NodeFailure(first.kind, failures.map(({ message }) => message).join('; '), { cause: first });
  }

  /** A node on the wrong chain is told of at once, though others answer. */
  #tell(failure: unknown): void {
    if (!(failure instanceof NodeFailure) || failure.kind !== 'wrongChain') return;
    if (failure.message !== this.#told) this.#onNotice(failure.message);
    this.#told = failure.message;
  }

  async #broadcast(payload: JsonRpcPayload, audience: Audience): Promise<Answer> {
    const relay = this.#relay ? [this.#relay] : [];
    const targets = audience === 'private' && relay.length > 0 ? relay : [...this.#byPreference(), ...relay];
    const asked = targets.map(async (node): Promise<Answer> => {
      const [answer] = await (targets.length === 1 ? askPatiently(node, [payload]) : node.ask([payload]));
      return answer as Answer;
    });
    const taken = asked.map(async (one) => {
      const answer = await one;
      const words = 'error' in answer ? answer.error.message : undefined;
      if (words === undefined) return answer;
      // A pool that has the transaction already has done what was asked.
      if (isKnownTransaction(words)) {
        return { id: payload.id, result: keccak256((payload.params as [string])[0]) };
      }
      throw answer;
    });
    try {
      return await Promise.any(taken);
    } catch {
      const settled = await Promise.allSettled(asked);
      const refused = settled.find((one) => one.status === 'fulfilled');
      if (refused?.status === 'fulfilled') return refused.value;
      throw (settled[0] as PromiseRejectedResult).reason;
    }
  }
}

function nodeAt(url: string, timeoutMs: number, onHead: (number: number) => void): EndpointNode {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') {
    return new EndpointNode({ name: publicName(url), transport: httpTransport(url), timeoutMs });
  }
  if (protocol === 'ws:' || protocol === 'wss:') {
    const node: EndpointNode = new EndpointNode({
      name: publicName(url),
      timeoutMs,
      transport: webSocketTransport(url, (number) => {
        node.sawHead(number);
        onHead(number);
      }),
    });
    return node;
  }
  throw new EndpointError(`${url} is not an http, https, ws or wss address of an Ethereum node`);
}

/**
 * Connects to nodes of one chain over JSON-RPC.
 *
 * @throws EndpointError if no node answers, or two are on different chains
 */
export async function openEndpoints(
  urls: readonly string[],
  options: EndpointOptions = {},
): Promise<Endpoints> {
  const { privateRelay, timeoutMs = TIMEOUT_MS, onNotice = () => undefined } = options;
  if (urls.length === 0) throw new EndpointError('no address of an Ethereum node is given');
  const listeners = new Set<(number: number) => void>();
  const onHead = (number: number): void => {
    for (const listener of listeners) listener(number);
  };
  const nodes = urls.map((url) => nodeAt(url, timeoutMs, onHead));
  const relay = privateRelay === undefined ? undefined : nodeAt(privateRelay, timeoutMs, () => undefined);
  const close = (): void => {
    for (const node of nodes) node.close();
    relay?.close();
  };
  const found = await Promise.allSettled(nodes.map((node) => node.readChainId()));
  const chains = new Map<bigint, string>();
  found.forEach((one, i) => {
    const { name } = nodes[i] as EndpointNode;
    if (one.status === 'fulfilled') chains.set(one.value, chains.get(one.value) ?? name);
    else if (!(one.reason instanceof NodeFailure)) throw one.reason;
  });
  const [first, second] = [...chains];
  if (!first) {
    close();
    throw new EndpointError(
      `no Ethereum node answers at ${nodes.map(({ name }) => name).join(' or ')}; check the address and that the node runs`,
    );
  }
  if (second) {
    close();
    throw new EndpointError(
      `${first[1]} is on chain ${first[0]} and ${second[1]} on chain ${second[0]}; name nodes of one chain`,
    );
  }
  found.forEach((one) => {
    if (one.status === 'rejected')
      onNotice(`${(one.reason as NodeFailure).message}; going on with the others`);
  });
  for (const node of [...nodes, ...(relay ? [relay] : [])]) node.expect(first[0]);
  return new Endpoints(Network.from(first[0]), nodes, relay, listeners, onNotice);
}

/** Connects to one node. @throws EndpointError if none answers */
export const openEndpoint = (url: string): Promise<Endpoints> => openEndpoints([url]);
