import { ImportError } from '../errors.ts';

/**
 * A look at a file's protobuf structure before it is decoded: the decoder makes objects many times as large as
 * the bytes they come from, so what it would make is bounded first. Bulk data (`raw_data`) costs nothing here.
 *
 * Field numbers are those of onnx.proto, which never change.
 */

type Kind = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'tensor' | 'sparse' | 'other';

/** Fields of each message that are messages, and those that are packed lists of varints. */
const MESSAGES: Readonly<Record<Kind, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 8: 'other', 14: 'other', 20: 'other', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 11: 'other', 12: 'other', 13: 'other', 14: 'other', 15: 'sparse' },
  function: { 7: 'node', 9: 'other', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  tensor: {},
  sparse: { 1: 'tensor', 2: 'tensor' },
  other: {},
};
const VARINTS: Readonly<Partial<Record<Kind, readonly number[]>>> = {
  attribute: [8],
  tensor: [1, 5, 7, 11],
  sparse: [3],
};

/** The greatest field number of each message in IR version 14; what newer ones mean is not known. */
const LAST_FIELD: Readonly<Record<Kind, number>> = {
  model: 26,
  graph: 16,
  function: 14,
  node: 10,
  attribute: 23,
  tensor: 16,
  sparse: 3,
  other: Number.POSITIVE_INFINITY,
};

export const READ_LIMITS = {
  /** Bytes of a file. */
  MAX_FILE_BYTES: 2 ** 31 - 1,
  /** Messages and values outside bulk data. */
  MAX_ITEMS: 8_000_000,
  /** Graphs inside attributes inside graphs. */
  MAX_DEPTH: 32,
} as const;

/** Fields that are newer than the decoder's schema. */
const ATTRIBUTE_DEFAULTS = 11;
const OVERLOAD: Readonly<Partial<Record<Kind, number>>> = { node: 8, function: 13 };

/**
 * @returns the defaults of attributes (AttributeProto) of each function, in the file's order
 * @throws ImportError if the file is no protobuf message or would take too much memory
 */
export function checkWire(bytes: Uint8Array): Uint8Array[][] {
  if (bytes.length > READ_LIMITS.MAX_FILE_BYTES) {
    throw new ImportError(`file: ${bytes.length} bytes, of ${READ_LIMITS.MAX_FILE_BYTES} allowed`);
  }
  let items = 0;
  const functions: Uint8Array[][] = [];
  const count = (more: number): void => {
    items += more;
    if (items > READ_LIMITS.MAX_ITEMS) {
      throw new ImportError(`file: more than ${READ_LIMITS.MAX_ITEMS} values outside raw tensor data`);
    }
  };
  const malformed = (at: number): ImportError =>
    new ImportError(
      `file: not an ONNX model (not a protobuf message at byte ${at}); was it downloaded whole?`,
    );

  const varint = (at: number, end: number): { value: number; next: number } => {
    let value = 0;
    for (let i = 0; i < 10 && at + i < end; i++) {
      const byte = bytes[at + i] as number;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return { value, next: at + i + 1 };
    }
    throw malformed(at);
  };
  const walk = (from: number, end: number, kind: Kind, depth: number): void => {
    if (depth > READ_LIMITS.MAX_DEPTH)
      throw new ImportError(`file: graphs nested deeper than ${READ_LIMITS.MAX_DEPTH}`);
    let at = from;
    while (at < end) {
      const tag = varint(at, end);
      const field = Math.floor(tag.value / 8);
      const wire = tag.value % 8;
      at = tag.next;
      count(1);
      if (field > LAST_FIELD[kind]) {
        throw new ImportError(
          `file: not an ONNX model (a ${kind} has a field ${field}), or one newer than known here`,
        );
      }
      if (wire === 0) at = varint(at, end).next;
      else if (wire === 1) at += 8;
      else if (wire === 5) at += 4;
      else if (wire === 2) {
        const length = varint(at, end);
        at = length.next + length.value;
        if (at > end) throw malformed(length.next);
        const inner = MESSAGES[kind][field];
        if (inner === 'function') functions.push([]);
        if (kind === 'function' && field === ATTRIBUTE_DEFAULTS) {
          functions.at(-1)?.push(bytes.subarray(length.next, at));
        }
        if (field === OVERLOAD[kind] && length.value > 0) {
          throw new ImportError('file: overloaded functions are not supported; inline functions at export');
        }
        if (VARINTS[kind]?.includes(field)) count(length.value);
        // The decoder allots an array element for each 4 or 8 bytes of packed floats.
        else if (kind === 'tensor' && (field === 4 || field === 10)) count(length.value / 16);
        else if (inner) walk(length.next, at, inner, depth + (inner === 'graph' ? 1 : 0));
      } else throw malformed(at);
      if (at > end) throw malformed(end);
    }
  };
  walk(0, bytes.length, 'model', 0);
  return functions;
}
