/** Bytes as hexadecimal digits and back, in time and memory in proportion: payloads have up to 64 MiB and more. */

/** Methods of bytes that engines of 2025 and later have (ECMAScript proposal "ArrayBuffer to/from Base64 and Hex"). */
interface Native {
  readonly prototype: { readonly toHex?: (this: Uint8Array) => string };
  readonly fromHex?: (digits: string) => Uint8Array;
}

const { prototype, fromHex } = Uint8Array as unknown as Native;
const { toHex } = prototype;

/** Most digits that are converted at a time. */
const PIECE_DIGITS = 2 ** 16;
/** Bytes up to which joining strings is faster than decoding them. */
const SHORT_BYTES = 64;

const DIGITS = '0123456789abcdef';
const PAIRS = Array.from({ length: 256 }, (_, byte) => `${DIGITS[byte >> 4]}${DIGITS[byte & 15]}`);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Two characters as the number that this machine reads where they lie one after the other. */
const asWord = (pair: string): number => new Uint16Array(encoder.encode(pair).buffer)[0]!;

const WORD_OF_BYTE = Uint16Array.from(PAIRS, asWord);
/** Byte of a word of two digits, -1 of any other word. */
const BYTE_OF_WORD = new Int16Array(2 ** 16).fill(-1);
for (const [byte, pair] of PAIRS.entries()) {
  const [high, low] = [...pair] as [string, string];
  for (const a of [high, high.toUpperCase()])
    for (const b of [low, low.toUpperCase()]) BYTE_OF_WORD[asWord(`${a}${b}`)] = byte;
}

/** Scratch buffer: a piece of a text, one byte a character; and the same as pairs. */
const characters = new Uint8Array(PIECE_DIGITS);
const words = new Uint16Array(characters.buffer);

/** `0x` and two hexadecimal digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  if (toHex) return `0x${toHex.call(bytes)}`;
  let hex = '0x';
  if (bytes.length <= SHORT_BYTES) {
    for (const byte of bytes) hex += PAIRS[byte];
    return hex;
  }
  for (let at = 0; at < bytes.length; at += words.length) {
    const count = Math.min(words.length, bytes.length - at);
    for (let i = 0; i < count; i++) words[i] = WORD_OF_BYTE[bytes[at + i]!]!;
    hex += decoder.decode(characters.subarray(0, 2 * count));
  }
  return hex;
}

/** @throws RangeError unless `hex` is `0x` and an even number of hexadecimal digits */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = parsed(hex);
  if (!bytes) throw new RangeError(`not bytes in hexadecimal: ${hex.slice(0, 80)}`);
  return bytes;
}

/** Whether a text is `0x` and an even number of hexadecimal digits. */
export const isHex = (text: string): boolean => parsed(text) !== undefined;

function parsed(hex: string): Uint8Array | undefined {
  if (!/^0x/i.test(hex) || hex.length % 2 !== 0) return undefined;
  if (fromHex) {
    try {
      return fromHex.call(Uint8Array, hex.slice(2));
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
  const bytes = new Uint8Array(hex.length / 2 - 1);
  for (let at = 2; at < hex.length; at += PIECE_DIGITS) {
    const piece = hex.slice(at, at + PIECE_DIGITS);
    const { read, written } = encoder.encodeInto(piece, characters);
    // A character that is not ASCII takes more than one byte.
    if (read !== piece.length || written !== piece.length) return undefined;
    const begin = at / 2 - 1;
    let faults = 0;
    for (let i = 0; i < written / 2; i++) {
      const byte = BYTE_OF_WORD[words[i]!]!;
      faults |= byte;
      bytes[begin + i] = byte;
    }
    if (faults < 0) return undefined;
  }
  return bytes;
}
