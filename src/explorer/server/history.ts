import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { claimNumber } from '../../chain/contracts/types.ts';
import type { Case } from '../../chain/contracts/world.ts';
import { atomically, isUnusable, openDatabase, statementsOf } from '../../chain/index/sqlite.ts';
import { makeFolder } from '../../files/makeFolder.ts';
import type { ClaimJson, DisputeJson, ModelRowJson, RequestJson } from '../api.ts';
import { claimRow, disputeRow, requestRow } from '../records/rows.ts';
import { Tally } from './tally.ts';

/** Raised with every change of the tables or of what is in them. */
const SCHEMA = 3;

const TABLES = `
  CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, requester TEXT NOT NULL, status TEXT NOT NULL, settled INTEGER NOT NULL,
    json TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS requests_of_model ON requests (model, id);
  CREATE INDEX IF NOT EXISTS requests_of_requester ON requests (requester, id);
  CREATE INDEX IF NOT EXISTS requests_by_status ON requests (status);
  CREATE INDEX IF NOT EXISTS requests_settled ON requests (settled) WHERE settled = 0;
  CREATE TABLE IF NOT EXISTS claims (
    request INTEGER NOT NULL, number INTEGER NOT NULL, claimant TEXT NOT NULL, status TEXT NOT NULL, bond TEXT NOT NULL,
    json TEXT NOT NULL, PRIMARY KEY (request, number)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS claims_of_claimant ON claims (claimant, request, number);
  CREATE INDEX IF NOT EXISTS claims_by_status ON claims (status, bond);
  CREATE TABLE IF NOT EXISTS disputes (
    id INTEGER PRIMARY KEY, request INTEGER NOT NULL, claimant TEXT NOT NULL, challenger TEXT NOT NULL,
    winner TEXT, json TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS disputes_of_request ON disputes (request, id);
  CREATE INDEX IF NOT EXISTS disputes_of_claimant ON disputes (claimant, id);
  CREATE INDEX IF NOT EXISTS disputes_of_challenger ON disputes (challenger, id);
  CREATE INDEX IF NOT EXISTS disputes_by_winner ON disputes (winner);
`;

const FILE = 'history.sqlite';

/** Who is counted as the winner of a dispute: null while it is open, and no side where another one overtook it. */
const winnerOf = ({ ended }: DisputeJson): string | null =>
  ended && (ended.isOvertaken ? 'overtaken' : ended.winner);

type Row = { readonly json: string };

/** A number above every id, so that a list begins with the newest. */
const END = Number.MAX_SAFE_INTEGER;

/**
 * One row for each request, claim and dispute of a deployment, whatever became of them, in SQLite: the index itself
 * forgets what is over. A cache, made from the index.
 */
