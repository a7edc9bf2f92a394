// One file: a look goes through all of it, from the newest block to the world, and what it keeps between looks is private here.
import type { Contracts } from '../contracts/contracts.ts';
import type { Block, Case, World } from '../contracts/world.ts';
import { isOver } from '../contracts/world.ts';
import { isUnknownBlock, rpcErrorIn } from '../endpoints/failures.ts';
import { explain } from '../messages/explain.ts';
import { Checker } from './checker.ts';
import { CaseBuilder } from './derive.ts';
import { decodeAll, type OnUnreadable } from './events.ts';
import type { Counts } from './facts.ts';
import { type Gap, keyOf, leftOut } from './gaps.ts';
import { LiveCases } from './live.ts';
import { ChainMoved, commonAncestor, readNewest } from './newest.ts';
import { type FullHeader, oneNode, otherNodes, Reader, type Rpc } from './reader.ts';
import { isDiskTrouble, isUnusable } from './sqlite.ts';
import { IndexStore } from './store.ts';
import type { Header } from './tables.ts';
import { Unreadable } from './unreadable.ts';
import { isUntrue, UnusableAnswer } from './untrue.ts';

/** The last blocks are read again at every look: nodes hand out headers before they have the logs. */
const REREAD_BLOCKS = 64;
/** Blocks whose hashes are remembered, and for which what is over is kept: no reorganisation is expected to be deeper. */
const KEPT_BLOCKS = 256;
/** Looks in a row at a head below what was read after which it is believed: one node behind another is no reorganisation. */
const LOOKS_BEHIND = 10;
/** Times that a look begins again because the chain changed under it, or the node left out what is on it. */
const ATTEMPTS = 4;

export interface IndexOptions {
  /** The block in which the oracle was deployed, or any earlier one. */
  readonly fromBlock?: number | undefined;
  /** Where what was read is kept; in memory if left out. */
  readonly folder?: string | undefined;
  /** Is told, in one sentence, of what an operator should know and nothing fails of. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  /** Is told of every case before it is dropped because it is over; of some again after the process was killed. */
  readonly onSettled?: ((cases: readonly Case[]) => void) | undefined;
}

/** The records of one request, and what makes them. */
interface Kept {
  readonly case: Case;
  readonly builder: CaseBuilder;
}

/** All that a look works with. */
interface Opened {
  readonly store: IndexStore;
  readonly reader: Reader;
  readonly checker: Checker;
}

/**
 * Whether the next answers may do: the chain was reorganised during the look, so that its block is no longer in it or no
 * longer known to the node, or the node left out events.
 */
function isPassing(failure: unknown): boolean {
  if (failure instanceof ChainMoved || isUntrue(failure)) return true;
  const refusal = rpcErrorIn(failure);
  return refusal !== undefined && isUnknownBlock(refusal);
}

const toBlock = ({ number, hash, timestamp }: Header): Block => ({ number, hash, timestamp });

const lacksTime = ({ claims }: Case): boolean =>
  [...claims.values()].some(({ claimedAt }) => claimedAt === 0n);

/**
 * Follows the events of a deployment. What it keeps is a cache, on disk or in memory: it is read piece by piece, each piece
 * applied as a whole, taken back to the common ancestor when the chain is reorganised, and compared with what the contracts
 * themselves say; see README.md.
 */
