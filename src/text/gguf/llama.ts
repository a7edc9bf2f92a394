import type { Graph } from '../../onnx/building.ts';
import { ensure, quoted, within } from '../../onnx/errors.ts';
import {
  type LayerBias,
  type LayerNorm,
  type LayerWeight,
  type LlamaShape,
  type LlamaWeights,
  layerShapes,
  llamaGraph,
} from '../llama.ts';
import type { WeightForm } from '../options.ts';
import type { GgufFile } from './file.ts';

/** Architectures that are written as graphs, with what differs between them. */
const ARCHITECTURES: Readonly<Record<string, Pick<LlamaShape, 'interleaved' | 'biased'>>> = {
  // Files of this architecture have the rows of queries and keys in the order of pairs that are neighbours.
  llama: { interleaved: true, biased: false },
  qwen2: { interleaved: false, biased: true },
};

const NAMES: Readonly<Record<LayerWeight | LayerNorm | LayerBias, string>> = {
  query: 'attn_q.weight',
  key: 'attn_k.weight',
  value: 'attn_v.weight',
  output: 'attn_output.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
  'attention norm': 'attn_norm.weight',
  'forward norm': 'ffn_norm.weight',
  'query bias': 'attn_q.bias',
  'key bias': 'attn_k.bias',
  'value bias': 'attn_v.bias',
};

/** Sizes of a model as its file gives them. @throws Refusal for an architecture that is not one of those above */
function shapeOf(file: GgufFile): LlamaShape & { readonly hidden: number } {
  const architecture = file.text('general.architecture');
  const known = Object.hasOwn(ARCHITECTURES, architecture) ? ARCHITECTURES[architecture] : undefined;
  const names = Object.keys(ARCHITECTURES).join(', ');
  ensure(
    known,
    `its architecture is ${quoted(architecture)}; known are ${names}. Export the model to ONNX instead`,
  );
  const number = (key: string, otherwise?: number): number =>
    file.number(`${architecture}.${key}`, otherwise);
  ensure(!file.has('rope_freqs.weight'), 'its positions are scaled (rope_freqs), which is not supported');
  ensure(
    file.value(`${architecture}.rope.scaling.type`) === undefined,
    'its positions are scaled, which is not supported',
  );
  ensure(number('expert_count', 0) === 0, 'its layers choose among experts, which is not supported');
  const [width, heads] = [number('embedding_length'), number('attention.head_count')];
  return {
    ...known,
    width,
    heads,
    layers: number('block_count'),
    keyHeads: number('attention.head_count_kv', heads),
    headSize: number('attention.key_length', width / heads),
    hidden: number('feed_forward_length'),
    epsilon: number('attention.layer_norm_rms_epsilon'),
    base: number('rope.freq_base', 10_000),
    positions: number('context_length'),
    tied: !file.has('output.weight'),
  };
}

/**
 * The shape of a model in a GGUF file, and its weights, which are read when they are asked for.
 *
 * @throws Refusal for a model that is not written as a graph here
 */
export function llamaOfGguf(file: GgufFile): { readonly shape: LlamaShape; readonly weights: LlamaWeights } {
  const shape = shapeOf(file);
  const shapes = layerShapes(shape);
  const vocabulary = vocabularyOf(file);
  return {
    shape,
    weights: {
      layer: (layer, name) => file.weight(`blk.${layer}.${NAMES[name]}`, shapes[name]),
      whole: (name) => {
        if (name === 'norm') return file.weight('output_norm.weight', [shape.width]);
        return file.weight(name === 'tokens' ? 'token_embd.weight' : 'output.weight', [
          vocabulary,
          shape.width,
        ]);
      },
    },
  };
}

/**
 * The graph of a model in a GGUF file.
 *
 * @param positions prompt and text together
 * @param form what matrices are held in
 * @param write writes the graph
 * @throws ImportError for a model that is not written as a graph here
 */
export function graphOfGguf(file: GgufFile, positions: number, form?: WeightForm, write = llamaGraph): Graph {
  return within('model', () => {
    const { shape, weights } = llamaOfGguf(file);
    ensure(
      positions <= shape.positions,
      `its positions are ${shape.positions} at most; a prompt and a text of ${positions} tokens do not fit`,
    );
    return write({ ...shape, positions }, weights, form);
  });
}

function vocabularyOf(file: GgufFile): number {
  const tokens = file.value('tokenizer.ggml.tokens');
  ensure(Array.isArray(tokens), 'it has no list of tokens');
  return tokens.length;
}

/** Tokens that end a text, as the file names them. */
export function endsOfGguf(file: GgufFile): number[] {
  const keys = ['tokenizer.ggml.eos_token_id', 'tokenizer.ggml.eot_token_id'];
  return [...new Set(keys.flatMap((key) => (typeof file.value(key) === 'number' ? [file.number(key)] : [])))];
}
