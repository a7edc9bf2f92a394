import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BlobName, StoreError, type WritableBlobs } from './blobs.ts';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

const NAME = /^(program|tensor)\/[0-9a-f]{64}(-[0-9]{1,10})?$/;

/** Blobs as files of a folder. */
export class FolderBlobs implements WritableBlobs {
  readonly place: string;
  #written = 0;

  constructor(folder: string) {
    this.place = folder;
  }

  #path(name: BlobName): string {
    // RULE: no name leads out of the folder, whatever it was made from.
    if (!NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} names no blob`);
    return join(this.place, name);
  }

  async read(name: BlobName, maxBytes: number): Promise<Uint8Array | undefined> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.#path(name), 'r');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new StoreError('corrupt', this.place, name, 'it is not a file');
      if (stat.size > maxBytes) {
        throw new StoreError(
          'too large',
          this.place,
          name,
          `${stat.size} bytes, at most ${maxBytes} expected`,
        );
      }
      // The file may grow meanwhile; no more than was seen is read.
      const bytes = new Uint8Array(stat.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  }

  async write(name: BlobName, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true });
    // Renaming is atomic, so a name never stands for half a file.
    this.#written++;
    const draft = `${path}.${process.pid}.${this.#written}.draft`;
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
      await file.close();
      await rename(draft, path);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(draft, { force: true });
      throw error;
    }
  }
}
