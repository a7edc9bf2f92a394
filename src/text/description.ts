import type { TextFormat } from './prompt.ts';

/**
 * A description of a model's tokens, which a bundle holds for pages and clients. A model's id does not commit to it: chain
 * and program know tokens only.
 */
export interface TextDescription extends TextFormat {
  readonly version: 1;
  /** The contents of a `tokenizer.json`. */
  readonly tokenizer: object;
}

export const describeText = (format: TextFormat, tokenizer: object): TextDescription => ({
  version: 1,
  ...format,
  tokenizer,
});

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;

/** @throws RangeError for what is no description */
export function parseDescription(text: string): TextDescription {
  let json: Partial<TextDescription> | null;
  try {
    json = JSON.parse(text) as Partial<TextDescription> | null;
  } catch {
    throw new RangeError('what was given as the words of the model is no JSON');
  }
  const { version, prompt, tokens, vocabulary, sampled, tokenizer } = json ?? {};
  const isWhole = version === 1 && isCount(prompt) && isCount(tokens) && isCount(vocabulary);
  if (!isWhole || typeof tokenizer !== 'object' || tokenizer === null)
    throw new RangeError('what was given as the words of the model does not say what its tokens mean');
  return { version, prompt, tokens, vocabulary, ...(sampled === true ? { sampled } : {}), tokenizer };
}
