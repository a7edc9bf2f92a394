// One file: all tables change in the same transactions, and whoever changes one sees every statement on it.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { makeFolder } from '../../files/makeFolder.ts';
import type { Hex } from '../contracts/types.ts';
import {
  type ChainEvent,
  type Content,
  decode,
  type LogPosition,
  type OnUnreadable,
  type RawLog,
} from './events.ts';
import type { Counts } from './facts.ts';
import { type Gap, gapsBetween, type Numbered } from './gaps.ts';
import { Payloads } from './payloads.ts';
import { RecentLogs } from './recentLogs.ts';
import { atomically, isHeld, isUnusable, statementsOf } from './sqlite.ts';
import { create, type EventRow, type Header, isOfThisVersion, SCHEMA, TABLE_NAMES } from './tables.ts';
import { MOST_IDS, UnusableAnswer } from './untrue.ts';

/** The deployment that a store is about. */
export interface Subject {
  readonly chainId: bigint;
  readonly oracle: string;
  readonly fromBlock: number;
}

/** A folder that cannot be used. The message is one line. */
export class IndexStoreError extends Error {
  override name = 'IndexStoreError';
}

const FILE = 'index.sqlite';
const PAYLOADS = 'payloads';

/** Events of one deployment, in SQLite. It is a cache: after deletion, the index reads the chain again. */
export class IndexStore {
  readonly payloads: Payloads;
  readonly recent = new RecentLogs();
  /** Requests and disputes that there are at the block up to which is read: events of more are refused. */
  counts: Counts = { requests: MOST_IDS, disputes: MOST_IDS };
  readonly #database: DatabaseSync;
  readonly #rewritten = new Set<bigint>();
  readonly #sql: (text: string) => StatementSync;

  private constructor(database: DatabaseSync, folder: string | undefined) {
    this.#database = database;
    this.#sql = statementsOf(database);
    this.payloads = new Payloads(database, folder === undefined ? undefined : join(folder, PAYLOADS));
  }

  /**
   * @param folder where it is kept; undefined to keep it in memory
   * @param onNotice is told, in one sentence, why a file that was there is not used
   * @throws IndexStoreError if another process uses the folder, or it cannot be written
   */
  static open(
    folder: string | undefined,
    subject: Subject,
    onNotice: (sentence: string) => void,
  ): IndexStore {
    if (folder === undefined) return IndexStore.#fresh(':memory:', undefined, subject);
    const path = join(folder, FILE);
    try {
      makeFolder(folder);
      try {
        const database = create(path);
        // Statements on tables of another version may not even be prepared.
        const store = isOfThisVersion(database) ? new IndexStore(database, folder) : undefined;
        const why = store ? store.#objection(subject) : 'is of another version of this program';
        if (store && why === undefined) {
          if (store.#isEmpty()) store.#claim(subject);
          return store;
        }
        database.close();
        onNotice(`${path}: ${why}; it is made anew from the chain`);
      } catch (failure) {
        if (!isUnusable(failure)) throw failure;
        onNotice(`${path}: cannot be used (${(failure as Error).message}); it is made anew from the chain`);
      }
      IndexStore.remove(folder);
      return IndexStore.#fresh(path, folder, subject);
    } catch (failure) {
      if (isHeld(failure))
        throw new IndexStoreError(`${folder}: another process uses it; give each its own --data`);
      throw new IndexStoreError(`${folder}: ${(failure as Error).message}`, { cause: failure });
    }
  }

  /** Whether a folder still holds the files of a store. */
  static isIn(folder: string): boolean {
    return existsSync(join(folder, FILE)) && existsSync(join(folder, PAYLOADS));
  }

  /**
   * A store in memory with all that another one holds.
   *
   * @throws Error if that cannot be read
   */
  static inMemory(from: IndexStore): IndexStore {
    const store = new IndexStore(create(':memory:'), undefined);
    store.atomically(() => {
      for (const table of TABLE_NAMES) {
        for (const row of from.#database.prepare(`SELECT * FROM ${table}`).iterate()) {
          const { bytes } = row as { bytes?: Uint8Array | null };
          const whole = bytes === null ? { ...row, bytes: from.payloads.bytesOf(`${row['hash']}`) } : row;
          const columns = Object.keys(whole);
          const places = columns.map(() => '?').join(', ');
          store
            .#sql(`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
            .run(...Object.values(whole));
        }
      }
    });
    return store;
  }

  /** Deletes what a folder holds of a store. */
  static remove(folder: string): void {
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      rmSync(join(folder, `${FILE}${suffix}`), { force: true });
    rmSync(join(folder, PAYLOADS), { recursive: true, force: true });
  }

  static #fresh(path: string, folder: string | undefined, subject: Subject): IndexStore {
    const store = new IndexStore(create(path), folder);
    store.#claim(subject);
    return store;
  }

