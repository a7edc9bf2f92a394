import { readFileSync } from 'node:fs';
import { compileText, type TextModel } from '../../src/text/compile.ts';
import { endsOfGguf, graphOfGguf } from '../../src/text/gguf/llama.ts';
import type { TextOptions, WeightForm } from '../../src/text/options.ts';
import { glassGraph, POSITIONS } from './glass.ts';
import { qwenShapedGraph } from './qwenShape.ts';
import { smolFile } from './smol.ts';

/** A text that another program wrote. */
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
  readonly most: { readonly gas: number; readonly leafGas: number; readonly claimantMoves: number };
}

/** The file size, in bytes, by which the import of a graph is bounded that was not read from a file. */
const FILE_BYTES = { glass: 2 ** 22, qwen: 500_000_000 };

const MOST = { gas: 1_050_000, leafGas: 300_000, claimantMoves: 9 };

/** @param form what its matrices are held in: other forms than float32 are models of their own, with other texts */
const smolRung = (
  form: WeightForm,
  { most = MOST, ...rung }: Omit<Rung, 'compile' | 'most'> & Partial<Pick<Rung, 'most'>>,
): Rung => ({
  ...rung,
  most,
  compile: async (change) => {
    const file = await smolFile();
    const options = { prompt: 64, tokens: 192, ends: endsOfGguf(file), ...change };
    return compileText(graphOfGguf(file, options.prompt + options.tokens, form), file.size, options);
  },
});

/** Who writes the texts of models in 8 and in 4 bits: `test/support/integerLlama.ts`. */
const LOOPS = 'plain arithmetic on integers';

/** From the smallest model to the largest. */
export const rungs: readonly Rung[] = [
  {
    name: 'glassllm',
    compile: async (change) =>
      compileText(glassGraph(), FILE_BYTES.glass, { prompt: 8, tokens: POSITIONS - 8, ...change }),
    writer: 'the package itself',
    texts: 'glassTexts.json',
    nodes: 'every',
    most: { ...MOST, gas: 830_000 },
  },
  smolRung('float32', {
    name: 'SmolLM2-135M-Instruct',
    writer: 'onnxruntime',
    texts: 'smolTexts.json',
    nodes: 40,
  }),
  smolRung('int8', { name: 'SmolLM2-135M-int8', writer: LOOPS, texts: 'smolInt8Texts.json', nodes: 40 }),
  smolRung('int4', {
    name: 'SmolLM2-135M-int4',
    writer: LOOPS,
    texts: 'smolInt4Texts.json',
    nodes: 40,
    // It has more than 1,024 nodes, so opening its trace takes one more answer.
    most: { ...MOST, gas: 1_080_000 },
  }),
  {
    name: 'Qwen2.5-0.5B-shape-int8',
    compile: async (change) => {
      const options = { prompt: 8, tokens: 8, ...change };
      return compileText(qwenShapedGraph(options.prompt + options.tokens, 'int8'), FILE_BYTES.qwen, options);
    },
    writer: LOOPS,
    texts: 'qwenShapeTexts.json',
    nodes: 40,
    most: MOST,
  },
];

/** Texts that the rung's model must accept. */
export const textsOf = ({ texts }: Rung): readonly KnownText[] =>
  JSON.parse(readFileSync(new URL(`../../test/snapshots/${texts}`, import.meta.url), 'utf8'));
