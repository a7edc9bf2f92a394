import type { Graph, TensorValue } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { type LlamaShape, type LlamaWeights, layerShapes, llamaGraph } from '../../src/text/llama.ts';
import type { WeightForm } from '../../src/text/options.ts';

/**
 * A language model of the shape of Qwen2.5-0.5B, 494 million parameters, with weights from a seed: no package has trained
 * ones. It says nothing, at the same cost.
 */

const SHAPE: LlamaShape & { readonly hidden: number } = {
  layers: 24,
  width: 896,
  heads: 14,
  keyHeads: 2,
  headSize: 64,
  hidden: 4864,
  epsilon: 1e-6,
  base: 1_000_000,
  interleaved: false,
  positions: 32_768,
  biased: true,
  tied: true,
};

const VOCABULARY = 151_936;

/** Shape and weights: those of each name are the same ones, however often they are asked for. */
export function qwenShaped(): { readonly shape: LlamaShape; readonly weights: LlamaWeights } {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    ...layerShapes(SHAPE),
    tokens: [VOCABULARY, SHAPE.width],
    norm: [SHAPE.width],
  };
  const weights = (name: string, layer = 0): TensorValue => {
    const shape = shapes[name]!;
    const values = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    // Uniform numbers of a variance of about 1 / inputs, so that sums stay near 1; of a norm all are 1.
    const bound = Math.sqrt(3 / shape.at(-1)!) / 2 ** 31;
    let state = seedOf(`${layer} ${name}`);
    for (let i = 0; i < values.length; i++) {
      // A linear congruential generator (Knuth, The Art of Computer Programming, volume 2, §3.3.4, line 16).
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      values[i] = state * bound;
    }
    return { type: TYPES.float, shape, values: name.endsWith('norm') ? values.fill(1) : values };
  };
  return {
    shape: SHAPE,
    weights: { layer: (layer, name) => weights(name, layer), whole: (name) => weights(name) },
  };
}

const seedOf = (name: string): number =>
  [...name].reduce((seed, letter) => Math.imul(seed, 31) + letter.charCodeAt(0), 1) | 0;

/** @param positions prompt and text together */
export function qwenShapedGraph(positions: number, form: WeightForm): Graph {
  const { shape, weights } = qwenShaped();
  return llamaGraph({ ...shape, positions }, weights, form);
}
