import { toBeHex } from 'ethers';
import { IDisputeGame__factory } from '#typechain';
import type { Address, Hex } from '../contracts/types.ts';
import type { Case } from '../contracts/world.ts';
import { caseFrom } from './derive.ts';
import { type ChainEvent, decodeAll, type RawLog } from './events.ts';
import { agrees, type Counts, type Facts, StateReader } from './facts.ts';
import { EventsMissing, type Gap, idsIn, isOwed, keyOf } from './gaps.ts';
import type { Reader, Rpc } from './reader.ts';
import type { IndexStore } from './store.ts';
import type { Header } from './tables.ts';
import type { Unreadable } from './unreadable.ts';

/** Cases that are compared in one look besides those that have changed; all have their turn. */
const CHECKS_PER_LOOK = 50;
/** Gaps that are read again before it is seen whether that closes any. */
const GAPS_AT_ONCE = 8;
/** Times that a node is asked for what it owes before the index goes on without: a few looks. */
const MOST_TRIES = 20;
/** Looks between two times that something is asked for which may not be there, at most. */
const LONGEST_WAIT = 64;
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

/** The records that a checker compares and mends. */
export interface Records {
  readonly store: IndexStore;
  /** Requests whose records have changed since they were last compared. */
  readonly changed: ReadonlySet<bigint>;
  /** The records, and whether their events are without gaps as far as those tell. */
  find(requestId: bigint): { readonly case: Case; readonly isWhole: boolean } | undefined;
  /** Makes the records of requests anew from their events. */
  derive(requestIds: Iterable<bigint>): void;
}

/** Compares records with what the contracts say at the same block, and reads again what is not so. */
export class Checker {
  readonly #reader: Reader;
  readonly #state: StateReader;
  readonly #unreadable: Unreadable;
  #doubtful = new Set<bigint>();
  /** Gaps by their first ids: how often each was read, and how many looks it is left alone. */
  readonly #gaps = new Map<string, { readonly tries: number; readonly waits: number }>();
  #unseen: readonly Gap[] = [];
  /** Requests that are still to have their turn. */
  #turn: bigint[] = [];

  constructor(reader: Reader, oracle: Address, game: Address, unreadable: Unreadable) {
    this.#reader = reader;
    this.#unreadable = unreadable;
    this.#state = new StateReader(oracle, game);
  }

  /** Requests whose records are not what the contracts say. */
  get doubtful(): ReadonlySet<bigint> {
    return this.#doubtful;
  }

  /** Requests and disputes whose events the node owes and does not give, after it was asked often enough. */
  get unseen(): readonly Gap[] {
    return this.#unseen;
  }

  /** Counts requests and disputes as of a block. */
  counts(rpc: Rpc, at: Header): Promise<Counts> {
    return this.#state.counts(rpc, at);
  }

  /**
   * @param at the block up to which everything was read
   * @param counts as of that block
   * @throws EventsMissing if the node leaves out a request or a dispute
   */
  async check(rpc: Rpc, at: Header, counts: Counts, records: Records): Promise<void> {
    await this.#closeGaps(rpc, at, counts, records);
    let ids = [...new Set([...records.changed, ...this.#doubtful, ...this.#nextTurn(records.store)])];
    // First missing events are added; if the records still differ, all events of the request are replaced.
    for (const mend of ['add', 'replace', undefined] as const) {
      const wrong = await this.#disagreeing(rpc, at, records, ids);
      ids = wrong.map(({ id }) => id);
      if (mend === undefined || wrong.length === 0) break;
      for (const { id, facts } of wrong) await this.#readAgain(rpc, at, records, id, facts, mend);
      // Replacing drops a request's events first, so a dispute that the node now leaves out has become a gap.
      if (mend === 'replace') await this.#closeGaps(rpc, at, counts, records);
    }
    this.#doubtful = new Set(ids);
  }

  /** Requests whose records have to be compared for no other reason than that it is their turn. */
  #nextTurn(store: IndexStore): bigint[] {
    if (this.#turn.length === 0) this.#turn = store.requestsKept();
    return this.#turn.splice(0, CHECKS_PER_LOOK);
  }

  async #disagreeing(
    rpc: Rpc,
    at: Header,
    records: Records,
    ids: readonly bigint[],
  ): Promise<{ readonly id: bigint; readonly facts: Facts }[]> {
    const compared = await Promise.all(
      ids.map(async (id) => {
        const found = records.find(id);
        if (!found) return [];
        const facts = await this.#state.facts(rpc, at, found.case);
        return found.isWhole && agrees(found.case, facts) ? [] : [{ id, facts }];
      }),
    );
    return compared.flat();
  }

  /** Gets everything of one request by the ids in its events, without the other events of those blocks. */
  async #readAgain(
    rpc: Rpc,
    at: Header,
    records: Records,
    id: bigint,
    facts: Facts,
    mend: 'add' | 'replace',
  ): Promise<void> {
    const { store } = records;
    const from = store.eventsOn(id)[0]?.place.blockNumber ?? store.fromBlock;
    const events = await this.#eventsOf(rpc, id, facts.claims, from, at.number);
    const isWhole = events.some(({ content: { name } }) => name === 'Requested');
    const changed = store.atomically(() => {
      if (mend === 'replace' && isWhole) store.forget(id);
      return [id, ...events.flatMap((event) => store.put(event))];
    });
    records.derive(changed);
  }

  async #eventsOf(
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
    const events = await this.#eventsOf(rpc, requestId, CLAIMS_LOOKED_FOR, from, to);
    const timeless = new Set(events.flatMap(({ place }) => (place.timestamp ? [] : [place.blockNumber])));
    const headers = await this.#reader.headers(rpc, [...timeless]);
    const times = new Map(headers.map(({ number, timestamp }) => [number, timestamp]));
    return caseFrom(events, times);
  }

