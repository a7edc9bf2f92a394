import { type JsonRpcApiProvider, type JsonRpcPayload, keccak256, Network } from 'ethers';
import { isSilence } from '../messages/connection.ts';
import { isKnownTransaction, NodeFailure } from './failures.ts';
import { type Head, isBelieved, isContradictory } from './heads.ts';
import { httpTransport } from './http.ts';
import { type Answer, EndpointNode, type NodeStatus } from './node.ts';
import { askPatiently, asList, PinnedProvider } from './pinned.ts';
import { chainOfRelay, isAway, WITHOUT_RELAY } from './relay.ts';
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
/** Heads of several nodes are asked for this often, ms, and their headers, unless they contradict each other. */
const HEADS_MS = 1_000;
const HEADERS_MS = 10_000;
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
  readonly #doubted = new Set<EndpointNode>();
  #askedHeads = Number.NEGATIVE_INFINITY;
  #askedHeaders = Number.NEGATIVE_INFINITY;
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

  /** The nodes that answer and are not behind, each alone; none if there is one node. @param evenBehind those behind as well */
  each(evenBehind = false): readonly JsonRpcApiProvider[] {
    if (this.#nodes.length === 1) return [];
    const standing = this.#standing();
    const good = this.#nodes.filter((node) => node.isUp && (evenBehind || !standing(node).isBehind));
    return good.map((node) => this.#pinned.get(node) as PinnedProvider);
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
    const standing = this.#standing();
    return this.#nodes.map((node) => {
      const status = node.status();
      const { lag, isBehind } = standing(node);
      return { ...status, state: status.state === 'up' && isBehind ? 'behind' : status.state, lag };
    });
  }

  override destroy(): void {
    for (const provider of this.#pinned.values()) provider.destroy();
    for (const node of this.#nodes) node.close();
    this.#relay?.close();
    super.destroy();
  }

  /** Tells of each node whether its head is believed and how far behind it is. */
  #standing(): (node: EndpointNode) => { readonly lag: number | undefined; readonly isBehind: boolean } {
    const now = Date.now() / 1000;
    const heads = new Map(this.#nodes.flatMap((node) => (node.head ? [[node, node.head]] : [])));
    const believed = new Map<EndpointNode, Head>();
    for (const [node, head] of heads) {
      const others = [...heads].flatMap(([other, itsHead]) => (other === node ? [] : [itsHead]));
      if (isBelieved(head, others, now)) believed.set(node, head);
      this.#tellHead(node, head, believed.has(node));
    }
    const newest = Math.max(0, ...[...believed.values()].map(({ number }) => number));
    return (node) => {
      const head = heads.get(node);
      if (!head) return { lag: undefined, isBehind: false };
      const lag = Math.max(0, newest - head.number);
      return { lag, isBehind: lag > MOST_LAG || !believed.has(node) };
    };
  }

  /** Says once, as long as it lasts, that the head of a node is not believed. */
  #tellHead(node: EndpointNode, { number }: Head, isBelievedNow: boolean): void {
    if (isBelievedNow) this.#doubted.delete(node);
    if (isBelievedNow || this.#doubted.has(node)) return;
    this.#doubted.add(node);
    const sentence = `${node.name} says that its newest block is ${number}, which does not fit what the others say`;
    this.#onNotice(`${sentence}; it is asked after them until it does`);
  }

  /** Nodes that answer and are not behind first, among them the quickest. */
  #byPreference(): EndpointNode[] {
    const standing = this.#standing();
    const ranks = new Map(
      this.#nodes.map((node) => [node, (node.isUp ? 0 : 2) + (standing(node).isBehind ? 1 : 0)]),
    );
    const rank = (node: EndpointNode): number => ranks.get(node) as number;
    return [...this.#nodes].sort((a, b) => rank(a) - rank(b) || (a.latencyMs ?? 0) - (b.latencyMs ?? 0));
  }

  /** Has every node tell its chain and its head, without anybody waiting for it. */
  #askHeads(): void {
    const now = performance.now();
    if (this.#nodes.length === 1 || now - this.#askedHeads < HEADS_MS) return;
    this.#askedHeads = now;
    const number: JsonRpcPayload = { id: 1, jsonrpc: '2.0', method: 'eth_blockNumber', params: [] };
    const header = { ...number, id: 2, method: 'eth_getBlockByNumber', params: ['latest', false] };
    const heads = this.#nodes.flatMap(({ head }) => head ?? []);
    const isDisputed = isContradictory(heads) || now - this.#askedHeaders >= HEADERS_MS;
    if (isDisputed) this.#askedHeaders = now;
    for (const node of this.#nodes) {
      node.doubt();
      node.ask(isDisputed ? [number, header] : [number]).catch((failure) => this.#tell(failure));
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
      transport: webSocketTransport(url, (head) => {
        node.sawHead(head.number, head);
        onHead(head.number);
      }),
    });
    return node;
  }
  // Nothing of the text: where a scheme was forgotten, a password or an API key may be anywhere in it.
  throw new EndpointError('the address of an Ethereum node is not an http, https, ws or wss address');
}

/** Says why no node told its chain: each one's own reason. */
function reasonsOf(found: readonly PromiseSettledResult<unknown>[]): string {
  const failures = found.flatMap((one) => (one.status === 'rejected' ? [one.reason as NodeFailure] : []));
  const isSilent = failures.every(({ kind, cause }) => kind === 'timeout' || isSilence(cause));
  const reasons = failures.map(({ message }) => message).join('; ');
  return isSilent ? `${reasons}; check the address and that the node runs` : reasons;
}

/**
 * Connects to nodes of one chain over JSON-RPC.
 *
 * @throws EndpointError if no node answers, or two are on different chains, or the relay is on another one
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
  const [found, relayChain] = await Promise.all([
    Promise.allSettled(nodes.map((node) => node.readChainId())),
    relay && chainOfRelay(relay),
  ]);
  const chains = new Map<bigint, string>();
  found.forEach((one, i) => {
    const { name } = nodes[i] as EndpointNode;
    if (one.status === 'fulfilled') chains.set(one.value, chains.get(one.value) ?? name);
    else if (!(one.reason instanceof NodeFailure)) throw one.reason;
  });
  const [first, second] = [...chains];
  if (!first) {
    close();
    throw new EndpointError(reasonsOf(found));
  }
  const [chainId, name] = first;
  if (second) {
    close();
    throw new EndpointError(
      `${name} is on chain ${chainId} and ${second[1]} on chain ${second[0]}; name nodes of one chain`,
    );
  }
  if (typeof relayChain === 'bigint' && relayChain !== chainId) {
    close();
    throw new EndpointError(
      `the private relay ${relay?.name} is on chain ${relayChain} and ${name} on chain ${chainId}; name a relay of this chain`,
    );
  }
  for (const one of found)
    if (one.status === 'rejected')
      onNotice(`${(one.reason as NodeFailure).message}; going on with the others`);
  if (relayChain !== undefined && isAway(relayChain))
    onNotice(`${relayChain.message}; it is the private relay: until it answers, ${WITHOUT_RELAY}`);
  for (const node of nodes) node.expect(chainId);
  // One that does not tell its chain takes transactions all the same, which say theirs.
  if (typeof relayChain === 'bigint') relay?.expect(chainId);
  return new Endpoints(Network.from(chainId), nodes, relay, listeners, onNotice);
}

/** Connects to one node. @throws EndpointError if none answers */
export const openEndpoint = (url: string): Promise<Endpoints> => openEndpoints([url]);