export class EventIndex {
  readonly #contracts: Contracts;
  readonly #fromBlock: number;
  #folder: string | undefined;
  readonly #onNotice: (sentence: string) => void;
  readonly #onSettled: (cases: readonly Case[]) => void;
  readonly #unreadable: Unreadable;
  readonly #live = new LiveCases();
  readonly #kept = new Map<bigint, Kept>();
  #store: IndexStore | undefined;
  #reader: Reader | undefined;
  #checker: Checker | undefined;
  #looksBehind = 0;
  /** The head of the last look that was below what was read. */
  #headBehind = 0;
  /** Requests whose records have changed since a look was last completed. */
  readonly #unchecked = new Set<bigint>();
  /** Requests whose records differ from those that are shown. */
  readonly #unshown = new Set<bigint>();
  #hidden: ReadonlySet<bigint> = new Set();
  /** Requests with a claim whose time is not known. */
  readonly #timeless = new Set<bigint>();
  /** Requests of which there are events, but not the one that made them. */
  readonly #headless = new Set<bigint>();
  /** Requests of which it was told that they are not shown. */
  readonly #told = new Set<bigint>();
  /** Gaps of which it was told that the index does without them. */
  readonly #toldGaps = new Set<string>();
  #hasToldContested = false;
  #world: World | undefined;
  #updating: Promise<unknown> = Promise.resolve();

  constructor(
    contracts: Contracts,
    { fromBlock = 0, folder, onNotice = () => undefined, onSettled = () => undefined }: IndexOptions = {},
  ) {
    this.#contracts = contracts;
    this.#fromBlock = fromBlock;
    this.#folder = folder;
    this.#onNotice = onNotice;
    this.#unreadable = new Unreadable(onNotice);
    this.#onSettled = onSettled;
  }

  /**
   * Reads what is new.
   *
   * @returns the deployment as of the latest block, or of a later one that was seen before
   * @throws Error if the node does not answer; what was read until then is kept
   */
  update(): Promise<World> {
    const next = this.#updating.then(() => this.#update());
    this.#updating = next.catch(() => undefined);
    return next;
  }

  /** Everything about a request whose records are no longer kept, read from the chain again. */
  async recall(requestId: bigint): Promise<Case | undefined> {
    const kept = this.#kept.get(requestId);
    if (kept) return kept.case;
    const range = this.#store?.settledRange(requestId);
    if (!range || !this.#checker) return undefined;
    const rpc = await oneNode(this.#contracts.provider);
    return this.#checker.readCase(rpc, requestId, range.first, range.last);
  }

  /** Blocks read so far and the number of cases in memory. */
  status(): { readonly readTo: number; readonly cases: number; readonly logRange: number } {
    return {
      readTo: this.#store?.cursor ?? this.#fromBlock - 1,
      cases: this.#kept.size,
      logRange: this.#reader?.range ?? 0,
    };
  }

  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  async #update(): Promise<World> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#look(attempt > 1);
      } catch (failure) {
        if (!this.#recover(failure) && !isPassing(failure)) throw failure;
        if (attempt >= ATTEMPTS) throw failure;
      }
    }
  }

