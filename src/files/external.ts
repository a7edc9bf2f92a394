import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import type { ReadExternal } from '../onnx/index.ts';

/**
 * Reads the files in which a model keeps its tensors. A model comes from anybody, so it may name files in its own
 * folder only, and the folders in it: no absolute path, no `..`, no link that leads out.
 */
export const filesIn =
  (folder: string): ReadExternal =>
  (location, offset, length) => {
    const outside = `the path ${JSON.stringify(location)} leads out of the model's folder`;
    const parts = location.split(/[\\/]/);
    if (isAbsolute(location) || parts.includes('..') || /^[a-z]:|\0/i.test(location))
      throw new Error(outside);
    const root = realPath(folder, '.');
    const path = realPath(folder, location);
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) throw new Error(outside);
    return readPart(path, location, offset, length);
  };

function realPath(folder: string, location: string): string {
  try {
    return realpathSync(join(folder, location));
  } catch {
    throw new Error(`there is no file ${JSON.stringify(location)} beside the model`);
  }
}

function readPart(path: string, location: string, offset: number, length: number): Uint8Array {
  const name = JSON.stringify(location);
  let file: number;
  try {
    // The path has no links any more: one that was put there since is not followed, and no pipe is waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`${name} cannot be opened (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error(`${name} is no file`);
    if (offset + length > stat.size) {
      throw new Error(`${name} has ${stat.size} bytes, and bytes ${offset} to ${offset + length} are wanted`);
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, offset + done);
      if (count === 0) throw new Error(`${name} became shorter while it was read`);
      done += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
