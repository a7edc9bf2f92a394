import { InputError } from '../../files/inputError.ts';
import type { TextRequest } from '../../text/generate.ts';
import { type TextOptions, WEIGHT_FORMS, type WeightForm } from '../../text/options.ts';
import { seedWords } from '../../text/prompt.ts';

/** Options of importing commands for a model that writes text. */
export interface TextArguments {
  /** Says that the model is a language model; `assay request` has the prompt here. */
  readonly text?: boolean | string;
  readonly prompt?: string;
  readonly tokens?: string;
  readonly end?: readonly string[];
  readonly tokenizer?: string;
  readonly sampled?: boolean;
  readonly weights?: string;
  /** The prompt of commands whose `text` is a switch. */
  readonly ask?: string;
}

/** Options of drawing tokens, for a model that draws them. */
export interface DrawingArguments {
  readonly seed?: string;
  readonly temperature?: string;
  readonly topK?: string;
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
  sampled,
}: TextArguments): TextOptions => ({
  prompt: parseTokens('prompt', prompt),
  tokens: parseTokens('tokens', tokens),
  ...(end ? { ends: end.map(parseEnd) } : {}),
  ...(sampled ? { sampled } : {}),
});

/** Parses the type that the matrices of a GGUF file are held in. @throws InputError for anything else */
export function parseWeightForm(text: string): WeightForm {
  const form = WEIGHT_FORMS.find((one) => one === text);
  if (form) return form;
  throw new InputError(`--weights ${text}: write one of ${WEIGHT_FORMS.join(', ')}`, 2);
}

/**
 * Seed, temperature and number of candidates; 64 bits of seed, 1 and all where they are left out.
 *
 * @throws InputError for what is no such number, or for a model that draws no tokens
 */
export function parseDrawing({
  seed = '0',
  temperature = '1',
  topK = '0',
  ...given
}: DrawingArguments & TextArguments): Pick<TextRequest, 'seed' | 'temperature' | 'candidates'> {
  if (!given.sampled) {
    if (seed === '0' && temperature === '1' && topK === '0') return {};
    throw new InputError(
      '--seed, --temperature and --top-k are about models that draw tokens: add --sampled',
      2,
    );
  }
  if (!/^\d{1,20}$/.test(seed) || BigInt(seed) >= 2n ** 64n) {
    throw new InputError(`--seed ${seed}: write a whole number below 2^64`, 2);
  }
  if (!/^\d{1,6}(\.\d{1,9})?$/.test(temperature)) {
    throw new InputError(`--temperature ${temperature}: write a number, such as 0.8`, 2);
  }
  if (!/^\d{1,9}$/.test(topK))
    throw new InputError(`--top-k ${topK}: write a number of tokens, or 0 for all`, 2);
  return {
    seed: seedWords(BigInt(seed)),
    temperature: Number(temperature),
    candidates: Number(topK),
  };
}

/** @throws InputError for options that say something about texts, of a model that is not said to write any */
export function refuseTextOptions(given: TextArguments & DrawingArguments): void {
  const { prompt, tokens, end, tokenizer, sampled, weights, ask, seed, temperature, topK } = given;
  const drawing = { seed, temperature, 'top-k': topK };
  const options = { prompt, tokens, end, tokenizer, sampled, weights, ask, ...drawing };
  const [named] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (named) throw new InputError(`--${named} is about models that write text: add --text`, 2);
}
