import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { OWN_FILE, type ReadExternal, withoutBulk } from '../onnx/index.ts';
import { about, readBytes } from './bytes.ts';
import { filesIn } from './external.ts';

/** The file of a model, which stays open while the model is compiled. */
export interface ModelFile {
  /** The file, of a large ONNX file without its weights, of a large GGUF file its first bytes. */
  readonly bytes: Uint8Array;
  /** Size of the whole file. */
  readonly size: number;
  /** Reads weights that are not among the bytes, of this file or of those beside it. */
  readonly readExternal: ReadExternal;
  close(): void;
}

/** First bytes of a GGUF file. */
export const GGUF: readonly number[] = [...'GGUF'].map((letter) => letter.charCodeAt(0));

/** Smaller files are read at once. */
const LARGE_BYTES = 2 ** 23;

/** @throws InputError saying why the file cannot be read */
export function openModel(path: string): ModelFile {
  const file = about(path, () => openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)));
  const stat = fstatSync(file);
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = about(path, () => readSync(file, bytes, done, length - done, offset + done));
      if (count === 0) throw new Error('the file became shorter while it was read');
      done += count;
    }
    return bytes;
  };
  const beside = filesIn(dirname(path));
  const readExternal: ReadExternal = (location, offset, length) =>
    location === OWN_FILE ? read(offset, length) : beside(location, offset, length);
  const close = (): void => closeSync(file);
  const outline = (): Uint8Array | undefined => {
    const first = read(0, GGUF.length);
    return GGUF.every((byte, i) => first[i] === byte) ? first : withoutBulk(stat.size, read);
  };
  const known = stat.isFile() && stat.size >= LARGE_BYTES ? outline() : undefined;
  if (known) return { bytes: known, size: stat.size, readExternal, close };
  close();
  const bytes = readBytes(path);
  return { bytes, size: bytes.length, readExternal: beside, close: () => undefined };
}
