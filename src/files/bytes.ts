import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from './inputError.ts';
import { makeFolder } from './makeFolder.ts';
import { reasonOf } from './reason.ts';

/** Files by path. Everything that can be wrong with one is an {@link InputError} of one line. */

/** Runs `work`, whose errors are about the file or folder. @throws InputError in place of them */
export function about<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${reasonOf(error)}`);
  }
}

/** An ONNX file is one protobuf message, which has at most 2 GiB; tensors have less. */
const MAX_FILE_BYTES = 2 ** 31;
/** A pipe into which nothing is written for so long is given up, ms. */
const PIPE_PATIENCE_MS = 10_000;
const PIPE_PAUSE_MS = 10;
const PIPE_PART_BYTES = 65_536;

/** @throws InputError saying why the file cannot be read */
export function readBytes(path: string, maxBytes = MAX_FILE_BYTES): Uint8Array {
  return about(path, () => {
    // Without waiting, so that a pipe that nobody writes into does not hold the command.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = fstatSync(file);
      const tooLong = new InputError(`${path}: has more than ${maxBytes} bytes`);
      if (stat.isFIFO()) return readPipe(file, path, maxBytes, tooLong);
      if (stat.isDirectory()) throw new InputError(`${path}: is a folder, not a file`);
      if (!stat.isFile()) throw new InputError(`${path}: is a device or socket, not a file`);
      if (stat.size > maxBytes) throw tooLong;
      return readFile(file, path, stat.size);
    } finally {
      closeSync(file);
    }
  });
}

function readFile(file: number, path: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const count = readSync(file, bytes, done, Math.min(size - done, 2 ** 30), done);
    if (count === 0) throw new InputError(`${path}: became shorter while it was read`);
    done += count;
  }
  return bytes;
}

function readPipe(file: number, path: string, maxBytes: number, tooLong: InputError): Uint8Array {
  const parts: Uint8Array[] = [];
  let total = 0;
  let waited = 0;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const part = new Uint8Array(PIPE_PART_BYTES);
    const count = readSome(file, part);
    if (count === 0 && total > 0) return Uint8Array.from(Buffer.concat(parts));
    if (count > 0) {
      parts.push(part.subarray(0, count));
      total += count;
      waited = 0;
      if (total > maxBytes) throw tooLong;
      continue;
    }
    // Nobody writes yet, or what is written is not there yet.
    if (waited >= PIPE_PATIENCE_MS) {
      throw new InputError(`${path}: is a pipe into which nothing was written for ${waited / 1000} seconds`);
    }
    Atomics.wait(clock, 0, 0, PIPE_PAUSE_MS);
    waited += PIPE_PAUSE_MS;
  }
}

/** @returns bytes read; 0 at the end, -1 if there are none yet */
function readSome(file: number, into: Uint8Array): number {
  try {
    return readSync(file, into, 0, into.length, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1;
    throw error;
  }
}

/** Writes the whole file; of one that cannot be written whole nothing is left. */
export function writeBytes(path: string, bytes: Uint8Array): void {
  const folder = dirname(path);
  about(folder, () => makeFolder(folder));
  about(path, () => {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK = 0 } = constants;
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o666);
    const stat = fstatSync(file);
    try {
      if (stat.isFIFO()) throw new InputError(`${path}: is a pipe, not a file`);
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    } catch (error) {
      if (stat.isFile()) rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
  });
}

/** Makes the folder, and has `work` use a draft beside the file, which is gone afterwards. */
function withDraft(path: string, work: (draft: string, target: string) => void): void {
  const folder = dirname(path);
  about(folder, () => makeFolder(folder));
  about(path, () => {
    // A link stays one: the file that it leads to is replaced.
    const target = existsSync(path) ? realpathSync(path) : path;
    const draft = `${target}.new`;
    try {
      work(draft, target);
    } finally {
      rmSync(draft, { force: true });
    }
  });
}

/**
 * Writes a text in place of the whole file: whoever reads it finds the old file or the new one, also after
 * this process was killed in the middle.
 *
 * @throws InputError saying why it cannot be written; the old file is there then
 */
export function replaceFile(path: string, text: string): void {
  withDraft(path, (draft, target) => {
    writeFileSync(draft, text, { flush: true });
    renameSync(draft, target);
  });
}

/**
 * Tries whether {@link replaceFile} can write so many bytes there, and leaves the file as it is.
 *
 * @throws InputError saying why it cannot
 */
export function requireReplaceable(path: string, lengthBytes: number): void {
  withDraft(path, (draft, target) => {
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory())
      throw new InputError(`${path}: is a folder, not a file`);
    writeFileSync(draft, new Uint8Array(lengthBytes), { flush: true });
  });
}
