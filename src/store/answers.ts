import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/makeFolder.ts';
import type { Hash } from '../merkle/keccak.ts';
import { type BlobName, tensorName } from './blobs.ts';
import { FolderBlobs } from './folder.ts';

export interface AnswersOptions {
  /** A folder of its own, which a server shows at the URI. */
  readonly folder: string;
  /** Where the folder is served; ends in `/`. */
  readonly uri: string;
  /** Bytes of all answers that are kept; the oldest go first. */
  readonly maxTotalBytes: number;
}

interface Kept {
  readonly name: BlobName;
  readonly bytes: number;
}

/**
 * Keeps answers that are claimed by root where others can have them: each tensor as a file by its root, as bundles have
 * them, so that whoever reads one can check it.
 */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #blobs: FolderBlobs;
  /** Oldest first; undefined until the folder is looked at. */
  #kept: Kept[] | undefined;
  #total = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#blobs = new FolderBlobs(options.folder);
  }

  /** Makes the folder, so that a server can be started before the first answer. @throws Error of the disk */
  prepare(): void {
    makeFolder(join(this.#options.folder, 'tensor'));
  }

  /**
   * Keeps the tensors of an answer.
   *
   * @returns the URI at which they can be had
   * @throws Error of the disk, or if they are more than may be kept
   */
  async put(tensors: readonly Uint8Array[], roots: readonly Hash[]): Promise<string> {
    const put = this.#writing.then(() => this.#put(tensors, roots));
    this.#writing = put.catch(() => undefined);
    await put;
    return this.#options.uri;
  }

  async #put(tensors: readonly Uint8Array[], roots: readonly Hash[]): Promise<void> {
    this.#kept ??= await this.#look();
    const kept = this.#kept;
    const missing: { name: BlobName; tensor: Uint8Array }[] = [];
    for (const [i, tensor] of tensors.entries()) {
      const name = tensorName(roots[i]!, tensor.length);
      if ((await this.#blobs.size(name)) === undefined) missing.push({ name, tensor });
    }
    const bytes = missing.reduce((sum, { tensor }) => sum + tensor.length, 0);
    const { maxTotalBytes } = this.#options;
    if (bytes > maxTotalBytes) {
      throw new Error(`an answer of ${bytes} bytes is more than the ${maxTotalBytes} that are kept`);
    }
    while (this.#total + bytes > maxTotalBytes) {
      const oldest = kept.shift() as Kept;
      await this.#blobs.remove(oldest.name);
      this.#total -= oldest.bytes;
    }
    for (const { name, tensor } of missing) {
      await this.#blobs.write(name, tensor);
      kept.push({ name, bytes: tensor.length });
      this.#total += tensor.length;
    }
  }

  /** The answers of earlier runs, oldest first. */
  async #look(): Promise<Kept[]> {
    const folder = join(this.#options.folder, 'tensor');
    const names = await readdir(folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => /^[0-9a-f]{64}-[0-9]{1,10}$/.test(name))
        .map(async (name) => ({ name: `tensor/${name}` as const, ...(await stat(join(folder, name))) })),
    );
    const sorted = found.toSorted((a, b) => a.mtimeMs - b.mtimeMs);
    this.#total = sorted.reduce((sum, { size }) => sum + size, 0);
    return sorted.map(({ name, size }) => ({ name, bytes: size }));
  }
}
