import { toBeHex } from 'ethers';
import { IDisputeGame__factory } from '#typechain';
import type { Hex } from '../contracts/types.ts';
import type { Case } from '../contracts/world.ts';
import { caseFrom } from './derive.ts';
import { type ChainEvent, decodeAll, type RawLog } from './events.ts';
import type { Gap } from './gaps.ts';
import type { Reader, Rpc } from './reader.ts';
import type { Unreadable } from './unreadable.ts';

/** Ids that one request for logs names at most. */
const IDS_PER_REQUEST = 50;
/** Claims of one request that are looked for by their ids; more have to be found by their blocks. */
const CLAIMS_LOOKED_FOR = 500n;

const OPENED = IDisputeGame__factory.createInterface().getEvent('Opened').topicHash;

const topic = (id: bigint): Hex => toBeHex(id, 32);

function pieces<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  );
}

/** Reads events by the ids that they name, without the other events of their blocks. */
export class CaseReader {
  readonly #reader: Reader;
  readonly #unreadable: Unreadable;

  constructor(reader: Reader, unreadable: Unreadable) {
    this.#reader = reader;
    this.#unreadable = unreadable;
  }

  /** Events of one request between two blocks. @param claims how many claims it has */
  async eventsOf(
    rpc: Rpc,
    requestId: bigint,
    claims: bigint,
    from: number,
    to: number,
  ): Promise<ChainEvent<Uint8Array>[]> {
    const count = claims < CLAIMS_LOOKED_FOR ? claims : CLAIMS_LOOKED_FOR;
    const claimIds = Array.from({ length: Number(count) }, (_, i) => (requestId << 32n) | BigInt(i + 1));
    const read = async (topics: (null | Hex[])[]): Promise<ChainEvent<Uint8Array>[]> =>
      this.#decoded(await this.#reader.logsBetween(rpc, from, to, topics));
    const found: ChainEvent<Uint8Array>[] = [];
    // The first argument is the id of a request, of a claim or, in the game's events, of a dispute.
    for (const ids of pieces([requestId, ...claimIds], IDS_PER_REQUEST))
      found.push(...(await read([null, ids.map(topic)])));
    for (const ids of pieces(claimIds, IDS_PER_REQUEST)) {
      found.push(...(await read([[OPENED], null, ids.map(topic)])));
    }
    const disputeIds = found.flatMap(({ content }) => (content.name === 'Opened' ? [content.disputeId] : []));
    for (const ids of pieces([...new Set(disputeIds)], IDS_PER_REQUEST)) {
      found.push(...(await read([null, ids.map(topic)])));
    }
    return found.filter((event) => event.requestId === requestId);
  }

  /** A case from the chain alone, with its bytes in memory. */
  async readCase(rpc: Rpc, requestId: bigint, from: number, to: number): Promise<Case | undefined> {
    const events = await this.eventsOf(rpc, requestId, CLAIMS_LOOKED_FOR, from, to);
    const timeless = new Set(events.flatMap(({ place }) => (place.timestamp ? [] : [place.blockNumber])));
    const headers = await this.#reader.headers(rpc, [...timeless]);
    const times = new Map(headers.map(({ number, timestamp }) => [number, timestamp]));
    return caseFrom(events, times);
  }

  /** The first events of the requests or disputes in a gap, with others of its blocks if it is long. */
  async eventsIn(rpc: Rpc, gap: Gap): Promise<ChainEvent<Uint8Array>[]> {
    return this.#decoded(await this.#logsIn(rpc, gap));
  }

  #decoded(logs: readonly RawLog[]): ChainEvent<Uint8Array>[] {
    return decodeAll(logs, (...found) => this.#unreadable.note(...found));
  }

  #logsIn(rpc: Rpc, { first, last, fromBlock, toBlock }: Gap): Promise<RawLog[]> {
    const count = Number(last - first) + 1;
    if (count > IDS_PER_REQUEST) return this.#reader.logsBetween(rpc, fromBlock, toBlock);
    const ids = Array.from({ length: count }, (_, i) => topic(first + BigInt(i)));
    return this.#reader.logsBetween(rpc, fromBlock, toBlock, [null, ids]);
  }
}
