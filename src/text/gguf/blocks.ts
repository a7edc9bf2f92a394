import { GGMLQuantizationType } from '@huggingface/gguf';
import { FORMATS, widen } from '../../onnx/floatFormats.ts';
import { BLOCK, type StoredBlocks } from '../floatMatrix.ts';
import { SUPER_BLOCK, superBlocks } from './superBlocks.ts';

/**
 * The formats of weights in GGUF files: blocks of 32, each with a scale, or as floats; blocks of 256 are in superBlocks.ts.
 * The layouts are those of ggml (ggml-common.h): every number is computed in float32, as ggml's own conversion does.
 */

const { F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K } = GGMLQuantizationType;

interface Layout {
  /** Weights of a block; {@link BLOCK} if left out. */
  readonly weights?: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Writes the weights of whole blocks that lie end to end. */
  readonly read: (stored: Uint8Array, into: Float32Array) => void;
  /** Takes whole blocks of 4 bits apart; left out of other kinds. */
  readonly split?: (stored: Uint8Array) => StoredBlocks;
}

const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, code) => widen(FORMATS.float16, code));
const halfAt = (bytes: Uint8Array, at: number): number => HALVES[bytes[at]! | (bytes[at + 1]! << 8)]!;

/** The layout of blocks of 4 or 5 bits: a scale, perhaps a least weight, fifth bits, and 4 bits of each weight. */
interface Nibbles {
  readonly bytes: number;
  /** Whether the least weight follows the scale; otherwise it is so many scales. */
  readonly least: 'given' | number;
  /** Offset of the fifth bits, one word. */
  readonly fifths?: number;
}

/** Weights level * scale + least, where byte i holds the 4 lower bits of levels i and i + 16. */
const nibbles = ({ bytes: size, least: rule, fifths }: Nibbles): Layout => ({
  bytes: size,
  ...(fifths === undefined ? { split: (stored: Uint8Array) => splitNibbles(stored, size, rule) } : {}),
  read: (stored, into) => {
    const start = size - BLOCK / 2;
    for (let at = 0, to = 0; at < stored.length; at += size, to += BLOCK) {
      const scale = halfAt(stored, at);
      const least = rule === 'given' ? halfAt(stored, at + 2) : rule * scale;
      let fifth = 0;
      if (fifths !== undefined) for (let i = 0; i < 4; i++) fifth |= stored[at + fifths + i]! << (8 * i);
      for (let i = 0; i < BLOCK / 2; i++) {
        const byte = stored[at + start + i]!;
        const low = (byte & 15) | (((fifth >>> i) & 1) << 4);
        const high = (byte >>> 4) | (((fifth >>> (i + 16)) & 1) << 4);
        into[to + i] = Math.fround(low * scale) + least;
        into[to + i + 16] = Math.fround(high * scale) + least;
      }
    }
  },
});

function splitNibbles(stored: Uint8Array, size: number, rule: Nibbles['least']): StoredBlocks {
  const blocks = stored.length / size;
  const levels = new Uint8Array(blocks * BLOCK);
  const [steps, leasts] = [new Float32Array(blocks), new Float32Array(blocks)];
  for (let block = 0, to = 0; block < blocks; block++, to += BLOCK) {
    const at = block * size;
    steps[block] = halfAt(stored, at);
    leasts[block] = rule === 'given' ? halfAt(stored, at + 2) : rule * steps[block]!;
    const start = at + size - BLOCK / 2;
    for (let i = 0; i < BLOCK / 2; i++) {
      const byte = stored[start + i]!;
      levels[to + i] = byte & 15;
      levels[to + i + 16] = byte >>> 4;
    }
  }
  return { levels, steps, leasts };
}

/** Numbers of 16 bits, by a table of all of them. */
const shorts = (table: Float32Array): Layout => ({
  bytes: 2 * BLOCK,
  read: (stored, into) => {
    for (let i = 0; i < into.length; i++) into[i] = table[stored[2 * i]! | (stored[2 * i + 1]! << 8)]!;
  },
});

const LAYOUTS: Partial<Record<GGMLQuantizationType, Layout>> = {
  [F32]: {
    bytes: 4 * BLOCK,
    read: (stored, into) => {
      const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
      for (let i = 0; i < into.length; i++) into[i] = view.getFloat32(4 * i, true);
    },
  },
  [F16]: shorts(HALVES),
  [BF16]: shorts(Float32Array.from({ length: 2 ** 16 }, (_, code) => widen(FORMATS.bfloat16, code))),
  [Q4_0]: nibbles({ bytes: 18, least: -8 }),
  [Q4_1]: nibbles({ bytes: 20, least: 'given' }),
  [Q5_0]: nibbles({ bytes: 22, least: -16, fifths: 2 }),
  [Q5_1]: nibbles({ bytes: 24, least: 'given', fifths: 4 }),
  [Q8_0]: {
    bytes: 34,
    read: (stored, into) => {
      for (let at = 0, to = 0; at < stored.length; at += 34, to += BLOCK) {
        const scale = halfAt(stored, at);
        for (let i = 0; i < BLOCK; i++) into[to + i] = ((stored[at + 2 + i]! << 24) >> 24) * scale;
      }
    },
  },
  [Q4_K]: { weights: SUPER_BLOCK, ...superBlocks(4, halfAt) },
  [Q5_K]: { weights: SUPER_BLOCK, ...superBlocks(5, halfAt) },
  [Q6_K]: { weights: SUPER_BLOCK, ...superBlocks(6, halfAt) },
};

const weightsOf = (kind: GGMLQuantizationType): number => LAYOUTS[kind]!.weights ?? BLOCK;

export const isKnown = (kind: GGMLQuantizationType): boolean => Object.hasOwn(LAYOUTS, kind);

/** Names of the kinds that are known, such as `Q8_0`. */
export const KNOWN_KINDS: readonly string[] = Object.keys(LAYOUTS).map((kind) => kindName(Number(kind)));

/** The name of a kind; its number if it has none. */
export function kindName(kind: number): string {
  return GGMLQuantizationType[kind] ?? `${kind}`;
}

/** Whether rows of so many weights are whole blocks, as they have to be except in kinds that are plain floats. */
export const isWhole = (kind: GGMLQuantizationType, columns: number): boolean =>
  FLOATS.includes(kind) || columns % weightsOf(kind) === 0;

const FLOATS: readonly GGMLQuantizationType[] = [F32, F16, BF16];

/** Bytes of so many weights of a kind that is known; a part of a block, which only floats may have, counts whole. */
export const storedBytes = (kind: GGMLQuantizationType, count: number): number =>
  Math.ceil((count / weightsOf(kind)) * LAYOUTS[kind]!.bytes);

/** Takes blocks of 4 bits apart; `undefined` for other kinds. */
export const splitter = (kind: GGMLQuantizationType): Layout['split'] => LAYOUTS[kind]!.split;

/** The weights in float32. */
export function dequantised(kind: GGMLQuantizationType, bytes: Uint8Array, count: number): Float32Array {
  const { bytes: size, read } = LAYOUTS[kind]!;
  const blockWeights = weightsOf(kind);
  const blocks = Math.ceil(count / blockWeights);
  // A last block that is not full is read from a copy that is.
  const whole = bytes.length === blocks * size ? bytes : new Uint8Array(blocks * size);
  if (whole !== bytes) whole.set(bytes);
  const weights = new Float32Array(blocks * blockWeights);
  read(whole, weights);
  return count === weights.length ? weights : weights.subarray(0, count);
}
