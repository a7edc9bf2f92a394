import { type ContractTransaction, id as hashOfText, Interface, keccak256, toQuantity } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import type { Contracts } from '../../../src/chain/contracts/contracts.ts';
import { CALLBACK_STATUS, CLAIM_STATUS, REQUEST_STATUS } from '../../../src/chain/contracts/status.ts';
import type { RawLog } from '../../../src/chain/index/events.ts';
import { requestHash, stateHash } from '../../../src/chain/index/facts.ts';
import type { Random } from '../randomProgram.ts';
import { actAtRandom, type SimulatedEvent, type SimulatedState } from './simulatedState.ts';
import { viewCalls } from './viewCalls.ts';

const ORACLE = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0';
const GAME = '0x75537828f2ce51be7289709686A69CbFDbB714F1';
const SECONDS_PER_BLOCK = 12n;

/** Codes of what the client knows of a callback. */
const CALLBACKS = {
  notRun: CALLBACK_STATUS.none,
  failed: CALLBACK_STATUS.failed,
  done: CALLBACK_STATUS.done,
};

const oracle = new Interface(IInferenceOracle__factory.abi);
const game = new Interface(IDisputeGame__factory.abi);

const readOracleCall = viewCalls(oracle);
const readGameCall = viewCalls(game);

export interface SimulatedBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly timestamp: bigint;
  readonly logsBloom: string;
  readonly logs: readonly RawLog[];
  /** The protocol after this block. */
  readonly state: SimulatedState;
}

/** An error as a node answers it. */
export class NodeError extends Error {
  readonly error: { readonly code: number; readonly message: string };
  constructor(code: number, message: string) {
    super(message);
    this.error = { code, message };
  }
}

function bloomOf(addresses: readonly string[]): string {
  const bits = new Uint8Array(256);
  for (const address of addresses) {
    const hash = Buffer.from(keccak256(address).slice(2), 'hex');
    for (const at of [0, 2, 4]) {
      const bit = hash.readUInt16BE(at) & 2047;
      bits[255 - (bit >> 3)]! |= 1 << (bit & 7);
    }
  }
  return `0x${Buffer.from(bits).toString('hex')}`;
}

export interface SimulationOptions {
  /** Whether logs carry the time of their block, as newer nodes have it. */
  readonly timesInLogs: boolean;
}

/** A chain in memory with nothing on it but the protocol's events, answering JSON-RPC as an honest node does. */
export class SimulatedChain {
  readonly #random: Random;
  readonly #options: SimulationOptions;
  readonly blocks: SimulatedBlock[] = [];
  /** Blocks of branches that were given up, newest last. */
  readonly orphans: SimulatedBlock[] = [];
  #made = 0;

  constructor(random: Random, options: SimulationOptions) {
    this.#random = random;
    this.#options = options;
    this.#append([], { requests: [], disputeCount: 0n });
  }

  get head(): SimulatedBlock {
    return this.blocks.at(-1) as SimulatedBlock;
  }

