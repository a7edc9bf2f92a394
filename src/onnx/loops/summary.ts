import type { Words } from '../ir/tensor.ts';

/** What is known of words that are not held. */
export interface WordSummary {
  /** A number that most other words do not have (FNV-1a of 32-bit units). */
  readonly fingerprint: number;
  /** The word that all of them are; undefined if they differ, or if there are none. */
  readonly uniform: number | undefined;
}

export function summaryOf(words: Words): WordSummary {
  // The same wherever in memory they lie.
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
