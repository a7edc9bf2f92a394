import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Contents of the npm package lande: a network of two dense layers, and the meaning of its inputs and outputs. */

interface DenseOptions {
  readonly type: 'dense';
  readonly filters: number;
  readonly _biases: string;
  readonly _filters: readonly string[];
}

export interface Layer {
  readonly biases: readonly number[];
  /** Weights, [neurons, inputs]. */
  readonly weights: readonly (readonly number[])[];
}

const folder = dirname(createRequire(import.meta.url).resolve('lande'));
const load = async (file: string): Promise<unknown> =>
  (await import(pathToFileURL(join(folder, file)).href)).default;

/** Codes of the languages (ISO 639-3), in the order of the network's outputs. */
export const LANGUAGES = (await load('t50-langs.js')) as readonly string[];

/** Character sequences whose frequencies are the network's inputs: all of one character, of two, three and four. */
const ngrams = (await load('t50-ngrams.js')) as Readonly<Record<string, readonly string[]>>;
export const NGRAMS: readonly string[] = ['unigrams', 'bigrams', 'trigrams', 'quadgrams'].flatMap(
  (key) => ngrams[key] ?? [],
);

/** `1<scale>|<base64>`: a byte b is the number (b - 127) / scale. */
function decoded(text: string): number[] {
  const bar = text.indexOf('|');
  if (text[0] !== '1' || text[1] === '-' || bar < 0)
    throw new Error('weights of a form that lande 1.0.10 does not have');
  const scale = Number(text.slice(1, bar));
  return Array.from(Buffer.from(text.slice(bar + 1), 'base64'), (byte) => Math.fround((byte - 127) / scale));
}

const options = (await load('t50-options.js')) as { readonly layers: readonly { readonly type: string }[] };

/** The dense layers; a rectifier is behind the first, a softmax behind the second. */
export const LAYERS: readonly Layer[] = options.layers
  .filter((layer): layer is DenseOptions => layer.type === 'dense')
  .map(({ _biases, _filters }) => ({ biases: decoded(_biases), weights: _filters.map(decoded) }));