  /** Adds a block with so many transactions. */
  mine(transactions: number): void {
    const state = transactions > 0 ? structuredClone(this.head.state) : this.head.state;
    const timestamp = this.head.timestamp + SECONDS_PER_BLOCK;
    const events = Array.from({ length: transactions }, () => {
      const transaction = hashOfText(`transaction ${++this.#made}`);
      return actAtRandom(state, this.#random, { timestamp, transaction }).map((event) => ({
        event,
        transaction,
      }));
    });
    this.#append(events.flat(), state);
  }

  /** Gives up the last blocks. */
  drop(depth: number): void {
    this.orphans.push(...this.blocks.splice(Math.max(1, this.blocks.length - depth)));
  }

  #append(events: readonly { event: SimulatedEvent; transaction: string }[], state: SimulatedState): void {
    const parent = this.blocks.at(-1);
    const number = this.blocks.length;
    const hash = hashOfText(`block ${++this.#made}`);
    const timestamp = parent ? parent.timestamp + SECONDS_PER_BLOCK : 1_700_000_000n;
    // Other contracts have logs in between.
    let logIndex = this.#random.below(3);
    const logs = events.map(({ event: { contract, name, args }, transaction }): RawLog => {
      const abi = contract === 'oracle' ? oracle : game;
      const { topics, data } = abi.encodeEventLog(name, args);
      logIndex += 1 + this.#random.below(2);
      return {
        address: (contract === 'oracle' ? ORACLE : GAME).toLowerCase(),
        topics: topics as string[],
        data,
        blockNumber: toQuantity(number),
        blockHash: hash,
        transactionHash: transaction,
        logIndex: toQuantity(logIndex),
        ...(this.#options.timesInLogs ? { blockTimestamp: toQuantity(timestamp) } : {}),
      };
    });
    const logsBloom = bloomOf(logs.map(({ address }) => address));
    const parentHash = parent?.hash ?? `0x${'00'.repeat(32)}`;
    this.blocks.push({ number, hash, parentHash, timestamp, logsBloom, logs, state });
  }

  /** The answer of an honest node. @throws NodeError where it would answer one */
  answer(method: string, params: readonly unknown[]): unknown {
    switch (method) {
      case 'eth_getBlockByNumber':
        return this.header(params[0] === 'latest' ? this.head.number : Number(params[0]));
      case 'eth_getLogs':
        return this.logs(params[0] as LogFilter);
      case 'eth_call': {
        const [{ to, data }, { blockHash }] = params as [ContractTransaction, { blockHash: string }];
        return this.#call(to, data, this.#blockWith(blockHash).state);
      }
      default:
        throw new NodeError(-32601, `the method ${method} does not exist`);
    }
  }

  header(number: number): object | null {
    const block = this.blocks[number];
    if (!block) return null;
    const { hash, parentHash, timestamp, logsBloom } = block;
    return { number: toQuantity(number), hash, parentHash, timestamp: toQuantity(timestamp), logsBloom };
  }

  logs({ blockHash, fromBlock, toBlock, topics }: LogFilter): RawLog[] {
    const blocks =
      blockHash === undefined
        ? this.blocks.slice(Number(fromBlock), Number(toBlock) + 1)
        : [this.#blockWith(blockHash)];
    return blocks.flatMap(({ logs }) => logs).filter((log) => matches(log, topics ?? []));
  }

  #blockWith(hash: string): SimulatedBlock {
    const found = this.blocks.find((block) => block.hash === hash);
    if (!found) throw new NodeError(-32000, 'unknown block');
    return found;
  }

  #call(to: string, data: string, { requests, disputeCount }: SimulatedState): string {
    const call = (to === ORACLE ? readOracleCall : readGameCall)(data);
    if (!call) throw new NodeError(3, 'execution reverted');
    const { id, encode } = call;
    const claims = requests.flatMap((one) => one.claims);
    switch (call.name) {
      case 'requestCount':
        return encode(BigInt(requests.length));
      case 'disputeCount':
        return encode(disputeCount);
      case 'requestHash': {
        const found = requests.find(({ requestId }) => requestId === id);
        return encode(found ? requestHash(found.request) : `0x${'00'.repeat(32)}`);
      }
      case 'progress': {
        const found = requests.find(({ requestId }) => requestId === id);
        const status = REQUEST_STATUS[found?.status ?? 'none'];
        const open = found?.claims.filter((one) => one.status === 'open').length ?? 0;
        const callback = CALLBACKS[found?.callback ?? 'notRun'];
        return encode([
          found?.claims.length ?? 0,
          open,
          0,
          status,
          false,
          callback,
          found?.feeHeld ?? false,
          0,
        ]);
      }
      case 'claims': {
        const found = claims.find(({ claimId }) => claimId === id);
        if (!found) return encode([`0x${'00'.repeat(20)}`, 0, 0, 0]);
        const open = found.disputes.filter(({ ended }) => !ended).length;
        const status = CLAIM_STATUS[found.status];
        return encode([found.claimant, found.claimedAt, open, status]);
      }
      case 'traceOf':
        return encode(claims.find(({ claimId }) => claimId === id)?.traceRoot ?? `0x${'00'.repeat(32)}`);
      case 'disputes': {
        const found = claims.flatMap(({ disputes }) => disputes).find(({ disputeId }) => disputeId === id);
        return encode(
          found && !found.ended ? stateHash(found.dispute, found.subject) : `0x${'00'.repeat(32)}`,
        );
      }
      default:
        throw new NodeError(3, 'execution reverted');
    }
  }
}

export interface LogFilter {
  readonly blockHash?: string;
  readonly fromBlock?: string;
  readonly toBlock?: string;
  readonly topics?: readonly (null | string | readonly string[])[];
}

const matches = (log: RawLog, topics: NonNullable<LogFilter['topics']>): boolean =>
  topics.every((wanted, i) => wanted === null || [wanted].flat().includes(log.topics[i] as string));

/** Contracts that are read through a function instead of a node. */
export function contractsOver(send: (method: string, params: unknown[]) => Promise<unknown>): Contracts {
  const provider = { send, getNetwork: async () => ({ chainId: 31337n }) };
  const at = (address: string) => ({ getAddress: async () => address });
  return { provider, oracle: at(ORACLE), game: at(GAME) } as unknown as Contracts;
}
