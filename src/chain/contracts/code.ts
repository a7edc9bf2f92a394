import { getBytes, keccak256 } from 'ethers';
import type { Hex } from './types.ts';

/** The code of a deployed contract as far as it is the same on every chain. */
export interface KnownCode {
  /** Where constructor arguments lie in it: first bytes of 32-byte words. */
  readonly immutables: readonly number[];
  /** Hash of the code without its metadata, with zeros in place of `immutables`. */
  readonly hash: Hex;
}

const WORD_BYTES = 32;

/** Length of the compiler's metadata at the end of a code, which it states itself (solc, Contract Metadata, Encoding). */
function metadataBytes(code: Uint8Array): number {
  const length = ((code.at(-2) ?? 0) << 8) | (code.at(-1) ?? 0);
  return length + 2 <= code.length ? length + 2 : 0;
}

/**
 * Hash of a contract's code that does not depend on comments, file names or constructor arguments.
 *
 * @param code as a node gives it
 */
export function hashOfCode(code: Hex, immutables: readonly number[]): Hex {
  const bytes = getBytes(code);
  const kept = bytes.slice(0, bytes.length - metadataBytes(bytes));
  for (const start of immutables) kept.fill(0, start, start + WORD_BYTES);
  return keccak256(kept);
}

/** Whether `code` is one of those known. */
export const isKnown = (code: Hex, known: readonly KnownCode[]): boolean =>
  known.some(({ immutables, hash }) => hashOfCode(code, immutables) === hash);
