import { type Field, readFields } from './fields.ts';

/** Names the format of a file by its first bytes, for a message about a file of the wrong format. */

const ascii = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));

const SIGNATURES: readonly (readonly [kind: string, at: number, bytes: readonly number[]])[] = [
  ['a zip archive, such as a .npz file or a PyTorch checkpoint', 0, ascii('PK\x03\x04')],
  ['an empty zip archive', 0, ascii('PK\x05\x06')],
  ['compressed (gzip)', 0, [0x1f, 0x8b]],
  ['compressed (zstd)', 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ['compressed (xz)', 0, [0xfd, ...ascii('7zXZ')]],
  ['compressed (bzip2)', 0, ascii('BZh')],
  ['a NumPy array (.npy)', 0, [0x93, ...ascii('NUMPY')]],
  ['a Python pickle', 0, [0x80, 2]],
  ['a Python pickle', 0, [0x80, 3]],
  ['a Python pickle', 0, [0x80, 4]],
  ['a Python pickle', 0, [0x80, 5]],
  ['an HDF5 file', 0, [0x89, ...ascii('HDF')]],
  ['a PNG image', 0, [0x89, ...ascii('PNG')]],
  ['a JPEG image', 0, [0xff, 0xd8, 0xff]],
  ['a PDF document', 0, ascii('%PDF')],
  ['a GGUF model', 0, ascii('GGUF')],
  ['a TensorFlow Lite model', 4, ascii('TFL3')],
  ['an onnxruntime model (.ort)', 4, ascii('ORTM')],
  ['a safetensors file', 8, ascii('{"')],
];

/** Bytes from which text is told. */
const TEXT_SAMPLE = 512;

function isText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, TEXT_SAMPLE);
  const isPrintable = (byte: number) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13;
  if (!sample.every(isPrintable)) return false;
  try {
    // A sample may end inside a character.
    new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** @returns such as `compressed (gzip)`; `undefined` if nothing is known of it */
export function kindOfFile(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'empty';
  const known = SIGNATURES.find(([, at, signature]) => signature.every((byte, i) => bytes[at + i] === byte));
  if (known) return known[0];
  if (isText(bytes)) {
    if (/^version https:\/\/git-lfs/.test(new TextDecoder().decode(bytes.subarray(0, 40)))) {
      return 'a Git LFS pointer; fetch the file itself with `git lfs pull`';
    }
    return 'text';
  }
  return kindOfMessage(bytes);
}

/** Wire types of TensorProto's fields; lists of numbers may be packed (2) or not. */
const TENSOR_WIRES: Readonly<Record<number, readonly number[]>> = {
  1: [0, 2],
  2: [0],
  3: [2],
  4: [5, 2],
  5: [0, 2],
  6: [2],
  7: [0, 2],
  8: [2],
  9: [2],
  10: [1, 2],
  11: [0, 2],
  12: [2],
  13: [2],
  14: [0],
  16: [2],
};

const SEGMENT = 3;

/**
 * Whether a message can be a TensorProto. A decoder takes much for one that is none: a SequenceProto has its type and
 * its tensors where a TensorProto has its type and the bounds of a segment.
 */
export function isTensorProto(bytes: Uint8Array): boolean {
  const isWellFormed = ({ field, wire, bytes: inner }: Field): boolean => {
    if (!(TENSOR_WIRES[field] ?? [wire]).includes(wire)) return false;
    if (field !== SEGMENT) return true;
    return readFields(inner)?.every((one) => one.field <= 2 && one.wire === 0) === true;
  };
  return readFields(bytes)?.every(isWellFormed) === true;
}

/** Names the message of ONNX that a protobuf file holds. The fields are those of onnx.proto. */
function kindOfMessage(bytes: Uint8Array): string | undefined {
  const fields = readFields(bytes);
  if (!fields) return undefined;
  const has = (field: number, wire: number) => fields.some((one) => one.field === field && one.wire === wire);
  const inside = (field: number) => fields.find((one) => one.field === field && one.wire === 2)?.bytes;
  const fieldsIn = (field: number) => {
    const inner = inside(field);
    return inner && readFields(inner);
  };
  const holdsTensor = (field: number) => {
    const inner = inside(field);
    return inner !== undefined && isTensorProto(inner) && readFields(inner)?.some((one) => one.field === 2);
  };
  // ModelProto: ir_version 1, graph 7 (whose nodes are 1, name 2, outputs 12).
  if (has(1, 0) && fieldsIn(7)?.every(({ field }) => field <= 16)) return 'an ONNX model (ModelProto)';
  // SequenceProto and OptionalProto: elem_type 2, tensors 3. MapProto: keys 3, string keys 4, a SequenceProto 5.
  const isNamed = !has(1, 0) && has(2, 0);
  if (isNamed && holdsTensor(SEGMENT))
    return 'a sequence or an optional (ONNX SequenceProto or OptionalProto)';
  if (isNamed && fieldsIn(5)?.some(({ field, wire }) => field === 3 && wire === 2)) {
    return has(4, 2) || has(3, 2) ? 'a map (ONNX MapProto)' : 'a sequence of sequences (ONNX SequenceProto)';
  }
  return has(2, 0) && (has(1, 0) || has(9, 2) || has(8, 2)) && isTensorProto(bytes)
    ? 'a tensor (ONNX TensorProto)'
    : undefined;
}
