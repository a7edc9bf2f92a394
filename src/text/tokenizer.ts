import { Tokenizer } from '@huggingface/tokenizers';
import { ImportError, within } from '../onnx/errors.ts';
import { requireCheapPatterns } from './patterns.ts';

/** Text to tokens and back, by what Hugging Face's `tokenizer.json` says. */
export interface TextTokenizer {
  /** Tokens of a text as it is: none are put around it. */
  encode(text: string): number[];
  /** The text of tokens; negative numbers, which pad a text, are left out, as are tokens that are no text. */
  decode(tokens: readonly number[]): string;
  /** The same with the names of tokens that are no text, such as `<|im_start|>`. */
  spell(tokens: readonly number[]): string;
  /** The contents of the `tokenizer.json` that it was made of. */
  readonly json: object;
}

/**
 * Makes a tokenizer.
 *
 * @param json the contents of a `tokenizer.json`, parsed
 * @throws ImportError if it is none, or if its expressions may take too long
 */
export function tokenizerOf(json: unknown): TextTokenizer {
  const { normalizer, pre_tokenizer, post_processor, decoder } = (json ?? {}) as Readonly<
    Record<string, unknown>
  >;
  within('tokenizer', () => requireCheapPatterns([normalizer, pre_tokenizer, post_processor, decoder]));
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(json as object, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw new ImportError(`tokenizer: it cannot be used (${error instanceof Error ? error.message : error})`);
  }
  const decode = (tokens: readonly number[], skipsSpecial: boolean): string =>
    tokenizer.decode(
      tokens.filter((token) => token >= 0),
      { skip_special_tokens: skipsSpecial, clean_up_tokenization_spaces: false },
    );
  return {
    encode: (text) => [...tokenizer.encode(text, { add_special_tokens: false }).ids],
    decode: (tokens) => decode(tokens, true),
    spell: (tokens) => decode(tokens, false),
    json: json as object,
  };
}
