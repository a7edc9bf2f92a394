import type { DatabaseSync } from 'node:sqlite';
import type { Hex } from '../contracts/types.ts';
import { openDatabase } from './sqlite.ts';

/** Raised with every change of the tables or of what is in them: an older file is read again from the chain. */
export const SCHEMA = 2;

const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blocks (
    number INTEGER PRIMARY KEY, hash TEXT NOT NULL, parent TEXT NOT NULL, time INTEGER NOT NULL, checked INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS events (
    block INTEGER NOT NULL, place INTEGER NOT NULL, request INTEGER NOT NULL, hash TEXT NOT NULL, tx TEXT NOT NULL,
    time INTEGER, content BLOB NOT NULL, PRIMARY KEY (block, place)
  );
  CREATE INDEX IF NOT EXISTS events_of_request ON events (request, block, place);
  CREATE TABLE IF NOT EXISTS numbers (
    kind TEXT NOT NULL, id INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS settled (request INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS payloads (
    hash TEXT NOT NULL, request INTEGER NOT NULL, bytes BLOB, PRIMARY KEY (hash, request)
  );
  CREATE INDEX IF NOT EXISTS payloads_of_request ON payloads (request);
`;

export const TABLE_NAMES = ['meta', 'blocks', 'events', 'numbers', 'settled', 'payloads'] as const;

/** A block as far as it matters here. */
export interface Header {
  readonly number: number;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

/** A row of the table of events. */
export interface EventRow {
  readonly block: number;
  readonly place: number;
  readonly request: number;
  readonly hash: string;
  readonly tx: string;
  readonly time: number | null;
  readonly content: Uint8Array;
}

/** Whether the tables are those of this version, or nothing is in them yet. */
export function isOfThisVersion(database: DatabaseSync): boolean {
  const row = database.prepare("SELECT value FROM meta WHERE key = 'schema'").get();
  return row === undefined || row['value'] === `${SCHEMA}`;
}

/** Opens a database and makes the tables that it lacks. */
export function create(path: string): DatabaseSync {
  const database = openDatabase(path);
  try {
    // A power cut may lose rows, which are read from the chain again, but must not damage the file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    database.exec(TABLES);
    return database;
  } catch (failure) {
    database.close();
    throw failure;
  }
}
