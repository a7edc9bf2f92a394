import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../files/makeFolder.ts';
import { type BlobName, StoreError, type WritableBlobs } from './blobs.ts';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The first `length` bytes of a file; it may grow meanwhile, and no more than was seen is read. */
async function readWhole(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/**
 * Room that a file takes, bytes: its own, and 16 KiB for its inode. A usual ext4 disk has one inode for each 16 KiB, so many
 * small files fill it as few large ones do.
 */
export const roomOf = (bytes: number): number => bytes + 2 ** 14;

const NAME = /^(program|tensor)\/[0-9a-f]{64}(-[0-9]{1,10})?$/;

/** A file of which a part is there: the begin of a blob that is on its way. */
export interface FilePart {
  /** Bytes that are there. */
  readonly length: number;
  write(bytes: Uint8Array, at: number): Promise<void>;
  close(): Promise<void>;
}

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
      const found = await file.stat();
      if (!found.isFile()) throw new StoreError('corrupt', this.place, name, 'it is not a file');
      if (found.size > maxBytes) {
        throw new StoreError(
          'too large',
          this.place,
          name,
          `${found.size} bytes, at most ${maxBytes} expected`,
        );
      }
      return await readWhole(file, found.size);
    } finally {
      await file.close();
    }
  }

  /** Bytes of a blob, unchecked; undefined if there is none. */
  async size(name: BlobName): Promise<number | undefined> {
    try {
      return (await stat(this.#path(name))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** All tensors with their bytes, the oldest first. Parts and drafts that an earlier run has left are removed. */
  async tensors(): Promise<Map<BlobName, number>> {
    const found: { name: BlobName; bytes: number; atMs: number }[] = [];
    const folder = join(this.place, 'tensor');
    const files = await readdir(folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const file of files) {
      const name: BlobName = `tensor/${file}`;
      if (!NAME.test(name)) {
        if (/\.(part|draft)$/.test(file)) await rm(join(folder, file), { force: true });
        continue;
      }
      const { size, mtimeMs } = await stat(join(folder, file));
      found.push({ name, bytes: size, atMs: mtimeMs });
    }
    found.sort((a, b) => a.atMs - b.atMs);
    return new Map(found.map(({ name, bytes }) => [name, bytes]));
  }

  /** Room of everything in the folder, bytes: parts and drafts too. */
  async room(): Promise<number> {
    const entries = await readdir(this.place, { recursive: true, withFileTypes: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    let room = 0;
    for (const entry of entries)
      if (entry.isFile()) room += roomOf((await stat(join(entry.parentPath, entry.name))).size);
    return room;
  }

  async remove(name: BlobName): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  #partPath = (name: BlobName): string => `${this.#path(name)}.part`;

  /** The part of a blob that is there from before, to go on with. */
  async openPart(name: BlobName): Promise<FilePart> {
    const path = this.#partPath(name);
    makeFolder(dirname(path));
    const file = await open(path, constants.O_RDWR | constants.O_CREAT);
    const { size } = await file.stat();
    return {
      length: size,
      write: async (bytes, at) => {
        for (let done = 0; done < bytes.length; )
          done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      },
      close: () => file.close(),
    };
  }

  /** The first `length` bytes of a part, or as many as there are. */
  async readPart(name: BlobName, length: number): Promise<Uint8Array> {
    const file = await open(this.#partPath(name), 'r');
    try {
      return await readWhole(file, Math.min(length, (await file.stat()).size));
    } finally {
      await file.close();
    }
  }

  /** Gives a part that is whole the name of its blob. @param length bytes of the blob */
  async keepPart(name: BlobName, length: number): Promise<void> {
    const file = await open(this.#partPath(name), 'r+');
    try {
      await file.truncate(length);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(this.#partPath(name), this.#path(name));
  }

  async removePart(name: BlobName): Promise<void> {
    await rm(this.#partPath(name), { force: true });
  }

  async write(name: BlobName, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    makeFolder(dirname(path));
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
