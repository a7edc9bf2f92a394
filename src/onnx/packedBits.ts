/** Elements of fewer than 8 bits, one after another, from the lowest bit of each byte on, as ONNX's `raw_data` has them. */

export const packedLength = (count: number, bits: number): number => Math.ceil((count * bits) / 8);

/** @returns the unsigned code of each element */
export function unpackBits(bytes: ArrayLike<number>, bits: number, count: number): Uint8Array {
  const codes = new Uint8Array(count);
  const mask = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * bits) / 8);
    const two = ((bytes[at] ?? 0) & 255) | (((bytes[at + 1] ?? 0) & 255) << 8);
    codes[i] = (two >> ((i * bits) % 8)) & mask;
  }
  return codes;
}

/** @param codes of which the lowest `bits` bits are kept */
export function packBits(codes: ArrayLike<number>, bits: number): Uint8Array {
  const bytes = new Uint8Array(packedLength(codes.length, bits));
  for (let i = 0; i < codes.length; i++) {
    const [at, shift] = [Math.floor((i * bits) / 8), (i * bits) % 8];
    const placed = ((codes[i] as number) & (2 ** bits - 1)) << shift;
    bytes[at] = (bytes[at] as number) | placed;
    if (shift + bits > 8) bytes[at + 1] = (bytes[at + 1] as number) | (placed >> 8);
  }
  return bytes;
}

/** A code of two's complement as the number that it stands for. */
export const signExtended = (code: number, bits: number): number => (code << (32 - bits)) >> (32 - bits);
