import type { Words } from '../ir/tensor.ts';

/** What is known of words that are not held. */
export interface WordSummary {
  /** A number that most other words do not have (FNV-1a of 32-bit units). */
  readonly fingerprint: number;
  /** The word that all of them are; undefined if they differ, or if there are none. */
  readonly uniform: number | undefined;
}

export function summaryOf(words: Words): WordSummary {
  const isAligned = words.byteOffset % 4 === 0 && words.byteLength % 4 === 0;
  const units = isAligned ? new Uint32Array(words.buffer, words.byteOffset, words.byteLength / 4) : words;
  let mixed = 0x811c9dc5;
  for (let i = 0; i < units.length; i++) mixed = Math.imul(mixed ^ units[i]!, 0x01000193);
  const [first] = words;
  const isUniform = first !== undefined && words.every((word) => word === first);
  return { fingerprint: mixed, uniform: isUniform ? first >>> 0 : undefined };
}
