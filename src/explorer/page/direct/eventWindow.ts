import type { Case } from '../../../chain/contracts/world.ts';
import { caseFrom } from '../../../chain/index/derive.ts';
import { type ChainEvent, decodeAll } from '../../../chain/index/events.ts';
import type { FullHeader, Reader, Rpc } from '../../../chain/index/reader.ts';

/** The last blocks are read again at every look, in case the chain has others by then. */
const REREAD_BLOCKS = 64;
/** Blocks that are read at first, and again for each request for earlier ones. */
const MANY_BLOCKS = 20_000;
/** Blocks of one step towards earlier ones. */
const STEP_BLOCKS = 2_000;
/** Events of one reading after which no further step is made. */
const MANY_EVENTS = 5_000;
/** Events in memory after which no earlier block is read. */
const MOST_EVENTS = 50_000;
/** Headers that are read at once. */
const HEADERS_AT_ONCE = 50;

type Event = ChainEvent<Uint8Array>;

const isAfter = (block: number) => (event: Event) => event.place.blockNumber >= block;
const keyOf = (events: readonly Event[]): string =>
  events.map(({ place }) => `${place.blockHash}${place.logIndex}`).join();

/** The events of the newest blocks and what follows from them, in memory: an index for a page that has none. */
export class EventWindow {
  readonly #reader: Reader;
  readonly #rpc: Rpc;
  readonly #fromBlock: number;
  readonly #manyBlocks: number;
  readonly #events = new Map<bigint, Event[]>();
  readonly #times = new Map<number, bigint>();
  readonly cases = new Map<bigint, Case>();
  #head: FullHeader | undefined;
  /** The last block that is not read again, by its hash. */
  #anchor: FullHeader | undefined;
  #since = 0;
  #working: Promise<unknown> = Promise.resolve();

  /**
   * @param fromBlock before it there is nothing to be read
   * @param manyBlocks that are read at first, and as many each time that somebody asks for earlier ones
   */
  constructor(reader: Reader, rpc: Rpc, fromBlock: number, manyBlocks = MANY_BLOCKS) {
    this.#reader = reader;
    this.#rpc = rpc;
    this.#fromBlock = fromBlock;
    this.#manyBlocks = manyBlocks;
  }

  get head(): Pick<FullHeader, 'number' | 'timestamp'> {
    return this.#head ?? { number: 0, timestamp: 0n };
  }

  /** The first block that was read; undefined if nothing can be before it. */
  get since(): number | undefined {
    return this.#since > this.#fromBlock ? this.#since : undefined;
  }

  /**
   * Reads what is new.
   *
   * @returns requests whose records have changed; undefined if the chain has no other block than before
   * @throws whatever the node says; what was read before stays
   */
  look(): Promise<bigint[] | undefined> {
    return this.#alone(() => this.#look());
  }

  /** Reads blocks before those that were read. @returns requests whose records have changed */
  readEarlier(): Promise<bigint[]> {
    return this.#alone(() => this.#readDown());
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => undefined);
    return done;
  }

  async #look(): Promise<bigint[] | undefined> {
    const head = await this.#reader.latest(this.#rpc);
    if (this.#head?.hash === head.hash) return undefined;
    const anchor = this.#anchor;
    const isSame = anchor && (await this.#header(anchor.number))?.hash === anchor.hash;
    const changed = isSame ? await this.#readOn(anchor, head) : await this.#readAnew(head);
    this.#anchor = await this.#header(Math.max(0, head.number - REREAD_BLOCKS));
    this.#head = head;
    return changed;
  }

  async #header(number: number): Promise<FullHeader | undefined> {
    return (await this.#reader.headers(this.#rpc, [number]))[0];
  }

  async #readOn(anchor: FullHeader, head: FullHeader): Promise<bigint[]> {
    const from = Math.max(this.#since, anchor.number + 1);
    const read = decodeAll(await this.#reader.logsBetween(this.#rpc, from, head.number));
    return this.#replace(from, read);
  }

  async #readAnew(head: FullHeader): Promise<bigint[]> {
    this.#since = head.number + 1;
    const dropped = await this.#replace(0, []);
    return [...new Set([...dropped, ...(await this.#readDown())])];
  }

  async #readDown(): Promise<bigint[]> {
    const least = Math.max(this.#fromBlock, this.#since - this.#manyBlocks);
    const changed: bigint[] = [];
    let read = 0;
    while (this.#since > least && read < MANY_EVENTS && this.#count + read < MOST_EVENTS) {
      const from = Math.max(least, this.#since - STEP_BLOCKS);
      const events = decodeAll(await this.#reader.logsBetween(this.#rpc, from, this.#since - 1));
      changed.push(...(await this.#put(events)));
      this.#since = from;
      read += events.length;
    }
    return changed;
  }

  get #count(): number {
    let count = 0;
    for (const events of this.#events.values()) count += events.length;
    return count;
  }

  /** Puts events in the place of all that are known from a block on. */
  async #replace(from: number, events: readonly Event[]): Promise<bigint[]> {
    const before = new Map<bigint, string>();
    for (const [id, known] of this.#events) {
      if (!known.some(isAfter(from))) continue;
      before.set(id, keyOf(known));
      const kept = known.filter((event) => !isAfter(from)(event));
      if (kept.length > 0) this.#events.set(id, kept);
      else this.#events.delete(id);
    }
    for (const number of this.#times.keys()) if (number >= from) this.#times.delete(number);
    const touched = new Set([...before.keys(), ...this.#add(events)]);
    const changed = [...touched].filter((id) => keyOf(this.#events.get(id) ?? []) !== before.get(id));
    await this.#derive(changed);
    return changed;
  }

  async #put(events: readonly Event[]): Promise<bigint[]> {
    const changed = [...this.#add(events)];
    await this.#derive(changed);
    return changed;
  }

  #add(events: readonly Event[]): Set<bigint> {
    const touched = new Set<bigint>();
    for (const event of events) {
      const known = this.#events.get(event.requestId);
      if (known) known.push(event);
      else this.#events.set(event.requestId, [event]);
      touched.add(event.requestId);
    }
    for (const id of touched)
      this.#events
        .get(id)
        ?.sort(({ place: a }, { place: b }) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
    return touched;
  }

  async #derive(ids: readonly bigint[]): Promise<void> {
    await this.#readTimes(ids);
    for (const id of ids) {
      const found = caseFrom(this.#events.get(id) ?? [], this.#times);
      if (found) this.cases.set(id, found);
      else this.cases.delete(id);
    }
  }

  /** Reads when claims were made, where the node does not say it with their events. */
  async #readTimes(ids: readonly bigint[]): Promise<void> {
    const missing = new Set<number>();
    for (const id of ids)
      for (const { place, content } of this.#events.get(id) ?? [])
        if (
          content.name === 'Claimed' &&
          place.timestamp === undefined &&
          !this.#times.has(place.blockNumber)
        )
          missing.add(place.blockNumber);
    const numbers = [...missing];
    for (let at = 0; at < numbers.length; at += HEADERS_AT_ONCE) {
      const headers = await this.#reader.headers(this.#rpc, numbers.slice(at, at + HEADERS_AT_ONCE));
      for (const { number, timestamp } of headers) this.#times.set(number, timestamp);
    }
  }
}
