import { readFileSync } from 'node:fs';
import { compileText, type TextModel } from '../../src/text/compile.ts';
import { endsOfGguf, graphOfGguf } from '../../src/text/gguf/llama.ts';
import type { TextOptions } from '../../src/text/options.ts';
import { glassGraph, POSITIONS } from './glass.ts';
import { smolFile } from './smol.ts';

/** A text that another engine wrote. */
export interface KnownText {
  readonly prompt: string;
  /** Tokens of the prompt. */
  readonly ids: readonly number[];
  /** Tokens of the text, up to its end. */
  readonly tokens: readonly number[];
}

/** A language model, and what its disputes may cost: `npm run text` plays them. */
export interface Rung {
  readonly name: string;
  /** @throws Unavailable if the model is not in the cache and cannot be fetched */
  compile(change?: Partial<TextOptions>): Promise<TextModel>;
  /** Who wrote {@link texts}. */
  readonly writer: string;
  /** Name of their file in test/snapshots. */
  readonly texts: string;
  /** Nodes at which lies are told. */
  readonly nodes: number | 'every';
  /** Limits of the dearest dispute, both sides together, and of its last move. */
  readonly most: { readonly gas: number; readonly leafGas: number; readonly answers: number };
}

/** The file size, in bytes, by which the import of a graph is bounded that was not read from a file. */
const FILE_BYTES = 2 ** 22;

export const rungs: readonly Rung[] = [
  {
    name: 'glassllm',
    compile: async (change) =>
      compileText(glassGraph(), FILE_BYTES, { prompt: 8, tokens: POSITIONS - 8, ...change }),
    writer: 'the package itself',
    texts: 'glassTexts.json',
    nodes: 'every',
    most: { gas: 830_000, leafGas: 300_000, answers: 9 },
  },
  {
    name: 'SmolLM2-135M-Instruct',
    compile: async (change) => {
      const file = await smolFile();
      const options = { prompt: 64, tokens: 192, ends: endsOfGguf(file), ...change };
      return compileText(graphOfGguf(file, options.prompt + options.tokens), file.size, options);
    },
    writer: 'onnxruntime',
    texts: 'smolTexts.json',
    nodes: 40,
    most: { gas: 1_050_000, leafGas: 300_000, answers: 9 },
  },
];

/** Texts that the rung's model must accept. */
export const textsOf = ({ texts }: Rung): readonly KnownText[] =>
  JSON.parse(readFileSync(new URL(`../../test/snapshots/${texts}`, import.meta.url), 'utf8'));