  /** Reads the gaps between ids again, until that closes no more of them. */
  async #closeGaps(rpc: Rpc, at: Header, counts: Counts, { store, derive }: Records): Promise<void> {
    const gapsNow = (): Gap[] => [
      ...store.gaps('request', counts.requests, at.number),
      ...store.gaps('dispute', counts.disputes, at.number),
    ];
    let [gaps, before] = [gapsNow(), Number.POSITIVE_INFINITY];
    for (let due = this.#due(gaps); due.length > 0 && idsIn(gaps) < before; due = this.#due(gaps)) {
      before = idsIn(gaps);
      for (const gap of due) {
        this.#note(gap, isOwed(gap, gaps));
        const events = this.#decoded(await this.#logsIn(rpc, gap));
        derive(store.atomically(() => events.flatMap((event) => store.put(event))));
      }
      gaps = gapsNow();
    }
    for (const [key, { tries, waits }] of this.#gaps) {
      if (!gaps.some((gap) => keyOf(gap) === key)) this.#gaps.delete(key);
      else this.#gaps.set(key, { tries, waits: Math.max(0, waits - 1) });
    }
    const owed = gaps.filter((gap) => isOwed(gap, gaps));
    const refused = owed.find((gap) => this.#triesOf(gap) < MOST_TRIES && !this.#unreadable.isAll(gap));
    if (refused) throw new EventsMissing(refused);
    this.#unseen = owed;
  }

  #decoded(logs: readonly RawLog[]): ChainEvent<Uint8Array>[] {
    return decodeAll(logs, (...found) => this.#unreadable.note(...found));
  }

  #triesOf(gap: Gap): number {
    return this.#gaps.get(keyOf(gap))?.tries ?? 0;
  }

  /** The gaps to read now; those that were asked for least come first. */
  #due(gaps: readonly Gap[]): Gap[] {
    return gaps
      .filter((gap) => (this.#gaps.get(keyOf(gap))?.waits ?? 0) === 0)
      .sort((a, b) => this.#triesOf(a) - this.#triesOf(b))
      .slice(0, GAPS_AT_ONCE);
  }

  /** Notes that a gap is read. What may not be there at all, or was asked for in vain, is read less and less often. */
  #note(gap: Gap, isOwed: boolean): void {
    const tries = this.#triesOf(gap) + 1;
    const waits = isOwed && tries < MOST_TRIES ? 0 : Math.min(2 ** tries, LONGEST_WAIT);
    this.#gaps.set(keyOf(gap), { tries, waits });
  }

  #logsIn(rpc: Rpc, { first, last, fromBlock, toBlock }: Gap): Promise<RawLog[]> {
    const count = Number(last - first) + 1;
    if (count > IDS_PER_REQUEST) return this.#reader.logsBetween(rpc, fromBlock, toBlock);
    const ids = Array.from({ length: count }, (_, i) => topic(first + BigInt(i)));
    return this.#reader.logsBetween(rpc, fromBlock, toBlock, [null, ids]);
  }
}
