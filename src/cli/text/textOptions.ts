import type { TextOptions } from '../../text/options.ts';
import { InputError } from '../inputError.ts';

/** What commands that import take for a model that writes text. */
export interface TextArguments {
  /** That the model is one; `assay request` has the prompt here. */
  readonly text?: boolean | string;
  readonly prompt?: string;
  readonly tokens?: string;
  readonly end?: readonly string[];
  readonly tokenizer?: string;
}

const DEFAULT_TOKENS = '128';

function parseTokens(option: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InputError(`--${option} ${text}: write a number of tokens, 1 or more`, 2);
}

function parseEnd(text: string): number {
  if (/^(0|[1-9]\d{0,8})$/.test(text)) return Number(text);
  throw new InputError(`--end ${text}: write the number of a token`, 2);
}

/**
 * Sizes and rules of a text; `ends` only if any was named.
 *
 * @throws InputError for an option that is no number
 */
export const parseTextOptions = ({
  prompt = DEFAULT_TOKENS,
  tokens = DEFAULT_TOKENS,
  end,
}: TextArguments): TextOptions => ({
  prompt: parseTokens('prompt', prompt),
  tokens: parseTokens('tokens', tokens),
  ...(end ? { ends: end.map(parseEnd) } : {}),
});

/** @throws InputError for options that say something about texts, of a model that is not said to write any */
export function refuseTextOptions({ prompt, tokens, end, tokenizer }: TextArguments): void {
  const [named] =
    Object.entries({ prompt, tokens, end, tokenizer }).find(([, value]) => value !== undefined) ?? [];
  if (named) throw new InputError(`--${named} is about models that write text: add --text`, 2);
}
