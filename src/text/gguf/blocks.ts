import { GGMLQuantizationType } from '@huggingface/gguf';
import { FORMATS, widen } from '../../onnx/floatFormats.ts';

/**
 * How GGUF files store weights: in blocks of 32, each with a scale, or as floats. The layouts are those of ggml
 * (ggml-common.h): every number is computed in float32, as ggml's own conversion does.
 */

const { F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } = GGMLQuantizationType;

const BLOCK = 32;

interface Layout {
  /** Bytes of {@link BLOCK} weights. */
  readonly bytes: number;
  /** Writes the weights of one block. */
  readonly read: (view: DataView, at: number, into: Float32Array, to: number) => void;
}

const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, code) => widen(FORMATS.float16, code));
const half = (view: DataView, at: number): number => HALVES[view.getUint16(at, true)]!;

/** Weights q * scale + least, where byte i holds the 4 bits of weights i and i + 16. */
const nibbles = (
  start: number,
  bitsAt: ((view: DataView, at: number) => number) | undefined,
  read: (view: DataView, at: number) => readonly [scale: number, least: number],
): Layout['read'] => {
  return (view, at, into, to) => {
    const [scale, least] = read(view, at);
    const fifth = bitsAt?.(view, at) ?? 0;
    for (let i = 0; i < BLOCK / 2; i++) {
      const byte = view.getUint8(at + start + i);
      const low = (byte & 15) + 16 * ((fifth >>> i) & 1);
      const high = (byte >>> 4) + 16 * ((fifth >>> (i + 16)) & 1);
      into[to + i] = Math.fround(low * scale) + least;
      into[to + i + 16] = Math.fround(high * scale) + least;
    }
  };
};

const floats = (width: number, read: (view: DataView, at: number) => number): Layout => ({
  bytes: BLOCK * width,
  read: (view, at, into, to) => {
    for (let i = 0; i < BLOCK; i++) into[to + i] = read(view, at + i * width);
  },
});

const LAYOUTS: Partial<Record<GGMLQuantizationType, Layout>> = {
  [F32]: floats(4, (view, at) => view.getFloat32(at, true)),
  [F16]: floats(2, half),
  [BF16]: floats(2, (view, at) => widen(FORMATS.bfloat16, view.getUint16(at, true))),
  [Q4_0]: { bytes: 18, read: nibbles(2, undefined, (view, at) => [half(view, at), -8 * half(view, at)]) },
  [Q4_1]: { bytes: 20, read: nibbles(4, undefined, (view, at) => [half(view, at), half(view, at + 2)]) },
  [Q5_0]: {
    bytes: 22,
    read: nibbles(
      6,
      (view, at) => view.getUint32(at + 2, true),
      (view, at) => [half(view, at), -16 * half(view, at)],
    ),
  },
  [Q5_1]: {
    bytes: 24,
    read: nibbles(
      8,
      (view, at) => view.getUint32(at + 4, true),
      (view, at) => [half(view, at), half(view, at + 2)],
    ),
  },
  [Q8_0]: {
    bytes: 34,
    read: (view, at, into, to) => {
      const scale = half(view, at);
      for (let i = 0; i < BLOCK; i++) into[to + i] = view.getInt8(at + 2 + i) * scale;
    },
  },
};

export const isKnown = (kind: GGMLQuantizationType): boolean => LAYOUTS[kind] !== undefined;

/** Bytes of so many weights of a kind that is known; a part of a block, which only floats may have, counts whole. */
export const storedBytes = (kind: GGMLQuantizationType, count: number): number =>
  Math.ceil((count / BLOCK) * LAYOUTS[kind]!.bytes);

/** The weights in float32. */
export function dequantised(kind: GGMLQuantizationType, bytes: Uint8Array, count: number): Float32Array {
  const { bytes: size, read } = LAYOUTS[kind]!;
  const blocks = Math.ceil(count / BLOCK);
  // A last block that is not full is read from a copy that is.
  const whole = bytes.length === blocks * size ? bytes : new Uint8Array(blocks * size);
  if (whole !== bytes) whole.set(bytes);
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const weights = new Float32Array(blocks * BLOCK);
  for (let block = 0; block < blocks; block++) read(view, block * size, weights, block * BLOCK);
  return weights.subarray(0, count);
}
