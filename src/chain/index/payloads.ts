import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { makeFolder } from '../../files/makeFolder.ts';
import { tensorRoot } from '../../merkle/tensor.ts';
import type { Hex } from '../types.ts';

/** Longer ones are files of their own. */
const MAX_INLINE_BYTES = 4096;

const hex = (bytes: Uint8Array): Hex =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;

/** The bytes of inputs and answers of the cases that are kept, under the root that they have as one tensor. */
export class Payloads {
  readonly #folder: string | undefined;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #rootsWith: StatementSync;
  readonly #remove: StatementSync;

  /** @param folder where long ones are files; undefined to keep them in the database */
  constructor(database: DatabaseSync, folder: string | undefined) {
    this.#folder = folder;
    if (folder !== undefined) makeFolder(folder);
    this.#find = database.prepare('SELECT bytes FROM payloads WHERE root = ? LIMIT 1');
    this.#insert = database.prepare('INSERT OR IGNORE INTO payloads (root, request, bytes) VALUES (?, ?, ?)');
    this.#rootsWith = database.prepare(
      'SELECT root, bytes IS NULL AS isFile FROM payloads WHERE request = ?',
    );
    this.#remove = database.prepare('DELETE FROM payloads WHERE request = ?');
    this.#sweep();
  }

  /** Keeps bytes for a case, within the database's transaction. @returns their root */
  put(requestId: number, bytes: Uint8Array): Hex {
    const root = hex(tensorRoot(bytes));
    const isFile = this.#folder !== undefined && bytes.length > MAX_INLINE_BYTES;
    if (isFile) this.#write(root, bytes);
    this.#insert.run(root, requestId, isFile ? null : bytes);
    return root;
  }

  /** @throws Error if they were dropped, because their case was over */
  read(root: Hex): Hex {
    return hex(this.bytesOf(root));
  }

  /** The same as bytes. */
  bytesOf(root: Hex): Uint8Array {
    const row = this.#find.get(root) as { bytes: Uint8Array | null } | undefined;
    if (!row) throw new Error(`the bytes under ${root} are dropped: what they were of is over`);
    return row.bytes ?? readFileSync(this.#path(root));
  }

  /** Drops what only this case has, within the database's transaction. */
  drop(requestId: number): void {
    const rows = this.#rootsWith.all(requestId) as { root: string; isFile: number }[];
    this.#remove.run(requestId);
    for (const { root, isFile } of rows)
      if (isFile && !this.#find.get(root)) rmSync(this.#path(root), { force: true });
  }

  #path(root: Hex): string {
    return join(this.#folder as string, root.slice(2));
  }

  /** Writes a file whole: a partial one never has its name. */
  #write(root: Hex, bytes: Uint8Array): void {
    const path = this.#path(root);
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
