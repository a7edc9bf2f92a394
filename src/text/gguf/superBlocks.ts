/**
 * Blocks of 256 weights (ggml-common.h, `block_q4_K` to `block_q6_K`; ggml-quants.c, `dequantize_row_*`). Their parts have
 * scales of their own, which are integers times the scale of the block.
 *
 * | kind | bytes, in their order |
 * | --- | --- |
 * | Q4_K | scale 2, scale of least values 2, 8 pairs of 6 bits 12, levels 128 |
 * | Q5_K | scale 2, scale of least values 2, 8 pairs of 6 bits 12, fifth bits 32, levels 128 |
 * | Q6_K | lower 4 bits 128, upper 2 bits 64, 16 scales of 8 bits, scale 2 |
 */

/** Weights of a block. */
export const SUPER_BLOCK = 256;

type Half = (bytes: Uint8Array, at: number) => number;
type ReadBlock = (stored: Uint8Array, at: number, into: Float32Array, to: number) => void;

/** Widens whole blocks of 4, 5 or 6 bits that lie end to end. @param half reads a float of 16 bits */
export function superBlocks(bits: 4 | 5 | 6, half: Half) {
  const bytes = { 4: 144, 5: 176, 6: 210 }[bits];
  const block = bits === 6 ? sixBits(half) : withLeast(bits, half);
  return {
    bytes,
    read: (stored: Uint8Array, into: Float32Array): void => {
      for (let at = 0, to = 0; at < stored.length; at += bytes, to += SUPER_BLOCK)
        block(stored, at, into, to);
    },
  };
}

/** Eight parts of 32 weights, level * scale - least; two parts share 32 bytes, lower 4 bits first. */
const withLeast =
  (bits: 4 | 5, half: Half): ReadBlock =>
  (stored, at, into, to) => {
    const [scale, leastScale] = [half(stored, at), half(stored, at + 2)];
    const fifths = at + 16;
    const levels = fifths + (bits === 5 ? 32 : 0);
    for (let part = 0; part < 8; part++) {
      const [factor, leastFactor] = sixBitPair(stored, at + 4, part);
      // Both are exact in float32: they have 17 bits.
      const [step, least] = [scale * factor, leastScale * leastFactor];
      const from = levels + 32 * (part >> 1);
      for (let i = 0; i < 32; i++) {
        const fifth = bits === 5 ? ((stored[fifths + i]! >>> part) & 1) << 4 : 0;
        const level = ((stored[from + i]! >>> (4 * (part & 1))) & 15) | fifth;
        into[to + 32 * part + i] = step * level - least;
      }
    }
  };

/**
 * Scale and least value of a part. Bytes 0 to 3 hold the lower six bits of parts 0 to 3, and bytes 4 to 7 their least
 * values; the others have 4 bits each in bytes 8 to 11, and their upper 2 bits on top of bytes 0 to 7.
 */
function sixBitPair(stored: Uint8Array, at: number, part: number): readonly [number, number] {
  if (part < 4) return [stored[at + part]! & 63, stored[at + 4 + part]! & 63];
  const lower = stored[at + 4 + part]!;
  return [
    (lower & 15) | ((stored[at + part - 4]! >>> 6) << 4),
    (lower >>> 4) | ((stored[at + part]! >>> 6) << 4),
  ];
}

/** Sixteen parts of 16 weights, (level - 32) * scale, in two halves of 128. */
const sixBits =
  (half: Half): ReadBlock =>
  (stored, at, into, to) => {
    const scale = half(stored, at + 208);
    for (let i = 0; i < SUPER_BLOCK; i++) {
      const [side, quarter, column] = [i >> 7, (i >> 5) & 3, i & 31];
      const lower = (stored[at + 64 * side + 32 * (quarter & 1) + column]! >>> (4 * (quarter >> 1))) & 15;
      const upper = (stored[at + 128 + 32 * side + column]! >>> (2 * quarter)) & 3;
      const factor = (stored[at + 192 + (i >> 4)]! << 24) >> 24;
      into[to + i] = scale * factor * ((lower | (upper << 4)) - 32);
    }
  };
