import { InputError } from '../inputError.ts';
import { ELEMENT_TYPES, type FileElementType, type FileTensor, swapElements } from './elementTypes.ts';

/**
 * NumPy's .npy format, versions 1 to 3 (numpy.lib.format). Own code, because the npm packages for it read neither
 * version 3, Fortran order, float16 nor big-endian files, and take a truncated file for a whole one.
 */
const MAGIC = '\x93NUMPY';
/** NumPy aligns the data to this. */
const ALIGNMENT = 64;

const isNpy = (bytes: Uint8Array): boolean => [...MAGIC].every((char, i) => bytes[i] === char.charCodeAt(0));

/** The header's fields: a Python dict literal with exactly three known keys. */
function parseHeader(header: string, file: string) {
  const field = (key: string, value: string): string => {
    const found = new RegExp(`['"]${key}['"]\\s*:\\s*${value}`).exec(header)?.[1];
    if (found === undefined) throw new InputError(`${file}: the .npy header has no readable "${key}"`);
    return found;
  };
  if (/['"]descr['"]\s*:\s*\[/.test(header)) {
    throw new InputError(`${file}: holds records with named fields; save one plain array instead`);
  }
  const descr = field('descr', `['"]([^'"]*)['"]`);
  const fortran = field('fortran_order', '(True|False)') === 'True';
  const extents = field('shape', '\\(([^)]*)\\)')
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '');
  if (!extents.every((part) => /^\d{1,15}$/.test(part))) {
    throw new InputError(`${file}: the .npy header's shape (${extents.join(', ')}) is not a list of sizes`);
  }
  return { descr, fortran, shape: extents.map(Number) };
}

function typeOf(descr: string, file: string): { type: FileElementType; bigEndian: boolean } {
  const [, order, code] = /^([<>|=]?)(.*)$/.exec(descr) as RegExpExecArray;
  // '?' is NumPy's other name for b1; '=' is the writing machine's own order, little-endian on all in use.
  const held = ELEMENT_TYPES.filter(({ npy }) => npy !== '');
  const type = held.find(({ npy }) => npy === (code === '?' ? 'b1' : code));
  if (!type) {
    const known = held.map(({ name }) => name).join(', ');
    throw new InputError(`${file}: elements of NumPy type "${descr}" are not supported; use one of ${known}`);
  }
  return { type, bigEndian: order === '>' };
}

/** Column-major (first index fastest) to row-major. */
function fromFortranOrder(bytes: Uint8Array, shape: readonly number[], elementBytes: number): Uint8Array {
  const rowMajor = new Uint8Array(bytes.length);
  const index = shape.map(() => 0);
  const strides = shape.map((_, d) =>
    shape.slice(0, d).reduce((product, extent) => product * extent, elementBytes),
  );
  for (let to = 0; to < bytes.length; to += elementBytes) {
    const from = index.reduce((sum, i, d) => sum + i * (strides[d] as number), 0);
    rowMajor.set(bytes.subarray(from, from + elementBytes), to);
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d] = (index[d] as number) + 1;
      if ((index[d] as number) < (shape[d] as number)) break;
      index[d] = 0;
    }
  }
  return rowMajor;
}

/**
 * @param file what to call the file in messages
 * @throws InputError if `bytes` are not a whole .npy file of a plain numeric array
 */
export function readNpy(bytes: Uint8Array, file: string): FileTensor {
  if (!isNpy(bytes))
    throw new InputError(`${file}: is not a .npy file (its first bytes are not NumPy's signature)`);
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3) {
    throw new InputError(`${file}: .npy version ${major} is not known; save it with numpy.save`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthBytes = major === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (bytes.length < start) throw new InputError(`${file}: is truncated inside the .npy header`);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (bytes.length < start + length) throw new InputError(`${file}: is truncated inside the .npy header`);
  const header = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(start, start + length),
  );
  const { descr, fortran, shape } = parseHeader(header, file);
  const { type, bigEndian } = typeOf(descr, file);
  const expected = shape.reduce((product, extent) => product * extent, type.bytes as number);
  const data = bytes.slice(start + length);
  if (data.length !== expected) {
    const what = data.length < expected ? 'is truncated' : 'has bytes after its array';
    throw new InputError(
      `${file}: ${what}: ${type.name} [${shape.join(', ')}] takes ${expected} bytes, the file has ${data.length}`,
    );
  }
  const little = bigEndian ? swapElements(data, type.bytes) : data;
  return { type, shape, bytes: fortran ? fromFortranOrder(little, shape, type.bytes) : little };
}

/** A version 1 file, as numpy.save writes it. */
export function writeNpy({ type, shape, bytes }: FileTensor): Uint8Array {
  if (type.npy === '') throw new InputError(`.npy files cannot hold ${type.name}; write .pb files instead`);
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const descr = `${type.bytes === 1 ? '|' : '<'}${type.npy}`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${extents}), }`;
  const start = 10;
  const padding = ALIGNMENT - ((start + dict.length + 1) % ALIGNMENT);
  const header = `${dict}${' '.repeat(padding % ALIGNMENT)}\n`;
  const file = new Uint8Array(start + header.length + bytes.length);
  file.set(Uint8Array.from(MAGIC, (char) => char.charCodeAt(0)));
  file[6] = 1;
  new DataView(file.buffer).setUint16(8, header.length, true);
  file.set(new TextEncoder().encode(header), start);
  file.set(bytes, start + header.length);
  return file;
}
