import { readVocabulary } from './weights.ts';

/** Stands for the start of a word. */
const WORD = '\u2581';
/** Tokens that mean no piece of text. */
const RESERVED = 6;
const UNKNOWN = 0;

interface Way {
  readonly score: number;
  /** Tokens from the start of the text. */
  readonly tokens: readonly number[];
}

/**
 * Splits texts into tokens: of all ways to put a text together from pieces, the likeliest (the unigram model of
 * SentencePiece; Kudo, 2018). A character that no piece begins with is unknown, and several in a row are one token.
 */
export function tokenizer(): (text: string) => number[] {
  const vocabulary = readVocabulary();
  const tokens = new Map(vocabulary.map(([piece], i) => [piece, i]).slice(RESERVED) as [string, number][]);
  const longest = vocabulary.reduce((most, [piece]) => Math.max(most, [...piece].length), 1);
  return (text) => {
    if (text === '') return [];
    const characters = [...(WORD + text.normalize('NFKC').replaceAll(' ', WORD))];
    const best: (Way | undefined)[] = [{ score: 0, tokens: [] }];
    characters.forEach((_, start) => {
      const before = best[start];
      if (!before) return;
      const reach = (end: number, token: number, score: number): void => {
        const way = { score: before.score + score, tokens: [...before.tokens, token] };
        if (way.score >= (best[end]?.score ?? Number.NEGATIVE_INFINITY)) best[end] = way;
      };
      let isKnown = false;
      for (let end = start + 1; end <= Math.min(characters.length, start + longest); end++) {
        const token = tokens.get(characters.slice(start, end).join(''));
        if (token === undefined) continue;
        isKnown = true;
        reach(end, token, (vocabulary[token] as readonly [string, number])[1]);
      }
      if (!isKnown) reach(start + 1, UNKNOWN, 0);
    });
    const found = best[characters.length]?.tokens ?? [];
    return found.filter((token, i) => token !== UNKNOWN || found[i - 1] !== UNKNOWN);
  };
}
