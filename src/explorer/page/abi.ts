import { bytesOfHex, type Hash, hexOf, keccakTagged } from '../../merkle/keccak.ts';
import { concat } from '../../merkle/tree.ts';

/** The part of Solidity's ABI that the page needs ("Formal Specification of the Encoding"). */

/** A static value is one word of 32 bytes. */
export const word = (value: bigint): Uint8Array => bytesOfHex(`0x${value.toString(16).padStart(64, '0')}`);

/** A tag is a first byte like any other. */
export const keccak256 = (bytes: Uint8Array): Hash => keccakTagged(bytes[0] as number, bytes.subarray(1));

const selector = (signature: string): Uint8Array =>
  keccak256(new TextEncoder().encode(signature)).subarray(0, 4);

export const callData = (signature: string, ...words: readonly bigint[]): string =>
  hexOf(concat([selector(signature), ...words.map(word)]));
