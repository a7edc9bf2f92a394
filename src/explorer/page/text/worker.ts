import { packPrompt, readText, type Sampling } from '../../../client/text.ts';
import { parseDescription, type TextDescription } from '../../../text/description.ts';
import { tokenizerOf } from '../../../text/tokenizer.ts';
import { tokensIn, tokenWidth } from '../../../text/tokens.ts';
import type { Errand, ErrandOutcome, SamplingText, Words } from './errand.ts';

/** Does one errand and is ended. A tokenizer is a stranger's: its patterns may take for ever, here and not in the page. */

const port = self as unknown as {
  postMessage(outcome: ErrandOutcome | { readonly kind: 'ready' }): void;
  onmessage: ((event: MessageEvent<Errand>) => void) | null;
};

/** @throws RangeError for what is no number */
function samplingOf({ seed, temperature, candidates }: SamplingText): Sampling {
  if (!/^\d{1,20}$/.test(seed)) throw new RangeError('The seed is a whole number.');
  if (!/^\d+$/.test(candidates)) throw new RangeError('The number of candidates is a whole number.');
  if (!/^\d+(?:\.\d+)?$/.test(temperature)) throw new RangeError('The temperature is a number from 0 on.');
  return { seed: BigInt(seed), temperature: Number(temperature), candidates: Number(candidates) };
}

const modelOf = (description: TextDescription) => ({
  ...description,
  tokenizer: tokenizerOf(description.tokenizer),
});

/** The tokens of a prompt: as many as the number behind them says (`text/generate.ts`, inputs). */
function promptIn(input: Uint8Array, width: number, most: number): number[] {
  if (input.length < width * most + 4)
    throw new RangeError(`the input has ${input.length} bytes, and its prompt alone ${width * most}`);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const count = Math.max(0, Math.min(most, view.getInt32(width * most, true)));
  return tokensIn(input.subarray(0, width * count), width);
}

/** Each text is a stranger's, and keeps no other from being read. */
function wordsIn(read: () => string): Words {
  try {
    return { text: read() };
  } catch (failure) {
    return { why: (failure as Error).message };
  }
}

function work(errand: Errand): ErrandOutcome {
  const description = parseDescription(new TextDecoder().decode(errand.description));
  const { prompt: most, tokens, vocabulary, sampled = false } = description;
  if (errand.kind === 'format') return { kind: 'format', prompt: most, tokens, sampled };
  const model = modelOf(description);
  if (errand.kind === 'pack') {
    const { text, sampling } = errand;
    const { input, prompt } = packPrompt(model, text, sampling && samplingOf(sampling));
    return { kind: 'packed', input, tokens: prompt.tokens.length, read: prompt.read };
  }
  const { input, answers } = errand;
  const width = tokenWidth(vocabulary);
  return {
    kind: 'texts',
    prompt: input && wordsIn(() => model.tokenizer.spell(promptIn(input, width, most))),
    answers: answers.map((answer) => answer && wordsIn(() => readText(model, answer).text)),
  };
}

port.onmessage = ({ data: errand }) => {
  try {
    port.postMessage(work(errand));
  } catch (failure) {
    port.postMessage({ kind: 'failed', why: (failure as Error).message });
  }
};
port.postMessage({ kind: 'ready' });
