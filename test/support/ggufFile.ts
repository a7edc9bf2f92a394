import { type GGMLQuantizationType, GGUFValueType } from '@huggingface/gguf';

/** Writes GGUF files, version 3 (ggml/docs/gguf.md). */

/** Texts, lists of texts, truth values, and numbers, of which counts become 32-bit integers and others floats. */
export type Metadata = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface GgufTensor {
  /** Outermost extent first. */
  readonly shape: readonly number[];
  readonly kind: GGMLQuantizationType;
  readonly bytes: Uint8Array;
}

/** Bytes to whose multiples tensors are aligned. */
const ALIGNMENT = 32;

const { UINT32, FLOAT32, BOOL, STRING, ARRAY } = GGUFValueType;

const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

const number = (size: number, set: (view: DataView) => void): Buffer => {
  const bytes = Buffer.alloc(size);
  set(new DataView(bytes.buffer, bytes.byteOffset, size));
  return bytes;
};
const u32 = (value: number): Buffer => number(4, (view) => view.setUint32(0, value, true));
const u64 = (value: number): Buffer => number(8, (view) => view.setBigUint64(0, BigInt(value), true));
const f32 = (value: number): Buffer => number(4, (view) => view.setFloat32(0, value, true));
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function typed(value: Metadata[string]): Buffer[] {
  if (typeof value === 'string') return [u32(STRING), text(value)];
  if (typeof value === 'boolean') return [u32(BOOL), Buffer.of(value ? 1 : 0)];
  if (typeof value !== 'number')
    return [u32(ARRAY), u32(STRING), u64(value.length), ...value.map((one) => text(one))];
  return Number.isInteger(value) && value >= 0 ? [u32(UINT32), u32(value)] : [u32(FLOAT32), f32(value)];
}

export function encodeGguf(metadata: Metadata, tensors: Readonly<Record<string, GgufTensor>>): Uint8Array {
  const entries = Object.entries(metadata);
  const header = [Buffer.from('GGUF'), u32(3), u64(Object.keys(tensors).length), u64(entries.length)];
  for (const [key, value] of entries) header.push(text(key), ...typed(value));
  let at = 0;
  for (const [name, { shape, kind, bytes }] of Object.entries(tensors)) {
    const extents = [...shape].reverse();
    header.push(text(name), u32(shape.length), ...extents.map(u64), u32(kind), u64(at));
    at += aligned(bytes.length);
  }
  const padded = (bytes: Uint8Array): Buffer =>
    Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
  return Buffer.concat([
    padded(Buffer.concat(header)),
    ...Object.values(tensors).map(({ bytes }) => padded(bytes)),
  ]);
}
