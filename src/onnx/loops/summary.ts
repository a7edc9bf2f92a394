import type { Words } from '../ir/tensor.ts';

/** Properties of a constant's words, kept so that the words themselves can stay in their file. */
export interface WordSummary {
  /** FNV-1a hash of the words, in units of 32 bits. */
  readonly fingerprint: number;
  /** The word, if all words are equal; undefined if they differ or there are none. */
  readonly uniform: number | undefined;
}

export function summaryOf(words: Words): WordSummary {
  // Words at an odd address are copied, so that equal words have the same hash wherever they are in memory.
  const { buffer, byteOffset, byteLength } = words.byteOffset % 4 === 0 ? words : words.slice();
  const units = new Uint32Array(buffer, byteOffset, Math.floor(byteLength / 4));
  let mixed = 0x811c9dc5;
  const mix = (unit: number): void => {
    mixed = Math.imul(mixed ^ unit, 0x01000193);
  };
  for (let i = 0; i < units.length; i++) mix(units[i]!);
  for (const byte of new Uint8Array(buffer, byteOffset + units.byteLength, byteLength % 4)) mix(byte);
  const [first] = words;
  const isUniform = first !== undefined && words.every((word) => word === first);
  return { fingerprint: mixed, uniform: isUniform ? first >>> 0 : undefined };
}