export class History {
  readonly #database: DatabaseSync;
  readonly #sql: (text: string) => StatementSync;
  #tally: Tally;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = statementsOf(database);
    this.#tally = new Tally();
  }

  /**
   * Opens the history beside an index. Where it is missing or cannot be used, both are made anew, because the index no
   * longer has what the history lacks.
   *
   * @param folder of the index; undefined to keep both in memory
   * @returns and whether the index has to be removed
   */
  static open(folder: string | undefined): { readonly history: History; readonly isNew: boolean } {
    if (folder === undefined) return { history: History.#create(':memory:'), isNew: true };
    makeFolder(folder);
    const path = join(folder, FILE);
    try {
      const history = new History(openDatabase(path));
      if (history.#schema() === SCHEMA) {
        history.#dropUnsettled();
        history.#tally = Tally.of(history.#database);
        return { history, isNew: false };
      }
      history.close();
    } catch (failure) {
      if (!isUnusable(failure)) throw failure;
    }
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return { history: History.#create(path), isNew: true };
  }

  static #create(path: string): History {
    const database = openDatabase(path);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    database.exec(TABLES);
    database.exec(`PRAGMA user_version = ${SCHEMA}`);
    return new History(database);
  }

  #schema(): number {
    return (this.#database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  }

  close(): void {
    this.#database.close();
  }

  #atomically(change: () => void): void {
    try {
      atomically(this.#database, change);
    } catch (failure) {
      this.#tally = Tally.of(this.#database);
      throw failure;
    }
  }

  // ---- what happened ----

  /** Reads requests again that were not settled when the program ended: a reorganisation may have undone them meanwhile. */
  #dropUnsettled(): void {
    const open = this.#sql('SELECT id FROM requests WHERE settled = 0').all() as { id: number }[];
    this.#atomically(() => {
      for (const { id } of open) this.#drop(id);
    });
  }

  #drop(requestId: number): void {
    const known = this.#sql('SELECT model, status FROM requests WHERE id = ?').get(requestId);
    if (!known) return;
    const claims = this.#sql('SELECT status, bond FROM claims WHERE request = ?').all(requestId);
    const disputes = this.#sql('SELECT winner FROM disputes WHERE request = ?').all(requestId);
    this.#tally.remove({
      ...(known as { model: string; status: string }),
      claims: claims as { status: string; bond: string }[],
      winners: (disputes as { winner: string | null }[]).map(({ winner }) => winner),
    });
    this.#sql('DELETE FROM requests WHERE id = ?').run(requestId);
    this.#sql('DELETE FROM claims WHERE request = ?').run(requestId);
    this.#sql('DELETE FROM disputes WHERE request = ?').run(requestId);
  }

  /** Drops a dispute: after a reorganisation its id may belong to another one, about another request. */
  #dropDispute(id: number): void {
    const known = this.#sql('SELECT winner FROM disputes WHERE id = ?').get(id);
    if (!known) return;
    this.#sql('DELETE FROM disputes WHERE id = ?').run(id);
    this.#tally.removeDispute((known as { winner: string | null }).winner);
  }

  /** Replaces what is known of requests. @param cases undefined for a request that is gone */
  put(cases: Iterable<readonly [requestId: bigint, one: Case | undefined]>, isSettled = false): void {
    this.#atomically(() => {
      for (const [requestId, one] of cases) {
        this.#drop(Number(requestId));
        if (one) this.#insert(one, isSettled);
      }
    });
  }

  #insert({ request, claims, disputes }: Case, isSettled: boolean): void {
    const { requestId, request: asked, status } = request;
    const id = Number(requestId);
    const ofClaims = [...claims.values()];
    const ofDisputes = [...disputes.values()];
    const row = requestRow(request, {
      claims: ofClaims.length,
      falsified: ofClaims.filter((one) => one.status === 'falsified').length,
      disputes: ofDisputes.length,
      openDisputes: ofDisputes.filter(({ ended }) => !ended).length,
    });
    this.#sql('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)').run(
      ...[id, asked.modelId, asked.requester, status, isSettled ? 1 : 0, JSON.stringify(row)],
    );
    for (const claim of ofClaims) {
      const made = claimRow(claim);
      this.#sql('INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?)').run(
        ...[id, claimNumber(claim.claimId), claim.claimant, claim.status, made.bondWei, JSON.stringify(made)],
      );
    }
    this.#tally.add({
      ...{ model: asked.modelId, status },
      claims: ofClaims.map((claim) => ({ status: claim.status, bond: `${asked.terms.claimBondWei}` })),
      winners: ofDisputes.map((dispute) => winnerOf(disputeRow(dispute))),
    });
    for (const dispute of ofDisputes) {
      const made = disputeRow(dispute);
      const { disputeId, claim, challenger } = dispute;
      this.#dropDispute(Number(disputeId));
      this.#sql('INSERT INTO disputes VALUES (?, ?, ?, ?, ?, ?)').run(
        ...[Number(disputeId), id, claim.claimant, challenger],
        ...[winnerOf(made), JSON.stringify(made)],
      );
    }
  }

  // ---- what is asked ----

  #rows<T>(sql: string, ...values: (string | number)[]): T[] {
    return (this.#sql(sql).all(...values) as Row[]).map(({ json }) => JSON.parse(json) as T);
  }

  #row<T>(sql: string, ...values: (string | number)[]): T | undefined {
    return this.#rows<T>(sql, ...values)[0];
  }

  #count(sql: string, ...values: string[]): number {
    return (this.#sql(sql).get(...values) as { count: number }).count;
  }

  /** Whether a request is over and too old to change. */
  isSettled(id: number): boolean {
    return this.#sql('SELECT 1 FROM requests WHERE id = ? AND settled = 1').get(id) !== undefined;
  }

  request(id: number): RequestJson | undefined {
    return this.#row('SELECT json FROM requests WHERE id = ?', id);
  }

  claim(request: number, number: number): ClaimJson | undefined {
    return this.#row('SELECT json FROM claims WHERE request = ? AND number = ?', request, number);
  }

  dispute(id: number): DisputeJson | undefined {
    return this.#row('SELECT json FROM disputes WHERE id = ?', id);
  }

  claimsOn(request: number, most: number): ClaimJson[] {
    return this.#rows('SELECT json FROM claims WHERE request = ? ORDER BY number LIMIT ?', request, most);
  }

  disputesOn(request: number, most: number): DisputeJson[] {
    return this.#rows('SELECT json FROM disputes WHERE request = ? ORDER BY id LIMIT ?', request, most);
  }

  requests(most: number, before = END): RequestJson[] {
    return this.#rows('SELECT json FROM requests WHERE id < ? ORDER BY id DESC LIMIT ?', before, most);
  }

  requestsOn(model: string, most: number): RequestJson[] {
    return this.#rows('SELECT json FROM requests WHERE model = ? ORDER BY id DESC LIMIT ?', model, most);
  }

  requestsBy(requester: string, most: number): RequestJson[] {
    const sql = 'SELECT json FROM requests WHERE requester = ? ORDER BY id DESC LIMIT ?';
    return this.#rows(sql, requester, most);
  }

  disputes(most: number, before = END): DisputeJson[] {
    return this.#rows('SELECT json FROM disputes WHERE id < ? ORDER BY id DESC LIMIT ?', before, most);
  }

  claimsBy(claimant: string, most: number): ClaimJson[] {
    const sql = 'SELECT json FROM claims WHERE claimant = ? ORDER BY request DESC, number DESC LIMIT ?';
    return this.#rows(sql, claimant, most);
  }

  disputesOf(account: string, most: number): DisputeJson[] {
    return this.#rows(
      `SELECT json FROM disputes WHERE id IN (
         SELECT id FROM (SELECT id FROM disputes WHERE claimant = ?1 ORDER BY id DESC LIMIT ?2)
         UNION SELECT id FROM (SELECT id FROM disputes WHERE challenger = ?1 ORDER BY id DESC LIMIT ?2)
       ) ORDER BY id DESC LIMIT ?2`,
      ...[account, most],
    );
  }

  /** Disputes of an account that have ended, as it won or lost them; those that were overtaken are neither. */
  record(account: string): { readonly won: number; readonly lost: number } {
    const ended = (side: string, winner: string): number =>
      this.#count(`SELECT count(*) AS count FROM disputes WHERE ${side} = ? AND winner = ?`, account, winner);
    return {
      won: ended('claimant', 'claimant') + ended('challenger', 'challenger'),
      lost: ended('claimant', 'challenger') + ended('challenger', 'claimant'),
    };
  }

  models(most: number): ModelRowJson[] {
    const rows = this.#sql(
      'SELECT model, count(*) AS requests, max(id) AS last FROM requests GROUP BY model ORDER BY last DESC LIMIT ?',
    ).all(most) as { model: string; requests: number; last: number }[];
    return rows.map(({ model, requests, last }) => ({ id: model, requests, lastRequest: `${last}` }));
  }

  requestsOnCount(model: string): number {
    return this.#count('SELECT count(*) AS count FROM requests WHERE model = ?', model);
  }

  /** The figures of the overview. */
  get tally(): Pick<Tally, 'counts' | 'slashedWei'> {
    return this.#tally;
  }
}
