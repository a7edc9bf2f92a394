import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  ConstantBackoff,
  circuitBreaker,
  handleWhen,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from 'ethers';
import { oneLine } from '../messages/revert.ts';
import { countIn, headIn, objectionTo, shown } from './answers.ts';
import { whenFailuresLast } from './breaker.ts';
import { type FailureKind, isRateLimit, NodeFailure, refusalOf, regular, restIn } from './failures.ts';
import { FAR_BLOCKS, type Head } from './heads.ts';
import { LearnedSize } from './learnedSize.ts';
import type { Transport } from './transport.ts';

export type Answer = JsonRpcResult | JsonRpcError;

export interface NodeOptions {
  /** Its address, as it may be shown. */
  readonly name: string;
  readonly transport: Transport;
  /** Longest that one exchange takes, ms. */
  readonly timeoutMs: number;
  /** Milliseconds, from any beginning, by a clock that nobody sets back. */
  readonly now?: () => number;
}

/** State of one node, for metrics and for diagnosis. */
export interface NodeStatus {
  /** URL without credentials. */
  readonly url: string;
  readonly state: 'up' | 'down' | 'wrongChain';
  /** Number of the newest block that it told of. */
  readonly head: number | undefined;
  /** Exchanges that failed since the start. */
  readonly failures: number;
  /** Recent latency, ms. */
  readonly latencyMs: number | undefined;
  /** Why the last exchange failed; undefined if it did not. */
  readonly trouble: string | undefined;
}

const AT_ONCE = 8;
const QUEUE = 10_000;
const RETRY_MS = 100;
/** First pause after "too many requests" that names no time, ms; doubles each time. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** The longest such pause where the node names no time, ms. */
const LONGEST_GUESS_MS = 15_000;
/** A node on the wrong chain is asked again after this, ms. */
const WRONG_CHAIN_MS = 5_000;
/** A node whose answers cannot be true is asked after the others for this time, ms. */
const DISTRUST_MS = 30_000;
/** Share of the newest exchange in the average of latencies. */
const NEWEST = 0.2;

/** Kinds that may be gone in a moment. A timeout is not among them: it has cost enough time. */
const QUICK: readonly FailureKind[] = ['unreachable', 'server', 'malformed'];
export const isQuick = (failure: unknown): boolean =>
  failure instanceof NodeFailure && QUICK.includes(failure.kind);
const isDown = (failure: unknown): boolean =>
  isQuick(failure) || failure instanceof TaskCancelledError || (failure as NodeFailure).kind === 'timeout';

/** One node: asks it with a timeout and a retry, learns what it takes, and makes sure that it is on the right chain. */
export class EndpointNode {
  readonly name: string;
  /** Time that it has for an answer, ms. */
  readonly timeoutMs: number;
  readonly #transport: Transport;
  readonly #batch = new LearnedSize({ first: 100, most: 100 });
  readonly #now: () => number;
  readonly #policy;
  #nextId = 1;
  #chainId: bigint | undefined;
  #readChainId: bigint | undefined;
  #checked: Promise<void> | undefined;
  /** That it was found on another chain, which stays so until it is found on the right one. */
  #wrongChain: { readonly failure: NodeFailure; readonly askedUntil: number } | undefined;
  #restUntil = 0;
  #restMs = FIRST_REST_MS;
  #head: number | undefined;
  #header: Head | undefined;
  #distrustUntil = 0;
  #failures = 0;
  #latencyMs: number | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #trouble: NodeFailure | undefined;