  close(): void {
    this.#database.close();
  }

  // ---- what it is about ----

  #isEmpty(): boolean {
    return this.#meta('schema') === undefined;
  }

  #objection({ chainId, oracle, fromBlock }: Subject): string | undefined {
    if (this.#isEmpty()) return undefined;
    if (this.#meta('chain') !== `${chainId}`) return `is of chain ${this.#meta('chain')}, not ${chainId}`;
    if (this.#meta('oracle') !== oracle) return `is of the oracle ${this.#meta('oracle')}, not ${oracle}`;
    if (Number(this.#meta('fromBlock')) > fromBlock) return `begins after block ${fromBlock}`;
    return undefined;
  }

  #claim({ chainId, oracle, fromBlock }: Subject): void {
    this.atomically(() => {
      this.#setMeta('schema', `${SCHEMA}`);
      this.#setMeta('chain', `${chainId}`);
      this.#setMeta('oracle', oracle);
      this.#setMeta('fromBlock', `${fromBlock}`);
      this.#setMeta('cursor', `${fromBlock - 1}`);
    });
  }

  #meta(key: string): string | undefined {
    return (this.#sql('SELECT value FROM meta WHERE key = ?').get(key) as { value: string } | undefined)
      ?.value;
  }

  #setMeta(key: string, value: string): void {
    this.#sql('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value);
  }

  /** First block that was read. */
  get fromBlock(): number {
    return Number(this.#meta('fromBlock'));
  }

  /** Last block that was read. */
  get cursor(): number {
    return Number(this.#meta('cursor'));
  }

  set cursor(block: number) {
    this.#setMeta('cursor', `${block}`);
  }

  /** Does everything or nothing, also if the process is killed. */
  atomically<T>(work: () => T): T {
    try {
      return atomically(this.#database, work);
    } catch (failure) {
      this.recent.clear();
      throw failure;
    }
  }

  // ---- events ----

  /**
   * Decodes and keeps logs that will be read again.
   *
   * @returns the requests whose case they change
   * @throws UnusableAnswer for an event that the chain cannot have
   */
  putRecent(logs: readonly RawLog[], onUnreadable?: OnUnreadable): Set<bigint> {
    const changed = new Set<bigint>();
    for (const log of logs) {
      if (this.recent.has(log)) continue;
      const event = decode(log, onUnreadable);
      const ids = event && this.#put(event);
      for (const id of ids ?? []) changed.add(id);
      if (ids) this.recent.add(log);
    }
    return changed;
  }

  /**
   * Keeps an event, in the place of what was there.
   *
   * @returns the requests whose case it changes
   * @throws UnusableAnswer for one that the chain cannot have
   */
  put(event: ChainEvent<Uint8Array>): bigint[] {
    return this.#put(event) ?? [];
  }

  /** @returns undefined if it is of a branch that was given up, and not kept */
  #put({ requestId, place, content }: ChainEvent<Uint8Array>): bigint[] | undefined {
    const { blockNumber, blockHash, logIndex, transaction, timestamp } = place;
    // A node may still give events of a branch that was given up.
    if ((this.header(blockNumber)?.hash ?? blockHash) !== blockHash) return undefined;
    this.#requireCounted(requestId, content, blockNumber);
    this.recent.drop(place);
    if (content.name === 'Requested') this.#number('request', requestId, blockNumber);
    if (content.name === 'Opened') this.#number('dispute', content.disputeId, blockNumber);
    const request = Number(requestId);
    if (this.settledRange(requestId)) {
      this.#sql('UPDATE settled SET last = MAX(last, ?) WHERE request = ?').run(blockNumber, request);
      return [];
    }
    const blob = serialize(this.#withHashes(request, content));
    const known = this.#sql('SELECT * FROM events WHERE block = ? AND place = ?').get(
      blockNumber,
      logIndex,
    ) as EventRow | undefined;
    const time = timestamp === undefined ? (known?.time ?? null) : Number(timestamp);
    // The content of some events does not name their request.
    const isSame =
      known?.request === request &&
      known.hash === blockHash &&
      known.tx === transaction &&
      Buffer.compare(known.content, blob) === 0;
    if (isSame && known.time === time) return [];
    if (known) for (const one of [known.request, request]) this.#rewritten.add(BigInt(one));
    this.#sql(
      'INSERT OR REPLACE INTO events (block, place, request, hash, tx, time, content) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ).run(blockNumber, logIndex, request, blockHash, transaction, time, blob);
    return known ? [requestId, BigInt(known.request)] : [requestId];
  }

  /** RULE: nothing is kept of a request or a dispute that the contracts do not count. */
  #requireCounted(requestId: bigint, content: Content<Uint8Array>, block: number): void {
    const { requests, disputes } = this.counts;
    const disputeId = 'disputeId' in content ? content.disputeId : 0n;
    if (requestId <= requests && disputeId <= disputes) return;
    const which = requestId > requests ? `request ${requestId}` : `dispute ${disputeId}`;
    throw new UnusableAnswer(
      `the node tells of ${which} in block ${block}, and says that there are ${requests} requests and ${disputes} disputes`,
    );
  }

  #withHashes(request: number, content: Content<Uint8Array>): Content<Hex> {
    if (content.name === 'Requested' && content.input.kind === 'bytes') {
      return { ...content, input: { kind: 'bytes', bytes: this.payloads.put(request, content.input.bytes) } };
    }
    if (content.name === 'Claimed' && content.answer.kind === 'bytes') {
      return {
        ...content,
        answer: { kind: 'bytes', bytes: this.payloads.put(request, content.answer.bytes) },
      };
    }
    return content as Content<Hex>;
  }

  /** Counts the stored events of a request. */
  countOn(requestId: bigint): number {
    const row = this.#sql('SELECT COUNT(*) AS count FROM events WHERE request = ?').get(Number(requestId));
    return (row as { count: number }).count;
  }

  /** Events of a request after a place, in the order of the chain. */
  eventsOn(requestId: bigint, after?: Pick<LogPosition, 'blockNumber' | 'logIndex'>): ChainEvent<Hex>[] {
    const { blockNumber, logIndex } = after ?? { blockNumber: -1, logIndex: -1 };
    const rows = this.#sql(
      'SELECT * FROM events WHERE request = ? AND (block, place) > (?, ?) ORDER BY block, place',
    ).all(Number(requestId), blockNumber, logIndex);
    return (rows as unknown as EventRow[]).map((row) => ({
      requestId,
      content: deserialize(row.content) as Content<Hex>,
      place: {
        blockNumber: row.block,
        blockHash: row.hash,
        logIndex: row.place,
        transaction: row.tx,
        timestamp: row.time === null ? undefined : BigInt(row.time),
      },
    }));
  }

  /** Whether a block is one of those that were read, and a request has no events after it. */
  isUnchangedSince(requestId: bigint, { number, hash }: Header): boolean {
    const after = { blockNumber: number, logIndex: Number.MAX_SAFE_INTEGER };
    return this.header(number)?.hash === hash && this.eventsOn(requestId, after).length === 0;
  }

  /** Drops the events of one request, to read them again. Its disputes are a gap until they are found. */
  forget(requestId: bigint): void {
    for (const { content } of this.eventsOn(requestId)) {
      if (content.name !== 'Opened') continue;
      this.#sql("DELETE FROM numbers WHERE kind = 'dispute' AND id = ?").run(Number(content.disputeId));
    }
    this.#rewritten.add(requestId);
    this.recent.clear();
    this.#sql('DELETE FROM events WHERE request = ?').run(Number(requestId));
  }

  /** Drops all of a request that the chain does not have. */
  drop(requestId: bigint): void {
    this.forget(requestId);
    this.#sql("DELETE FROM numbers WHERE kind = 'request' AND id = ?").run(Number(requestId));
  }

  /** The block before which a request cannot have been made, by the one seen before it. */
  earliestBlock(requestId: bigint): number {
    const row = this.#sql(
      "SELECT block FROM numbers WHERE kind = 'request' AND id < ? ORDER BY id DESC LIMIT 1",
    ).get(Number(requestId)) as { block: number } | undefined;
    return row?.block ?? this.fromBlock;
  }

  /** Requests with events that are kept. */
  requestsKept(): bigint[] {
    return (
      this.#sql('SELECT DISTINCT request FROM events ORDER BY request').all() as { request: number }[]
    ).map((row) => BigInt(row.request));
  }

  /** Blocks in which a request has events whose time is not known. */
  blocksWithoutTime(requestId: bigint): number[] {
    const rows = this.#sql('SELECT DISTINCT block FROM events WHERE request = ? AND time IS NULL').all(
      Number(requestId),
    );
    return (rows as { block: number }[]).map(({ block }) => block);
  }

  /** Keeps the time of a block with its events. @returns the requests whose case that changes */
  putTime(block: number, timestamp: bigint): bigint[] {
    const rows = this.#sql('SELECT DISTINCT request FROM events WHERE block = ? AND time IS NULL').all(block);
    this.#sql('UPDATE events SET time = ? WHERE block = ? AND time IS NULL').run(Number(timestamp), block);
    return this.#rewrite(rows as { request: number }[]);
  }

  /** Whether events of a request were changed or dropped, not only added, since this was last asked. */
  wasRewritten(requestId: bigint): boolean {
    return this.#rewritten.delete(requestId);
  }

  #rewrite(rows: readonly { readonly request: number }[]): bigint[] {
    const ids = rows.map(({ request }) => BigInt(request));
    for (const id of ids) this.#rewritten.add(id);
    return ids;
  }

  // ---- what is over ----

  /** Drops everything of a request but the blocks between which its events are. */
  settle(requestId: bigint, first: number, last: number): void {
    const request = Number(requestId);
    this.#sql('INSERT OR REPLACE INTO settled (request, first, last) VALUES (?, ?, ?)').run(
      request,
      first,
      last,
    );
    this.#sql('DELETE FROM events WHERE request = ?').run(request);
    this.payloads.drop(request);
  }

  settledRange(requestId: bigint): { readonly first: number; readonly last: number } | undefined {
    const row = this.#sql('SELECT first, last FROM settled WHERE request = ?').get(Number(requestId));
    return row as { first: number; last: number } | undefined;
  }

  // ---- blocks ----

  putHeader({ number, hash, parentHash, timestamp }: Header): void {
    this.#sql(
      'INSERT INTO blocks (number, hash, parent, time, checked) VALUES (?, ?, ?, ?, 0) ON CONFLICT (number) DO UPDATE SET ' +
        'checked = CASE WHEN hash = excluded.hash THEN checked ELSE 0 END, hash = excluded.hash, parent = excluded.parent, ' +
        'time = excluded.time',
    ).run(number, hash, parentHash, Number(timestamp));
  }

  header(number: number): Header | undefined {
    const row = this.#sql('SELECT hash, parent, time FROM blocks WHERE number = ?').get(number) as
      | { hash: string; parent: string; time: number }
      | undefined;
    return row && { number, hash: row.hash, parentHash: row.parent, timestamp: BigInt(row.time) };
  }

  /** Says that every event of a block was read. */
  markChecked(number: number): void {
    this.#sql('UPDATE blocks SET checked = 1 WHERE number = ?').run(number);
  }

  isChecked(number: number): boolean {
    const row = this.#sql('SELECT checked FROM blocks WHERE number = ?').get(number) as
      | { checked: number }
      | undefined;
    return row?.checked === 1;
  }

  dropHeadersBefore(number: number): void {
    this.#sql('DELETE FROM blocks WHERE number < ?').run(number);
  }

  /** Blocks up to `top` of which a header or an event is kept, newest first. */
  knownBlocks(top: number, most: number): { readonly number: number; readonly hash: Hex }[] {
    const rows = this.#sql(
      'SELECT number, hash FROM blocks WHERE number <= ?1 UNION SELECT block, hash FROM events WHERE block <= ?1 ' +
        'ORDER BY number DESC LIMIT ?2',
    ).all(top, most);
    return rows as { number: number; hash: string }[];
  }

  /**
   * Takes back everything after a block, within a transaction. If something was over that had events after it, what is
   * known of that is gone, so reading goes on from where that began.
   *
   * @returns the requests whose case changes
   */
  undo(ancestor: number): bigint[] {
    this.recent.clear();
    const gone = this.#sql('SELECT request, first FROM settled WHERE last > ?').all(ancestor) as {
      request: number;
      first: number;
    }[];
    const end = gone.reduce((least, { first }) => Math.min(least, first - 1), ancestor);
    for (const { request } of gone) this.#sql('DELETE FROM settled WHERE request = ?').run(request);
    const touched = this.#sql('SELECT DISTINCT request FROM events WHERE block > ?').all(end) as {
      request: number;
    }[];
    for (const table of ['events', 'numbers']) this.#sql(`DELETE FROM ${table} WHERE block > ?`).run(end);
    this.#sql('DELETE FROM blocks WHERE number > ?').run(end);
    this.cursor = Math.min(this.cursor, end);
    return this.#rewrite(touched);
  }

  // ---- ids without gaps ----

  #number(kind: Numbered, id: bigint, block: number): void {
    this.#sql('INSERT OR REPLACE INTO numbers (kind, id, block) VALUES (?, ?, ?)').run(
      kind,
      Number(id),
      block,
    );
  }

  /** Gaps between the ids of requests and of disputes, up to what a node counts at a block. */
  gapsIn({ requests, disputes }: Counts, head: number): Gap[] {
    return [...this.gaps('request', requests, head), ...this.gaps('dispute', disputes, head)];
  }

  /**
   * @param count how many there are by the chain itself
   * @param head the block at which it says so
   * @returns the ids up to `count` whose events were not seen; those before the first that was seen included
   */
  gaps(kind: Numbered, count: bigint, head: number): Gap[] {
    // Ids above the count may be invented by a node, so they close no gap.
    const some = 'FROM numbers WHERE kind = ? AND id BETWEEN 1 AND ?';
    const { known } = this.#sql(`SELECT COUNT(*) AS known ${some}`).get(kind, Number(count)) as {
      known: number;
    };
    if (BigInt(known) >= count) return [];
    const rows = this.#sql(`SELECT id, block ${some} ORDER BY id`).all(kind, Number(count));
    return gapsBetween(kind, rows as { id: number; block: number }[], Number(count), this.fromBlock, head);
  }
}
