import type { TextOptions } from './options.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Prompts as a model takes them. */

/** A prompt that a model does not take. The message is one line. */
export class InvalidPrompt extends Error {
  override name = 'InvalidPrompt';
}

/** The sizes of a model that a client has to know to ask it for a text. */
export interface TextFormat {
  /** Most tokens of a prompt. */
  readonly prompt: number;
  /** Most tokens of a text. */
  readonly tokens: number;
  /** Tokens of the vocabulary. */
  readonly vocabulary: number;
  /** Whether requests give a seed, a temperature and a number of candidates. */
  readonly sampled?: boolean;
}

export const formatOf = ({
  options: { prompt, tokens, sampled = false },
  vocabulary,
}: {
  readonly options: TextOptions;
  readonly vocabulary: number;
}): TextFormat => ({ prompt, tokens, vocabulary, ...(sampled ? { sampled } : {}) });

export interface EncodedPrompt {
  readonly tokens: number[];
  /** The prompt as its tokens say it: a tokenizer drops or replaces what it has no tokens for. */
  readonly read: string;
}

/**
 * Encodes a prompt as tokens. Marks such as `<|im_start|>` become the tokens that the tokenizer has for them.
 *
 * @throws InvalidPrompt for one that has no tokens, or too many, or whose tokens the model does not know
 */
export function encodePrompt(
  tokenizer: TextTokenizer,
  text: string,
  { prompt: most, vocabulary }: Pick<TextFormat, 'prompt' | 'vocabulary'>,
): EncodedPrompt {
  if (text === '') throw new InvalidPrompt('the prompt is empty; a text goes on from at least one token');
  if (/\p{Surrogate}/u.test(text)) {
    throw new InvalidPrompt('the prompt is no Unicode text: it has half of a surrogate pair');
  }
  const tokens = tokenizer.encode(text);
  if (tokens.length === 0) {
    throw new InvalidPrompt('the prompt has no tokens: the tokenizer knows none of its characters');
  }
  if (tokens.length > most) {
    throw new InvalidPrompt(
      `the prompt has ${tokens.length} tokens, and the model takes ${most}; shorten it, or ask a model that was published with a greater --prompt`,
    );
  }
  const outside = tokens.find((token) => !(Number.isInteger(token) && token >= 0 && token < vocabulary));
  if (outside !== undefined) {
    throw new InvalidPrompt(
      `the tokenizer gives token ${outside}, and the model has ${vocabulary}; it is another model's tokenizer`,
    );
  }
  return { tokens, read: tokenizer.spell(tokens) };
}

/** A seed of 64 bits as the two words that a model takes, the lower one first. @throws InvalidPrompt beyond 64 bits */
export function seedWords(seed: bigint): [number, number] {
  if (seed < 0n || seed >= 2n ** 64n)
    throw new InvalidPrompt(`seed ${seed}: it has to be from 0 to 2^64 - 1`);
  return [Number(BigInt.asIntN(32, seed)), Number(BigInt.asIntN(32, seed >> 32n))];
}
