import { dataLength, toQuantity } from 'ethers';
import type { Hex } from '../contracts/types.ts';
import { countIn } from '../endpoints/answers.ts';
import { allowedRange, isRateLimit, isUnknownBlock, NodeFailure, rpcErrorIn } from '../endpoints/failures.ts';
import { LearnedSize } from '../endpoints/learnedSize.ts';
import { mayHold } from './bloom.ts';
import type { RawLog } from './events.ts';
import type { Header } from './tables.ts';
import { UnusableAnswer } from './untrue.ts';

/** One node, as far as it is read from here. */
export interface Rpc {
  // biome-ignore lint/suspicious/noExplicitAny: a node may answer anything
  send(method: string, params: any[]): Promise<any>;
  /** Has other nodes asked first for a while, because what this one answered cannot be true. */
  distrust?(): void;
}

/** One node for reads that belong together, if the provider chooses among several; else the provider itself. */
export async function oneNode(provider: unknown): Promise<Rpc> {
  const { look } = provider as { look?: () => Promise<Rpc> };
  return look ? look.call(provider) : (provider as Rpc);
}

/** The other nodes that answer, also those that are behind, if the provider chooses among several. */
export function otherNodes(provider: unknown, node: Rpc): readonly Rpc[] {
  const { each } = provider as { each?: (evenBehind: boolean) => readonly Rpc[] };
  return each ? each.call(provider, true).filter((one) => one !== node) : [];
}

export interface FullHeader extends Header {
  /** False only if no log of the contracts can be in the block, by its bloom filter. */
  readonly mayHoldEvents: boolean;
}

type Topics = readonly (null | string | readonly string[])[];

/** Logs in one answer above which less is asked for: all of them are in memory at once. */
const MANY_LOGS = 5_000;

/** Reads blocks, logs and state of one deployment's contracts from a node. */
export class Reader {
  readonly #addresses: readonly string[];
  readonly #range = new LearnedSize({ first: 2_000, most: 100_000 });

  /** @param addresses of the contracts whose events are read */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses.map((address) => address.toLowerCase());
  }

  /** Blocks that the next request for logs covers. */
  get range(): number {
    return this.#range.size;
  }

  async latest(rpc: Rpc): Promise<FullHeader> {
    const header = this.#header(await rpc.send('eth_getBlockByNumber', ['latest', false]));
    if (!header) throw new UnusableAnswer('the node knows no latest block');
    return header;
  }

  /**
   * Makes sure that a node has the chain below a head that is far above what was read.
   *
   * @throws UnusableAnswer if it does not have the block before
   */
  async requireParent(rpc: Rpc, head: FullHeader): Promise<void> {
    const [parent] = await this.headers(rpc, [head.number - 1]);
    if (parent?.hash === head.parentHash) return;
    throw new UnusableAnswer(
      `the node says that its newest block is ${head.number}, and does not have the block before it`,
    );
  }

  /** Headers of blocks by their numbers, without those that the node does not have. */
  async headers(rpc: Rpc, numbers: readonly number[]): Promise<FullHeader[]> {
    const blocks = await Promise.all(
      numbers.map((number) => rpc.send('eth_getBlockByNumber', [toQuantity(number), false])),
    );
    return blocks.flatMap((block, i) => {
      const header = this.#header(block);
      return header && header.number === numbers[i] ? [header] : [];
    });
  }

  #header(block: unknown): FullHeader | undefined {
    const { number, hash, parentHash, timestamp, logsBloom } = (block ?? {}) as Record<string, unknown>;
    if (countIn(number) === undefined || typeof hash !== 'string' || countIn(timestamp) === undefined)
      return undefined;
    const bloom = typeof logsBloom === 'string' && dataLength(logsBloom) === 256 ? logsBloom : undefined;
    return {
      number: Number(number),
      hash,
      parentHash: typeof parentHash === 'string' ? parentHash : '0x',
      timestamp: BigInt(timestamp as string),
      mayHoldEvents: bloom === undefined || this.#addresses.some((address) => mayHold(bloom, address)),
    };
  }

  /** Logs of one block of this very hash. @throws what the node says if it does not know the block */
  async logsOfBlock(rpc: Rpc, blockHash: Hex): Promise<RawLog[]> {
    const logs = this.#logs(await rpc.send('eth_getLogs', [{ address: this.#addresses, blockHash }]));
    return logs.filter((log) => log.blockHash === blockHash);
  }

  /**
   * Logs of blocks by their numbers, from `from` on, as many blocks as the node allows at once.
   *
   * @returns the logs, and the last block that was asked for
   * @throws what the node says about a single block, or that it did not answer
   */
  async logsFrom(
    rpc: Rpc,
    from: number,
    last: number,
    topics?: Topics,
  ): Promise<{ logs: RawLog[]; to: number }> {
    for (;;) {
      const to = Math.min(last, from + this.#range.size - 1);
      const asked = to - from + 1;
      const filter = { address: this.#addresses, fromBlock: toQuantity(from), toBlock: toQuantity(to) };
      try {
        const answer = this.#logs(await rpc.send('eth_getLogs', [topics ? { ...filter, topics } : filter]));
        // Nothing was asked about other blocks, whatever the node says of them.
        const logs = answer.filter(
          ({ blockNumber }) => Number(blockNumber) >= from && Number(blockNumber) <= to,
        );
        this.#range.succeeded(asked);
        if (logs.length > MANY_LOGS) this.#range.shrink((asked * MANY_LOGS) / logs.length);
        return { logs, to };
      } catch (failure) {
        const refusal = rpcErrorIn(failure);
        // Not its limit, but it may be more than the node does in its time.
        if (failure instanceof NodeFailure && failure.kind === 'timeout') this.#range.shrink(asked / 2);
        // More than is read of one answer: fewer blocks have fewer logs.
        if (failure instanceof NodeFailure && failure.kind === 'size' && asked > 1) {
          this.#range.refused(asked);
          continue;
        }
        if (!refusal || isRateLimit(refusal) || isUnknownBlock(refusal) || asked === 1) throw failure;
        this.#range.refused(asked, allowedRange(refusal.message));
      }
    }
  }

  /** All logs between two blocks by their numbers. */
  async logsBetween(rpc: Rpc, from: number, last: number, topics?: Topics): Promise<RawLog[]> {
    const all: RawLog[] = [];
    for (let next = from; next <= last; ) {
      const { logs, to } = await this.logsFrom(rpc, next, last, topics);
      all.push(...logs);
      next = to + 1;
    }
    return all;
  }

  /** Only what can be a log of the contracts, whatever the node puts into its answer. */
  #logs(answer: unknown): RawLog[] {
    if (!Array.isArray(answer)) throw new UnusableAnswer('the node answered a request for logs with no list');
    if (answer.some((log) => typeof log !== 'object' || log === null))
      throw new UnusableAnswer('the node answered a request for logs with something that is no log');
    return (answer as RawLog[]).filter(
      ({ address, blockNumber, removed }) =>
        removed !== true &&
        typeof blockNumber === 'string' &&
        this.#addresses.includes(`${address}`.toLowerCase()),
    );
  }
}
