import { NGRAMS } from './weights.ts';

/** Small letters with single spaces between words and around them; everything but letters is left out. */
const normalised = (text: string): string => {
  const words = text
    .replace(/-+/g, ' ')
    .replace(/[^\p{L}\p{M}\s]/gu, '')
    .replace(/\s{2,}/g, ' ');
  return ` ${words.toLowerCase().trim()} `;
};

/** The network's input: how often each sequence occurs among all sequences of its length in the text. */
export function frequenciesOf(text: string): Float32Array {
  const line = normalised(text);
  const counts = new Map<string, number>();
  for (const length of [1, 2, 3, 4]) {
    for (let i = 0; i + length <= line.length; i++) {
      const ngram = line.slice(i, i + length);
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
  }
  // A line shorter than a sequence has none of its length.
  return Float32Array.from(
    NGRAMS,
    (ngram) => (counts.get(ngram) ?? 0) / Math.max(1, line.length - ngram.length + 1),
  );
}
