import type { Draft } from './generate.ts';

/**
 * Guesses that a text goes on as it did before: where its last tokens occur earlier, in the prompt or in the text, what
 * followed there follows again (prompt lookup decoding; Yang et al., Inference with reference, 2023). It costs nothing.
 */

/** Tokens that have to be the same, tried from most to least. */
const LENGTHS = [4, 3, 2, 1] as const;

/** @param most tokens of a guess */
export const recall =
  (prompt: readonly number[], most: number): Draft =>
  async (text, room) => {
    const tokens = [...prompt, ...text];
    for (const length of LENGTHS) {
      const last = tokens.slice(-length);
      if (last.length < length) continue;
      for (let start = tokens.length - length - 1; start >= 0; start--) {
        if (!last.every((token, i) => token === tokens[start + i])) continue;
        // Behind the end the guess goes on with itself.
        const period = tokens.length - length - start;
        return Array.from({ length: Math.min(room, most) }, (_, i) => tokens[start + length + (i % period)]!);
      }
    }
    return [];
  };

/**
 * Asks for more tokens while all that were drafted are right, and for few again when one was wrong.
 *
 * @param few tokens that it costs little to be wrong about
 */
export function cautious(draft: Draft, few: number): Draft {
  let limit = few;
  /** The length of the text, and how many tokens were drafted, the last time. */
  let last = { length: 0, drafted: 0 };
  return async (text, most) => {
    // The model adds a token of its own to those that are right.
    const allRight = last.drafted > 0 && text.length > last.length + last.drafted;
    limit = allRight ? 2 * limit + 1 : last.drafted > 0 ? few : limit;
    const drafted = limit > 0 ? await draft(text, Math.min(limit, most)) : [];
    last = { length: text.length, drafted: drafted.length };
    return drafted;
  };
}
