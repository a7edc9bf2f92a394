import { SeededWeights } from '../../examples/models/weights.ts';
import type { Graph, TensorValue } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { type LlamaShape, type LlamaWeights, layerShapes, llamaGraph } from '../../src/text/llama.ts';
import type { WeightForm } from '../../src/text/options.ts';

/** A language model that is small enough for the reference engine, with weights from a seed. */

export const TINY: LlamaShape & { readonly hidden: number; readonly vocabulary: number } = {
  layers: 2,
  width: 16,
  heads: 4,
  keyHeads: 2,
  headSize: 4,
  hidden: 20,
  vocabulary: 40,
  epsilon: 1e-5,
  base: 100,
  interleaved: true,
  positions: 24,
  biased: false,
  tied: false,
};

/** Shape and weights: of each name the same ones, however often they are asked for. */
export function tinyLlama(change: Partial<typeof TINY> = {}, seed = 1) {
  const shape = { ...TINY, ...change };
  const { width, vocabulary } = shape;
  const random = new SeededWeights(seed);
  const tensor = (...extents: number[]): TensorValue => ({
    type: TYPES.float,
    shape: extents,
    values: random.around(1.5 / Math.sqrt(extents.at(-1)!), extents).values,
  });
  const shapes: Readonly<Record<string, readonly number[]>> = {
    ...layerShapes(shape),
    tokens: [vocabulary, width],
    logits: [vocabulary, width],
  };
  const norm = (): TensorValue => ({
    type: TYPES.float,
    shape: [width],
    values: new Float32Array(width).fill(1),
  });
  const tensors = new Map<string, TensorValue>();
  const named = (name: string, layer = -1): TensorValue => {
    const key = `${layer} ${name}`;
    const value = tensors.get(key) ?? (name.endsWith('norm') ? norm() : tensor(...shapes[name]!));
    tensors.set(key, value);
    return value;
  };
  const weights: LlamaWeights = {
    layer: (layer, name) => named(name, layer),
    whole: (name) => named(name),
  };
  return { shape, weights };
}

export function tinyGraph(change: Partial<typeof TINY> = {}, seed = 1, form?: WeightForm): Graph {
  const { shape, weights } = tinyLlama(change, seed);
  return llamaGraph(shape, weights, form);
}

/** Its vocabulary: a letter each. */
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz .,!?ABCDEFGHI'];

/** As a `tokenizer.json` says it. */
export const tinyTokenizer = (): object => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: Object.fromEntries(LETTERS.map((letter, id) => [letter, id])), merges: [] },
});
