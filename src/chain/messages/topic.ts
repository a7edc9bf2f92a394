/** Amounts, which change while the matter stays the same; numbers without a unit are ids. */
const AMOUNTS = /\d[\d.,]*(?= (?:wei|gwei|ether|gas|bytes|blocks|seconds|minutes|hours)\b)/g;

/**
 * Names the matter of a sentence: the same for sentences that differ in their amounts alone, such as the base fee that a
 * transaction waits for.
 */
export const topicOf = (sentence: string): string => sentence.replaceAll(AMOUNTS, '#');
