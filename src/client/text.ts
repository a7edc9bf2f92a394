import type { Contracts } from '../chain/contracts/contracts.ts';
import type { Hex, Terms } from '../chain/contracts/types.ts';
import { concat } from '../merkle/tree.ts';
import { inputsOf } from '../text/generate.ts';
import { type EncodedPrompt, encodePrompt, seedWords, type TextFormat } from '../text/prompt.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import { tokensIn, tokenWidth } from '../text/tokens.ts';
import { type Asked, request } from './client.ts';

/** Asks for texts, and reads them. */

/** A model that writes text, as a client knows it: `assay inspect --text MODEL --json` prints its format. */
export interface WritingModel extends TextFormat {
  readonly id: Hex;
  /** Made of the model's `tokenizer.json` by {@link tokenizerOf}. */
  readonly tokenizer: TextTokenizer;
}

/** Options of drawing tokens, for a model that draws them. */
export interface Sampling {
  /** 64 bits; 0 if left out. */
  readonly seed?: bigint;
  /** 1 if left out; 0 takes the likeliest token. */
  readonly temperature?: number;
  /** Number of likeliest tokens to choose from; 0, which is all, if left out. */
  readonly candidates?: number;
}

export interface AskedText extends Asked {
  readonly prompt: EncodedPrompt;
}

/**
 * Packs a prompt, and the way to draw tokens, as the input of a request.
 *
 * @param text the prompt; marks such as `<|im_start|>` are written out
 * @returns the input, and the prompt as the model reads it
 * @throws InvalidPrompt for a prompt that the model does not take
 * @throws RangeError for a way to draw tokens that there is not, or of a model that draws none
 */
export function packPrompt(
  model: Omit<WritingModel, 'id'>,
  text: string,
  sampling: Sampling = {},
): { readonly input: Uint8Array; readonly prompt: EncodedPrompt } {
  const { vocabulary, sampled = false, tokenizer } = model;
  const prompt = encodePrompt(tokenizer, text, model);
  const { seed = 0n, temperature = 1, candidates = 0 } = sampling;
  if (!sampled && Object.keys(sampling).length > 0) {
    throw new RangeError('the model takes the likeliest token always; only a sampled one draws tokens');
  }
  if (!(Number.isFinite(temperature) && temperature >= 0)) {
    throw new RangeError(`a temperature of ${temperature}: it has to be 0 or more`);
  }
  if (!(Number.isInteger(candidates) && candidates >= 0 && candidates < 2 ** 31)) {
    throw new RangeError(`${candidates} candidates: it has to be a number of tokens, or 0 for all`);
  }
  const inputs = inputsOf(
    { options: model, vocabulary, width: tokenWidth(vocabulary) },
    { prompt: prompt.tokens, seed: seedWords(seed), temperature, candidates },
  );
  return { input: concat(inputs), prompt };
}

/**
 * Asks for the text that a model writes after a prompt.
 *
 * @param text the prompt; marks such as `<|im_start|>` are written out
 * @param feeWei what the answering provider earns, in the smallest unit of the deployment's currency
 * @param sampling for a model that draws tokens; left out for one that takes the likeliest
 * @returns the request, and the prompt as the model reads it
 * @throws InvalidPrompt for a prompt that the model does not take
 * @throws RangeError for a way to draw tokens that there is not, or of a model that draws none
 * @throws TermsError if no oracle takes the terms
 * @throws Refused if the model is unknown, or a term is out of bounds
 * @example
 * ```ts
 * const model = { prompt: 8, tokens: 120, vocabulary: 1024, id: modelId, tokenizer: tokenizerOf(tokenizerJson) };
 * const { requestId } = await requestText(contracts, model, 'Once upon a time', terms, parseEther('0.001'));
 * const { text } = readText(model, await awaitResult(contracts, requestId, 4 * 86_400_000, 60_000));
 * ```
 */
export async function requestText(
  contracts: Contracts,
  model: WritingModel,
  text: string,
  terms: Terms,
  feeWei: bigint,
  sampling: Sampling = {},
): Promise<AskedText> {
  const { input, prompt } = packPrompt(model, text, sampling);
  return { ...(await request(contracts, model.id, input, terms, feeWei)), prompt };
}

/**
 * Reads the text in a final answer.
 *
 * @param answer as `awaitResult` gives it: tokens of 1 to 4 bytes, as few as the vocabulary takes
 * @returns its tokens up to where it ends, and what they say
 * @throws RangeError for bytes that are no text of the model
 */
export function readText(
  { tokens: most, vocabulary, tokenizer }: Pick<WritingModel, 'tokens' | 'vocabulary' | 'tokenizer'>,
  answer: Uint8Array,
): { readonly tokens: number[]; readonly text: string } {
  const width = tokenWidth(vocabulary);
  if (answer.length !== width * most) {
    throw new RangeError(`the answer has ${answer.length} bytes, and a text of the model ${width * most}`);
  }
  const tokens = tokensIn(answer, width).filter((token) => token >= 0);
  return { tokens, text: tokenizer.decode(tokens) };
}
