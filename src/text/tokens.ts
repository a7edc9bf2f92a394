import { PADDING } from './options.ts';

/**
 * Tokens as bytes, in prompts and texts: as few for each as the vocabulary takes, little-endian, so that a text costs
 * little calldata and little storage. All bits set are padding.
 */

/** Bytes of a token, so that all tokens and the padding are told apart. */
export const tokenWidth = (vocabulary: number): number =>
  [1, 2, 3].find((width) => vocabulary < 2 ** (8 * width)) ?? 4;

/** The number that padding has, as a program sees it: a token has no sign if it has less than 4 bytes. */
export const paddingOf = (width: number): number => (width === 4 ? PADDING : 2 ** (8 * width) - 1);

/** @throws RangeError for a number that the bytes do not hold */
export function tokenBytes(tokens: readonly number[], width: number): Uint8Array {
  const bytes = new Uint8Array(width * tokens.length);
  tokens.forEach((token, i) => {
    if (
      token !== PADDING &&
      !(Number.isInteger(token) && token >= 0 && token < Math.min(2 ** (8 * width), 2 ** 31))
    ) {
      throw new RangeError(`${token} is no token of ${width} bytes`);
    }
    for (let byte = 0; byte < width; byte++) bytes[i * width + byte] = token >> (8 * byte);
  });
  return bytes;
}

export function tokensIn(bytes: Uint8Array, width: number): number[] {
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => {
    let token = 0;
    for (let byte = 0; byte < width; byte++) token |= bytes[i * width + byte]! << (8 * byte);
    return token === paddingOf(width) ? PADDING : token;
  });
}

/** The bytes of an int32 tensor. */
export const int32Bytes = (numbers: readonly number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(numbers).buffer);