  /** Makes a folder anew that is damaged, and does without one that cannot be used. @returns whether to look again */
  #recover(failure: unknown): boolean {
    if (this.#folder === undefined) return false;
    if (isUnusable(failure)) {
      this.#onNotice(
        `${this.#folder}: damaged (${(failure as Error).message}); it is made anew from the chain`,
      );
      try {
        this.#rebuild();
        return true;
      } catch (trouble) {
        return this.#recover(trouble);
      }
    }
    if (!isDiskTrouble(failure)) return false;
    this.#doWithoutFolder(explain((failure as Error).cause ?? failure));
    return true;
  }

  /** Goes on with what is known, in memory; or from the beginning, if the disk does not even give that. */
  #doWithoutFolder(why: string): void {
    this.#onNotice(
      `${this.#folder}: cannot be used (${why}); what is read is kept in memory until the next start`,
    );
    this.#folder = undefined;
    const store = this.#store;
    this.#store = undefined;
    if (!store) return;
    const isChecked = this.#unchecked.size === 0;
    this.#forget();
    try {
      this.#store = IndexStore.inMemory(store);
    } catch {
      // Then the chain is read again.
    }
    try {
      store.close();
    } catch {
      // A connection left open ends with the process.
    }
    if (!this.#store) return;
    this.#derive(this.#store, this.#store.requestsKept());
    if (isChecked) this.#unchecked.clear();
  }

  #rebuild(): void {
    this.close();
    IndexStore.remove(this.#folder as string);
    this.#forget();
  }

  #forget(): void {
    for (const id of this.#kept.keys()) this.#unshown.add(id);
    this.#kept.clear();
    this.#timeless.clear();
    this.#headless.clear();
    this.#unchecked.clear();
  }

  async #open(): Promise<Opened> {
    const { oracle, game, provider } = this.#contracts;
    const [oracleAddress, gameAddress] = await Promise.all([oracle.getAddress(), game.getAddress()]);
    this.#reader ??= new Reader([oracleAddress, gameAddress]);
    this.#checker ??= new Checker(this.#reader, oracleAddress, gameAddress, this.#unreadable);
    // A file that was deleted can be written, and is gone with the process; what lay beside it is gone now.
    if (this.#store && this.#folder !== undefined && !IndexStore.isIn(this.#folder))
      this.#doWithoutFolder('it was taken away');
    if (!this.#store) {
      const { chainId } = await provider.getNetwork();
      const subject = { chainId, oracle: oracleAddress, fromBlock: this.#fromBlock };
      this.#store = IndexStore.open(this.#folder, subject, this.#onNotice);
      this.#derive(this.#store, this.#store.requestsKept());
      // The checker compares records of an earlier run a few at a time.
      this.#unchecked.clear();
    }
    return { store: this.#store, reader: this.#reader, checker: this.#checker };
  }

  /** @param isAgain whether a look before this one found that the chain has changed under it */
  async #look(isAgain: boolean): Promise<World> {
    const opened = await this.#open();
    const rpc = await oneNode(this.#contracts.provider);
    try {
      return await this.#lookAt(rpc, isAgain, opened);
    } catch (failure) {
      // Where there are several nodes, the next look is at another one.
      if (isUntrue(failure)) rpc.distrust?.();
      throw failure;
    }
  }

  async #lookAt(rpc: Rpc, isAgain: boolean, { store, reader, checker }: Opened): Promise<World> {
    const others = otherNodes(this.#contracts.provider, rpc);
    let head = await reader.latest(rpc);
    if (head.number > Math.max(store.cursor, 0) + REREAD_BLOCKS) await reader.requireParent(rpc, head);
    if (await this.#isBehind(rpc, head, isAgain)) return this.#world as World;
    for (let before = Number.POSITIVE_INFINITY; store.cursor < head.number - REREAD_BLOCKS; ) {
      const behind = head.number - REREAD_BLOCKS - store.cursor;
      store.counts = await checker.counts(rpc, head, others);
      while (store.cursor < head.number - REREAD_BLOCKS) {
        await this.#readOld(rpc, head.number - REREAD_BLOCKS);
      }
      // Reading years of blocks takes minutes, after which that head is old. A chain that grows during each request has a newer
      // one at any time: that is for the next look, or this one would never end.
      if (behind < REREAD_BLOCKS || behind >= before) break;
      before = behind;
      head = await reader.latest(rpc);
    }
    // Counts belong to the head's hash alone, so a far node, which answers in seconds, is asked for them at the same time.
    const counting = checker.counts(rpc, head, others);
    await this.#readNew(rpc, head, counting);
    await checker.check(rpc, others, head, await counting, {
      store,
      changed: this.#unchecked,
      find: (id) => {
        const kept = this.#kept.get(id);
        return kept && { case: kept.case, isWhole: kept.builder.isWhole };
      },
      derive: (ids) => this.#derive(store, ids),
    });
    await this.#fillTimes(rpc);
    this.#settle(store, head.number);
    this.#unchecked.clear();
    this.#show(new Set([...checker.doubtful, ...this.#timeless]));
    this.#tell(store, checker.doubtful);
    this.#tellGaps(checker.unseen);
    this.#tellContested(checker.contested);
    this.#world = this.#live.at(toBlock(head));
    return this.#world;
  }

  // ---- the chain behind what was read ----

  /** Takes back what a reorganisation has undone. @returns whether this node is only behind another */
  async #isBehind(rpc: Rpc, head: FullHeader, isAgain: boolean): Promise<boolean> {
    const store = this.#store as IndexStore;
    const { cursor } = store;
    const known = store.header(head.number)?.hash;
    if (head.number < cursor && known === head.hash) {
      // It follows the same chain, so nothing was undone.
      if (head.number > this.#headBehind) this.#looksBehind = 0;
      this.#headBehind = head.number;
      if (this.#world && ++this.#looksBehind < LOOKS_BEHIND) return true;
      this.#takeBack(store, head.number);
      return false;
    }
    // All that was read would be read again, so one answer does not do.
    if (head.number < cursor - KEPT_BLOCKS && ++this.#looksBehind < LOOKS_BEHIND) {
      if (this.#world) return true;
      throw new UnusableAnswer(
        `the node says that its newest block is ${head.number}, and block ${cursor} was read before; it is asked again`,
      );
    }
    this.#looksBehind = 0;
    if (head.number === cursor && known === head.hash) return false;
    // A reorganisation of what is near shows when the headers from there to the head are read and do not follow each other.
    const newBlocks = head.number - cursor;
    const isNear = newBlocks > 0 && newBlocks < REREAD_BLOCKS && store.header(cursor) !== undefined;
    if (isNear && !isAgain) return false;
    const ancestor = await commonAncestor(store, this.#reader as Reader, rpc, Math.min(cursor, head.number));
    if (ancestor < cursor) this.#takeBack(store, ancestor);
    return false;
  }

  #takeBack(store: IndexStore, ancestor: number): void {
    this.#looksBehind = 0;
    this.#derive(
      store,
      store.atomically(() => store.undo(ancestor)),
    );
  }

  // ---- reading ----

  readonly #onUnreadable: OnUnreadable = (...found) => this.#unreadable.note(...found);

  /** Reads a piece of what is too old to change. */
  async #readOld(rpc: Rpc, last: number): Promise<void> {
    const store = this.#store as IndexStore;
    const { logs, to } = await (this.#reader as Reader).logsFrom(rpc, store.cursor + 1, last);
    this.#apply(store, () => {
      const changed = decodeAll(logs, this.#onUnreadable).flatMap((event) => store.put(event));
      store.cursor = to;
      return changed;
    });
    this.#settle(store, to);
  }

  /** Changes events all at once, then makes the records that follow from them. */
  #apply(store: IndexStore, change: () => Iterable<bigint>): void {
    this.#derive(store, store.atomically(change));
  }

  /** Reads the last blocks, those that were read before as well. */
  async #readNew(rpc: Rpc, head: FullHeader, counting: Promise<Counts>): Promise<void> {
    const store = this.#store as IndexStore;
    const first = Math.max(store.fromBlock, head.number - REREAD_BLOCKS + 1);
    const [{ headers, whole, logs }, counts] = await Promise.all([
      readNewest(store, this.#reader as Reader, rpc, first, head),
      counting,
    ]);
    store.counts = counts;
    if (first > head.number) return;
    this.#apply(store, () => {
      for (const header of headers) store.putHeader(header);
      for (const number of whole) store.markChecked(number);
      store.dropHeadersBefore(head.number - KEPT_BLOCKS);
      store.recent.dropBefore(first);
      store.cursor = head.number;
      return store.putRecent(logs, this.#onUnreadable);
    });
  }

  /** Gets the times of claims from their blocks, for a node that does not say them with the logs. */
  async #fillTimes(rpc: Rpc): Promise<void> {
    if (this.#timeless.size === 0) return;
    const store = this.#store as IndexStore;
    const blocks = new Set([...this.#timeless].flatMap((id) => store.blocksWithoutTime(id)));
    const headers = await (this.#reader as Reader).headers(rpc, [...blocks]);
    this.#apply(store, () => headers.flatMap(({ number, timestamp }) => store.putTime(number, timestamp)));
  }

  // ---- records ----

  /** Makes the records of requests from their events. */
  #derive(store: IndexStore, requestIds: Iterable<bigint>): void {
    for (const id of new Set(requestIds)) {
      const builder = this.#builderFor(store, id);
      const made = builder.build();
      if (made) this.#kept.set(id, { case: made, builder });
      else this.#kept.delete(id);
      if (!made && builder.count > 0) this.#headless.add(id);
      else this.#headless.delete(id);
      if (made && lacksTime(made)) this.#timeless.add(id);
      else this.#timeless.delete(id);
      this.#unchecked.add(id);
      this.#unshown.add(id);
    }
  }

  /** The builder of a request, fed all its events: it continues where it was unless earlier events have changed. */
  #builderFor(store: IndexStore, id: bigint): CaseBuilder {
    const known = this.#kept.get(id)?.builder;
    if (!store.wasRewritten(id) && known) {
      const newer = store.eventsOn(id, known.last);
      if (known.count + newer.length === store.countOn(id)) return known.add(newer);
    }
    return new CaseBuilder((hash) => store.payloads.read(hash)).add(store.eventsOn(id));
  }

  /**
   * Shows the records as they are now: never half of a look.
   *
   * @param hidden requests whose records are not what the contracts say, or not complete
   */
  #show(hidden: ReadonlySet<bigint>): void {
    for (const id of [...this.#unshown, ...this.#hidden]) this.#live.set(id, this.#kept.get(id)?.case);
    for (const id of hidden) this.#live.set(id, undefined);
    this.#unshown.clear();
    this.#hidden = hidden;
  }

  /** Says once of each request that is not shown why that is. */
  #tell(store: IndexStore, doubtful: ReadonlySet<bigint>): void {
    for (const id of this.#told) if (!this.#headless.has(id) && !doubtful.has(id)) this.#told.delete(id);
    const say = (id: bigint, sentence: string): void => {
      if (this.#told.has(id)) return;
      this.#told.add(id);
      this.#onNotice(`request ${id}: ${sentence}`);
    };
    for (const id of this.#headless) {
      const why = this.#unreadable.has('request', id)
        ? 'the log that made it cannot be decoded'
        : `made before block ${store.fromBlock} (--from-block)`;
      say(id, `${why}, so claims on it are not looked at`);
    }
    for (const id of doubtful) {
      say(id, 'the events that the node gives are not what the contracts say; it is left until they are');
    }
  }

  /** Says once of each gap that nothing is known of what is in it. */
  #tellGaps(unseen: readonly Gap[]): void {
    for (const gap of unseen) {
      if (this.#toldGaps.has(keyOf(gap))) continue;
      this.#toldGaps.add(keyOf(gap));
      this.#onNotice(`${leftOut(gap)}; nothing is known of them until it, or another --rpc, gives them`);
    }
  }

  /** Says once that nodes contradict each other, and nothing decides. */
  #tellContested([id]: ReadonlySet<bigint>): void {
    if (id === undefined || this.#hasToldContested) return;
    this.#hasToldContested = true;
    this.#onNotice(`request ${id}: one --rpc contradicts another, and nothing decides; a third would`);
  }

  /** Drops what is over and too deep to be reorganised. */
  #settle(store: IndexStore, head: number): void {
    const over = [...this.#kept].filter(
      ([, { case: one, builder }]) =>
        (builder.last?.blockNumber ?? head) <= head - KEPT_BLOCKS && isOver(one),
    );
    if (over.length === 0) return;
    this.#onSettled(over.map(([, { case: one }]) => one));
    store.atomically(() => {
      for (const [id, { builder }] of over) {
        store.settle(id, builder.first?.blockNumber ?? 0, builder.last?.blockNumber ?? 0);
      }
    });
    for (const [id] of over) {
      this.#timeless.delete(id);
      this.#kept.delete(id);
      // A first read meets many more of these than it ever keeps.
      this.#unchecked.delete(id);
      if (this.#live.cases.has(id)) this.#unshown.add(id);
      else this.#unshown.delete(id);
    }
  }
}
