import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { makeFolder } from '../../files/makeFolder.ts';
import { keccak } from '../../merkle/keccak.ts';
import type { Hex } from '../contracts/types.ts';

/** Longer ones are files of their own. */
const MAX_INLINE_BYTES = 4096;

const hex = (bytes: Uint8Array): Hex =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;

/**
 * The bytes of inputs and answers of the cases that are kept, under their hash. The root of a tensor would not do: it is the
 * same with zeros at the end, so that a stranger's shorter input could take the place of another one.
 */
export class Payloads {
  readonly #folder: string | undefined;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #hashesWith: StatementSync;
  readonly #remove: StatementSync;

  /** @param folder where long ones are files; undefined to keep them in the database */
  constructor(database: DatabaseSync, folder: string | undefined) {
    this.#folder = folder;
    if (folder !== undefined) makeFolder(folder);
    this.#find = database.prepare('SELECT bytes FROM payloads WHERE hash = ? LIMIT 1');
    this.#insert = database.prepare('INSERT OR IGNORE INTO payloads (hash, request, bytes) VALUES (?, ?, ?)');
    this.#hashesWith = database.prepare(
      'SELECT hash, bytes IS NULL AS isFile FROM payloads WHERE request = ?',
    );
    this.#remove = database.prepare('DELETE FROM payloads WHERE request = ?');
    this.#sweep();
  }

  /** Keeps bytes for a case, within the database's transaction. @returns their hash */
  put(requestId: number, bytes: Uint8Array): Hex {
    const hash = hex(keccak(bytes));
    const isFile = this.#folder !== undefined && bytes.length > MAX_INLINE_BYTES;
    if (isFile) this.#write(hash, bytes);
    this.#insert.run(hash, requestId, isFile ? null : bytes);
    return hash;
  }

  /** @throws Error if they were dropped, because their case was over */
  read(hash: Hex): Hex {
    return hex(this.bytesOf(hash));
  }

  /** The same as bytes. */
  bytesOf(hash: Hex): Uint8Array {
    const row = this.#find.get(hash) as { bytes: Uint8Array | null } | undefined;
    if (!row) throw new Error(`the bytes under ${hash} are dropped: what they were of is over`);
    return row.bytes ?? readFileSync(this.#path(hash));
  }

  /** Drops what only this case has, within the database's transaction. */
  drop(requestId: number): void {
    const rows = this.#hashesWith.all(requestId) as { hash: string; isFile: number }[];
    this.#remove.run(requestId);
    for (const { hash, isFile } of rows)
      if (isFile && !this.#find.get(hash)) rmSync(this.#path(hash), { force: true });
  }

  #path(hash: Hex): string {
    return join(this.#folder as string, hash.slice(2));
  }

  /** Writes a file whole: a partial one never has its name. */
  #write(hash: Hex, bytes: Uint8Array): void {
    const path = this.#path(hash);
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
  }

  /** A process that was ended between a file and its row has left the file. */
  #sweep(): void {
    if (this.#folder === undefined) return;
    for (const name of readdirSync(this.#folder)) {
      if (!this.#find.get(`0x${name}`)) rmSync(join(this.#folder, name), { force: true });
    }
  }
}
