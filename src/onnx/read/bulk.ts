/** The name by which a tensor finds its bytes in the model's own file, once they are left out. No path has such a name. */
export const OWN_FILE = '\0';

/** Initializers of fewer bytes stay as they are. */
const BULK_BYTES = 262_144;

/** Field numbers of onnx.proto, which never change. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR = { RAW_DATA: 9, EXTERNAL_DATA: 13, DATA_LOCATION: 14 } as const;
const ENTRY = { KEY: 1, VALUE: 2 } as const;
const EXTERNAL = 1;

/** Wire types of protobuf (Protocol Buffers, "Encoding"). */
const WIRE = { VARINT: 0, WORD64: 1, BYTES: 2, WORD32: 5 } as const;

/** Bytes that are read at a time. */
const WINDOW_BYTES = 65_536;

/** Reads part of a file. */
type Read = (offset: number, length: number) => Uint8Array;

class NotProtobuf extends Error {}

/** Bytes of a field: those before its content, and where that lies in the file. */
interface Field {
  readonly number: number;
  readonly wire: number;
  /** First byte of its tag. */
  readonly at: number;
  readonly from: number;
  readonly end: number;
}

/** A file that is walked through without being held. */
class Walk {
  readonly #read: Read;
  readonly #size: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(size: number, read: Read) {
    this.#size = size;
    this.#read = read;
  }

  *fields(from: number, end: number): Generator<Field> {
    for (let at = from; at < end; ) {
      const tag = this.#varint(at);
      const wire = tag.value % 8;
      // No field has this number; a file of zeros would be walked through byte by byte.
      if (tag.value < 8) throw new NotProtobuf();
      const length = wire === WIRE.BYTES ? this.#varint(tag.next) : undefined;
      const start = length?.next ?? tag.next;
      const last = length ? start + length.value : this.#lastOf(wire, start);
      if (last > end) throw new NotProtobuf();
      yield { number: Math.floor(tag.value / 8), wire, at, from: start, end: last };
      at = last;
    }
  }

  #lastOf(wire: number, start: number): number {
    if (wire === WIRE.VARINT) return this.#varint(start).next;
    if (wire === WIRE.WORD64) return start + 8;
    if (wire === WIRE.WORD32) return start + 4;
    throw new NotProtobuf();
  }

  #varint(at: number): { readonly value: number; readonly next: number } {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byteAt(at + i);
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return { value, next: at + i + 1 };
    }
    throw new NotProtobuf();
  }

  #byteAt(at: number): number {
    if (at >= this.#size) throw new NotProtobuf();
    if (at < this.#start || at >= this.#start + this.#window.length) {
      this.#window = this.#read(at, Math.min(WINDOW_BYTES, this.#size - at));
      this.#start = at;
    }
    return this.#window[at - this.#start]!;
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

const bytesField = (number: number, content: readonly number[]): number[] => [
  ...varint(8 * number + WIRE.BYTES),
  ...varint(content.length),
  ...content,
];

const textOf = (text: string): number[] => [...new TextEncoder().encode(text)];

const entry = (key: string, value: string): number[] =>
  bytesField(TENSOR.EXTERNAL_DATA, [
    ...bytesField(ENTRY.KEY, textOf(key)),
    ...bytesField(ENTRY.VALUE, textOf(value)),
  ]);

/** A message in parts, some of them made and some of the file. */
type Part = Uint8Array | { readonly from: number; readonly end: number };

const lengthOf = (part: Part): number => ('end' in part ? part.end - part.from : part.length);
const sum = (parts: readonly Part[]): number => parts.reduce((total, part) => total + lengthOf(part), 0);

/** A field that holds a message of these parts. */
const nested = (number: number, parts: readonly Part[]): Part[] => [
  Uint8Array.from([...varint(8 * number + WIRE.BYTES), ...varint(sum(parts))]),
  ...parts,
];

/** A tensor that says where in its file its bytes are; `undefined` if it has few, or says so already. */
function tensorWithoutBulk(walk: Walk, { from, end }: Field): Part[] | undefined {
  const parts: Part[] = [];
  const raw: Field[] = [];
  for (const field of walk.fields(from, end)) {
    if (field.number === TENSOR.EXTERNAL_DATA || field.number === TENSOR.DATA_LOCATION) return undefined;
    if (field.number === TENSOR.RAW_DATA) raw.push(field);
    else parts.push({ from: field.at, end: field.end });
  }
  const [only, ...others] = raw;
  if (!only || others.length > 0 || only.wire !== WIRE.BYTES || only.end - only.from < BULK_BYTES)
    return undefined;
  const location = [
    ...entry('location', OWN_FILE),
    ...entry('offset', `${only.from}`),
    ...entry('length', `${only.end - only.from}`),
    ...varint(8 * TENSOR.DATA_LOCATION + WIRE.VARINT),
    EXTERNAL,
  ];
  return [...parts, Uint8Array.from(location)];
}

/**
 * An ONNX file without the bytes of its large initializers, which say instead that these are in {@link OWN_FILE}: so
 * they need not be held while the model is compiled.
 *
 * @param size of the file, bytes
 * @returns `undefined` if it is no protobuf message
 */
export function withoutBulk(size: number, read: Read): Uint8Array | undefined {
  const walk = new Walk(size, read);
  try {
    const model: Part[] = [];
    for (const field of walk.fields(0, size)) {
      if (field.number !== MODEL_GRAPH || field.wire !== WIRE.BYTES) {
        model.push({ from: field.at, end: field.end });
        continue;
      }
      const graph: Part[] = [];
      for (const inner of walk.fields(field.from, field.end)) {
        const isTensor = inner.number === GRAPH_INITIALIZER && inner.wire === WIRE.BYTES;
        const tensor = isTensor && inner.end - inner.from >= BULK_BYTES && tensorWithoutBulk(walk, inner);
        if (tensor) graph.push(...nested(GRAPH_INITIALIZER, tensor));
        else graph.push({ from: inner.at, end: inner.end });
      }
      model.push(...nested(MODEL_GRAPH, graph));
    }
    return joined(model, read);
  } catch (error) {
    if (error instanceof NotProtobuf) return undefined;
    throw error;
  }
}

/** The parts one after the other; neighbours in the file are read together. */
function joined(parts: readonly Part[], read: Read): Uint8Array {
  const bytes = new Uint8Array(sum(parts));
  let at = 0;
  let pending: { from: number; end: number } | undefined;
  const flush = (): void => {
    if (!pending) return;
    bytes.set(read(pending.from, pending.end - pending.from), at);
    at += pending.end - pending.from;
    pending = undefined;
  };
  for (const part of parts) {
    if ('end' in part) {
      if (pending?.end !== part.from) flush();
      pending = { from: pending?.from ?? part.from, end: part.end };
      continue;
    }
    flush();
    bytes.set(part, at);
    at += part.length;
  }
  flush();
  return bytes;
}
