import type { GGMLQuantizationType } from '@huggingface/gguf';
import { ensure, quoted } from '../../onnx/errors.ts';

/**
 * The header of a GGUF file (ggml/docs/gguf.md), versions 2 and 3 in little-endian order: metadata, then names, shapes,
 * types and offsets of tensors. Sizes in the file are compared with the bytes that are left of it before anything is
 * allocated. `@huggingface/gguf`, whose types these are, fills what a damaged file lacks with zeros, and does not say so.
 */
export interface GgufHeader {
  /** Integers of 64 bits that are no exact `number` stay `bigint`. */
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly TensorEntry[];
  /** Bytes to whose multiples tensors are aligned. */
  readonly alignment: number;
  /** Place of the first tensor's first byte in the file. */
  readonly start: number;
}

export interface TensorEntry {
  readonly name: string;
  /** Outermost extent first. */
  readonly shape: readonly number[];
  readonly kind: GGMLQuantizationType;
  /** Bytes from {@link GgufHeader.start}. */
  readonly offset: number;
}

/** Reads part of a file. */
export type Read = (offset: number, length: number) => Uint8Array;

/** Most items in all lists together: several times those of a tokenizer with a million tokens. */
const MOST_ITEMS = 2 ** 23;
const MOST_TEXT_BYTES = 2 ** 26;
const MOST_DEPTH = 4;
const MOST_EXTENTS = 4;
const MOST_ALIGNMENT = 2 ** 22;
/** Bytes that are read at a time. */
const WINDOW_BYTES = 2 ** 20;

/** Least bytes of an entry: a name, a type and a value, or a name, extents, a type and an offset. */
const ENTRY_BYTES = 8 + 4 + 1;
const TENSOR_BYTES = 8 + 4 + 4 + 8;

/** Reads numbers and texts one after the other. */
class Cursor {
  readonly #size: number;
  readonly #read: Read;
  #window: Uint8Array = new Uint8Array();
  #view = new DataView(this.#window.buffer);
  /** Place of the window in the file, and of the next byte in the window. */
  #from = 0;
  #next = 0;

  constructor(size: number, read: Read) {
    this.#size = size;
    this.#read = read;
  }

  get at(): number {
    return this.#from + this.#next;
  }

  /** Moves behind so many bytes. @returns where they start in the window */
  #take(count: number): number {
    ensure(this.at + count <= this.#size, 'is truncated: it ends inside its header');
    if (this.#next + count > this.#window.length) {
      this.#from = this.at;
      this.#next = 0;
      this.#window = this.#read(this.#from, Math.min(Math.max(count, WINDOW_BYTES), this.#size - this.#from));
      this.#view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.length);
    }
    const start = this.#next;
    this.#next += count;
    return start;
  }

  /** @param what names the count, of things that have at least so many bytes each */
  count(what: string, leastBytes: number): number {
    const count = this.u64();
    const left = this.#size - this.at;
    ensure(
      count * BigInt(leastBytes) <= BigInt(left),
      () => `is truncated or damaged: it has ${count} ${what}, and ${left} bytes for them`,
    );
    return Number(count);
  }

  text(): string {
    const length = this.count('bytes of a text', 1);
    ensure(length <= MOST_TEXT_BYTES, () => `has a text of ${length} bytes, more than ${MOST_TEXT_BYTES}`);
    const start = this.#take(length);
    return UTF8.decode(this.#window.subarray(start, start + length));
  }

  number<T>(bytes: number, get: (view: DataView, at: number) => T): T {
    const start = this.#take(bytes);
    return get(this.#view, start);
  }

  u32 = (): number => this.number(4, (view, at) => view.getUint32(at, true));
  u64 = (): bigint => this.number(8, (view, at) => view.getBigUint64(at, true));
}

const UTF8 = new TextDecoder();

const plain = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

interface Scalar {
  readonly bytes: number;
  readonly get: (view: DataView, at: number) => unknown;
}

/** Types of values by their numbers in the file; 8 is a text, 9 a list. */
const SCALARS: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, get: (view, at) => view.getUint8(at) },
  1: { bytes: 1, get: (view, at) => view.getInt8(at) },
  2: { bytes: 2, get: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, get: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, get: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, get: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, get: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, get: (view, at) => view.getUint8(at) !== 0 },
  10: { bytes: 8, get: (view, at) => plain(view.getBigUint64(at, true)) },
  11: { bytes: 8, get: (view, at) => plain(view.getBigInt64(at, true)) },
  12: { bytes: 8, get: (view, at) => view.getFloat64(at, true) },
};
const TEXT = 8;
const LIST = 9;

/** @throws Refusal if the file is no such file, is truncated or contradicts itself */
export function readHeader(size: number, read: Read): GgufHeader {
  const cursor = new Cursor(size, read);
  ensure(cursor.u32() === 0x46554747, 'is not a GGUF model');
  const version = cursor.u32();
  ensure((version & 0xffff) !== 0, 'is a big-endian GGUF model, which is not supported');
  ensure(version === 2 || version === 3, () => `is of version ${version} of GGUF; known are 2 and 3`);
  const tensorCount = cursor.count('tensors', TENSOR_BYTES);
  const entryCount = cursor.count('entries of metadata', ENTRY_BYTES);
  let items = 0;
  const value = (type: number, depth: number): unknown => {
    const scalar = SCALARS[type];
    if (scalar) return cursor.number(scalar.bytes, scalar.get);
    if (type === TEXT) return cursor.text();
    ensure(type === LIST, () => `has a value of type ${type}, which is not known`);
    ensure(depth < MOST_DEPTH, `has lists in lists, more than ${MOST_DEPTH} deep`);
    const inner = cursor.u32();
    const count = cursor.count('items of a list', SCALARS[inner]?.bytes ?? 8);
    items += count;
    ensure(items <= MOST_ITEMS, `has more than ${MOST_ITEMS} items in its lists`);
    const list: unknown[] = [];
    for (let i = 0; i < count; i++) list.push(value(inner, depth + 1));
    return list;
  };
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < entryCount; i++) {
    const key = cursor.text();
    ensure(!metadata.has(key), () => `has the key ${quoted(key)} twice`);
    metadata.set(key, value(cursor.u32(), 0));
  }
  const tensors = Array.from({ length: tensorCount }, () => readEntry(cursor));
  const alignment = metadata.get('general.alignment') ?? 32;
  ensure(
    typeof alignment === 'number' && alignment <= MOST_ALIGNMENT && isPowerOfTwo(alignment),
    () => `has a "general.alignment" that is no power of two up to ${MOST_ALIGNMENT}`,
  );
  return { metadata, tensors, alignment, start: Math.ceil(cursor.at / alignment) * alignment };
}

const isPowerOfTwo = (number: number): boolean => number >= 1 && Number.isInteger(Math.log2(number));

function readEntry(cursor: Cursor): TensorEntry {
  const name = cursor.text();
  const rank = cursor.u32();
  ensure(rank >= 1 && rank <= MOST_EXTENTS, () => `has a tensor ${quoted(name)} of rank ${rank}`);
  // The file lists the innermost extent first.
  const shape = Array.from({ length: rank }, () => Number(cursor.u64())).reverse();
  const kind = cursor.u32() as GGMLQuantizationType;
  const size = shape.reduce((product, extent) => product * extent, 1);
  ensure(
    size >= 1 && size <= Number.MAX_SAFE_INTEGER,
    () => `has a tensor ${quoted(name)} of the shape [${shape}]`,
  );
  return { name, shape, kind, offset: Number(cursor.u64()) };
}