  constructor({ name, transport, timeoutMs, now = () => performance.now() }: NodeOptions) {
    this.name = name;
    this.timeoutMs = timeoutMs;
    this.#now = now;
    this.#transport = transport;
    if (!transport.batches) this.#batch.shrink(1);
    this.#policy = wrap(
      bulkhead(AT_ONCE, QUEUE),
      retry(handleWhen(isQuick), { maxAttempts: 1, backoff: new ConstantBackoff(RETRY_MS) }),
      circuitBreaker(handleWhen(isDown), whenFailuresLast(now)),
      timeout(timeoutMs, TimeoutStrategy.Aggressive),
    );
  }

  /** Whether its last exchange went well. */
  get isUp(): boolean {
    const isTrusted = this.#now() >= this.#distrustUntil;
    return isTrusted && this.#trouble === undefined && this.#wrongChain === undefined && this.restMs === 0;
  }

  /** The newest block by its latest answer, with the time of a header of that block or of one near it. */
  get head(): Head | undefined {
    const [number, header] = [this.#head, this.#header];
    if (number === undefined) return undefined;
    const isNear = header !== undefined && Math.abs(header.number - number) <= FAR_BLOCKS;
    return { number, timestamp: isNear ? header.timestamp : undefined };
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** Time since its last good answer, ms. */
  get silentMs(): number {
    return this.#now() - this.#answeredAt;
  }

  /** Pause that the node asked for (Retry-After), ms. */
  get restMs(): number {
    return Math.max(0, this.#restUntil - this.#now());
  }

  /** Names the chain that it must be on: that is asked before anything else unless it was, and again after every failure. */
  expect(chainId: bigint): void {
    this.#chainId = chainId;
    if (this.#readChainId === chainId) this.#checked = Promise.resolve();
  }

  /** Has the chain asked for again. */
  doubt(): void {
    this.#checked = undefined;
  }

  /** Has other nodes asked first for a while: what this one answered cannot be true. */
  distrust(): void {
    this.#distrustUntil = this.#now() + DISTRUST_MS;
  }

  /** Learns of its newest block, which may be an earlier one than before. @param header that came with the number */
  sawHead(number: number, header?: Head): void {
    this.#head = number;
    if (header) this.#header = header;
  }

  status(): NodeStatus {
    const isWrong = this.#wrongChain !== undefined;
    return {
      url: this.name,
      state: isWrong ? 'wrongChain' : this.isUp ? 'up' : 'down',
      head: this.#head,
      failures: this.#failures,
      latencyMs: this.#latencyMs,
      trouble: (this.#wrongChain?.failure ?? this.#trouble)?.message,
    };
  }

  close(): void {
    this.#transport.close();
  }

  /** The chain that it is on. */
  async readChainId(): Promise<bigint> {
    const [answer] = await this.#askFor([{ id: 1, jsonrpc: '2.0', method: 'eth_chainId', params: [] }]);
    const { result } = answer as { result?: unknown };
    if (typeof result === 'string' && /^0x[0-9a-f]{1,64}$/i.test(result)) {
      this.#readChainId = BigInt(result);
      return this.#readChainId;
    }
    const words = refusalOf(answer)?.message;
    const how =
      words === undefined ? `answers eth_chainId with ${shown(result)}` : `says: ${oneLine(`${words}`)}`;
    throw new NodeFailure('malformed', `${this.name} does not say on which chain it is; it ${how}`);
  }

  /**
   * Asks everything, in as few pieces as the node takes.
   *
   * @returns an answer to each, in order; that may be an error of the node's own
   * @throws NodeFailure if it did not answer, or is on another chain
   */
  async ask(payloads: readonly JsonRpcPayload[]): Promise<Answer[]> {
    if (this.#wrongChain && this.#now() < this.#wrongChain.askedUntil) throw this.#wrongChain.failure;
    const sends = payloads.some(({ method }) => method === 'eth_sendRawTransaction');
    if (sends) await this.#checkChain();
    // An answer of the wrong chain does no harm unless somebody sees it, so what only reads is asked at the same time.
    const [answers] = await Promise.all([this.#askFor(payloads), this.#checkChain()]);
    answers.forEach((answer, i) => {
      this.#notice(payloads[i] as JsonRpcPayload, answer);
    });
    return answers;
  }

  async #checkChain(): Promise<void> {
    const expected = this.#chainId;
    if (expected === undefined) return;
    this.#checked ??= (async () => {
      const found = await this.readChainId();
      if (found === expected) {
        this.#wrongChain = undefined;
        return;
      }
      const sentence = `${this.name} is on chain ${found}, not on ${expected}; it is left out until it is back`;
      const failure = this.#failed(new NodeFailure('wrongChain', sentence));
      this.#wrongChain = { failure, askedUntil: this.#now() + WRONG_CHAIN_MS };
      throw failure;
    })();
    const checking = this.#checked;
    try {
      await checking;
    } catch (failure) {
      if (this.#checked === checking) this.#checked = undefined;
      throw failure;
    }
  }

  async #askFor(payloads: readonly JsonRpcPayload[]): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let done = 0; done < payloads.length; ) {
      // Several pieces at once, or a node without batches would take a round trip for each request.
      const pieces: (readonly JsonRpcPayload[])[] = [];
      for (let next = done; next < payloads.length && pieces.length < AT_ONCE; next += this.#batch.size) {
        pieces.push(payloads.slice(next, next + this.#batch.size));
      }
      const results = await Promise.all(pieces.map((piece) => this.#askPiece(piece)));
      for (const result of results) {
        if (!result) break;
        answers.push(...result);
      }
      done = answers.length;
    }
    return answers;
  }

  /** @returns undefined if the piece was too large and has to be cut */
  async #askPiece(payloads: readonly JsonRpcPayload[]): Promise<Answer[] | undefined> {
    const fresh = payloads.map((payload) => ({ ...payload, id: this.#nextId++ }));
    const body = await this.#exchange(fresh).catch((failure: NodeFailure) => {
      if (failure.kind !== 'batch') throw failure;
      return undefined;
    });
    const list: unknown[] = (Array.isArray(body) ? body : [body]).map(regular);
    const byId = new Map(list.map((one) => [(one as { id?: unknown } | undefined)?.id, one as Answer]));
    const limited = list.map(refusalOf).find((refusal) => refusal && isRateLimit(refusal));
    const isMissing = fresh.some(({ id }) => !byId.has(id));
    if (limited && (isMissing || fresh.length === 1 || list.every(refusalOf))) {
      throw this.#rest(
        new NodeFailure('rate', `${this.name} takes no more requests for now (${limited.message})`, {
          retryAfterMs: restIn(limited),
        }),
      );
    }
    if (fresh.length > 1) {
      if (isMissing) {
        this.#batch.refused(fresh.length);
        return undefined;
      }
      this.#batch.succeeded(fresh.length);
    } else if (isMissing) {
      const only = list[0] as Answer | undefined;
      if (!refusalOf(only))
        throw new NodeFailure('malformed', `${this.name} answers another question than the one asked`);
      return [{ ...(only as Answer), id: (payloads[0] as JsonRpcPayload).id }];
    }
    return payloads.map(({ id }, i) => ({ ...(byId.get((fresh[i] as JsonRpcPayload).id) as Answer), id }));
  }

  /** Sees the node's head in the answers to what others asked. @throws NodeFailure for an answer that cannot be true */
  #notice(payload: JsonRpcPayload, answer: Answer): void {
    if (!('result' in answer)) return;
    const { method, params } = payload;
    const { result } = answer;
    const objection = objectionTo(payload, result);
    if (objection !== undefined) {
      this.distrust();
      throw this.#failed(new NodeFailure('malformed', `${this.name} ${objection}`));
    }
    if (method === 'eth_blockNumber') this.sawHead(countIn(result) as number);
    const isLatest = method === 'eth_getBlockByNumber' && (params as unknown[])[0] === 'latest';
    const header = isLatest ? headIn(result) : undefined;
    if (header) this.sawHead(header.number, header);
  }

  async #exchange(payloads: readonly JsonRpcPayload[]): Promise<unknown> {
    if (this.restMs > 0 && this.#trouble) throw this.#trouble;
    const start = this.#now();
    try {
      const body = await this.#policy.execute(({ signal }) => this.#transport.exchange(payloads, signal));
      const took = this.#now() - start;
      this.#latencyMs = this.#latencyMs === undefined ? took : (1 - NEWEST) * this.#latencyMs + NEWEST * took;
      this.#trouble = undefined;
      this.#answeredAt = this.#now();
      this.#restMs = FIRST_REST_MS;
      return body;
    } catch (failure) {
      throw this.#inWords(failure, payloads);
    }
  }

  #inWords(failure: unknown, payloads: readonly JsonRpcPayload[]): NodeFailure {
    if (failure instanceof NodeFailure) {
      if (failure.kind === 'rate') return this.#rest(failure);
      return failure.kind === 'batch' ? failure : this.#failed(failure);
    }
    if (failure instanceof TaskCancelledError) {
      const [{ method } = { method: 'a request' }] = payloads;
      return this.#failed(new NodeFailure('timeout', `${this.name} did not answer ${method} in time`));
    }
    if (failure instanceof BrokenCircuitError || failure instanceof BulkheadRejectedError) {
      return this.#trouble ?? new NodeFailure('unreachable', `${this.name} is left alone for a moment`);
    }
    throw failure;
  }

  #failed(failure: NodeFailure): NodeFailure {
    this.#failures++;
    this.#trouble = failure;
    // After this, another node may answer at the same address.
    this.doubt();
    return failure;
  }

  #rest(failure: NodeFailure): NodeFailure {
    const ms = Math.min(LONGEST_REST_MS, failure.retryAfterMs ?? this.#restMs);
    this.#restMs = Math.min(LONGEST_GUESS_MS, 2 * this.#restMs);
    this.#restUntil = this.#now() + ms;
    this.#failures++;
    this.#trouble = failure;
    return failure;
  }
}
