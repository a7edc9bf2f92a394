import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isAboutFiles } from '../../files/reason.ts';

/** Opens a database. Node 22 calls SQLite experimental on stderr, which operators can do nothing about. */
export function openDatabase(path: string): DatabaseSync {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
    return new Database(path);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Statements of a database by their texts, each prepared once. */
export function statementsOf(database: DatabaseSync): (text: string) => StatementSync {
  const statements = new Map<string, StatementSync>();
  return (text) => {
    const known = statements.get(text);
    if (known) return known;
    const statement = database.prepare(text);
    statements.set(text, statement);
    return statement;
  };
}

/** Makes all changes to a database or none, also if the process is killed. */
export function atomically<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (failure) {
    // A full disk has taken it back already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw failure;
  }
}

/** Codes of SQLite, https://www.sqlite.org/rescode.html. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const SCHEMA_ERROR = 1;
const NOT_A_DATABASE = 26;

const codeIn = (failure: unknown): number | undefined => {
  const { code, errcode } = (failure ?? {}) as { code?: unknown; errcode?: unknown };
  // The low byte is the kind, the rest details it.
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
};

/** Whether SQLite read an integer above 2^53; `Buffer` has the same code for something else. */
function isTooLarge(failure: unknown): boolean {
  const { code, message } = (failure ?? {}) as { code?: unknown; message?: unknown };
  return code === 'ERR_OUT_OF_RANGE' && `${message}`.includes('represented as a JavaScript number');
}

/** Whether the file cannot be used as it is: no database, damaged, or with other tables or numbers. */
export const isUnusable = (failure: unknown): boolean =>
  [CORRUPT, NOT_A_DATABASE, SCHEMA_ERROR].includes(codeIn(failure) ?? -1) || isTooLarge(failure);

/** Whether another process holds the file. */
export const isHeld = (failure: unknown): boolean => [BUSY, LOCKED].includes(codeIn(failure) ?? -1);

/** Whether the disk is full or read-only, or the file was taken away: what can be kept in memory instead. */
export function isDiskTrouble(failure: unknown): boolean {
  const { cause } = failure as { cause?: unknown };
  const isDatabase = [READONLY, IO_ERROR, FULL, CANNOT_OPEN].includes(codeIn(failure) ?? -1);
  return isDatabase || isAboutFiles(failure) || (cause !== undefined && isDiskTrouble(cause));
}
