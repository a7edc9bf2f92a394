import { createKeccak } from 'hash-wasm';

export { bytesOfHex, hexOf } from './hex.ts';

/** 32 bytes of keccak256. */
export type Hash = Uint8Array;

export const HASH_BYTES = 32;

// Compiled once, when this module is first imported; every hash after that is synchronous.
const hasher = await createKeccak(256);

/** keccak256(tag ‖ parts); the tag is one of `tags.ts`. */
export function keccakTagged(tag: number, ...parts: readonly Uint8Array[]): Hash {
  hasher.init();
  hasher.update(Uint8Array.of(tag));
  for (const part of parts) hasher.update(part);
  return hasher.digest('binary');
}

/** keccak256 of bytes without a tag, as contracts hash what is not part of a tree. */
export function keccak(bytes: Uint8Array): Hash {
  hasher.init();
  hasher.update(bytes);
  return hasher.digest('binary');
}

/** Bytes from which on it pays to look at them as words. */
const LEAST_WORDS_BYTES = 1024;

/** Loops, because whole tensors are compared: a callback for each byte takes ten times as long, and words a third. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  const isAligned = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0;
  const words = isAligned && a.length >= LEAST_WORDS_BYTES ? Math.floor(a.length / 4) : 0;
  if (words > 0) {
    const [x, y] = [a, b].map(({ buffer, byteOffset }) => new Int32Array(buffer, byteOffset, words));
    for (let i = 0; i < words; i++) if (x![i] !== y![i]) return false;
  }
  for (let i = 4 * words; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
