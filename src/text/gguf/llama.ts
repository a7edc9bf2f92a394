import type { Graph } from '../../onnx/building.ts';
import { ensure, quoted, within } from '../../onnx/errors.ts';
import {
  ATTENTION_BIASES,
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
import { angleDivisor, refuseOtherKeys } from './keys.ts';

/** Architectures that are written as graphs, with what differs between them. */
const ARCHITECTURES: Readonly<
  Record<string, Pick<LlamaShape, 'interleaved'> & { readonly required: readonly LayerBias[] }>
> = {
  // Files of this architecture have the rows of queries and keys in the order of pairs that are neighbours.
  llama: { interleaved: true, required: [] },
  qwen2: { interleaved: false, required: ATTENTION_BIASES },
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
  'output bias': 'attn_output.bias',
  'gate bias': 'ffn_gate.bias',
  'up bias': 'ffn_up.bias',
  'down bias': 'ffn_down.bias',
};

const isBias = (name: keyof typeof NAMES): name is LayerBias => name.endsWith(' bias');
const BIASES = (Object.keys(NAMES) as (keyof typeof NAMES)[]).filter(isBias);

const tensorName = (layer: number, name: keyof typeof NAMES): string => `blk.${layer}.${NAMES[name]}`;

/** Divisors of angles by pair (Llama 3.1). */
const DIVISORS = 'rope_freqs.weight';

/** Sizes of a model as its file gives them. @throws Refusal for an architecture that is not one of those above */
function shapeOf(file: GgufFile): LlamaShape & { readonly hidden: number } {
  const architecture = file.text('general.architecture');
  const known = Object.hasOwn(ARCHITECTURES, architecture) ? ARCHITECTURES[architecture] : undefined;
  const names = Object.keys(ARCHITECTURES).join(', ');
  ensure(
    known,
    `its architecture is ${quoted(architecture)}; known are ${names}. Export the model to ONNX instead`,
  );
  const { interleaved, required } = known;
  refuseOtherKeys(file, architecture);
  const key = (name: string): string => `${architecture}.${name}`;
  const count = (name: string, otherwise?: number): number => file.count(key(name), otherwise);
  const above0 = (name: string, otherwise?: number): number => {
    const value = file.number(key(name), otherwise);
    ensure(value > 0, () => `its ${quoted(key(name))} is ${value}, and not above 0`);
    return value;
  };
  const [width, heads, layers] = [
    count('embedding_length'),
    count('attention.head_count'),
    count('block_count'),
  ];
  const keyHeads = count('attention.head_count_kv', heads);
  const headSize = count('attention.key_length', Math.ceil(width / heads));
  const isDivisible = file.value(key('attention.key_length')) !== undefined || width % heads === 0;
  ensure(isDivisible, `its vectors of ${width} are not divisible among ${heads} heads`);
  ensure(headSize % 2 === 0, `its heads have ${headSize} components, which are no pairs`);
  ensure(heads % keyHeads === 0, `its ${heads} heads are not divisible among ${keyHeads} heads of keys`);
  for (const name of ['attention.value_length', 'rope.dimension_count']) {
    const value = count(name, headSize);
    ensure(value === headSize, () => `its ${quoted(key(name))} is ${value}, and its heads have ${headSize}`);
  }
  // As many positions as a window holds see each other, so that it changes nothing.
  const window = file.number(key('attention.sliding_window'), 0);
  const positions = count('context_length');
  const biases = BIASES.filter((name) => required.includes(name) || file.has(tensorName(0, name)));
  return {
    interleaved,
    biased: ATTENTION_BIASES.every((name) => biases.includes(name)),
    biases,
    width,
    heads,
    layers,
    keyHeads,
    headSize,
    hidden: count('feed_forward_length'),
    epsilon: above0('attention.layer_norm_rms_epsilon'),
    base: above0('rope.freq_base', 10_000),
    positions: window > 0 ? Math.min(window, positions) : positions,
    tied: !file.has('output.weight'),
  };
}

/** A divisor of the rotary angle of each pair of a head's components; `undefined` if all are 1. */
function divisorsOf(file: GgufFile, pairs: number): Float64Array | undefined {
  const divisor = angleDivisor(file, file.text('general.architecture'));
  if (!file.has(DIVISORS)) return divisor === 1 ? undefined : new Float64Array(pairs).fill(divisor);
  const divisors = Float64Array.from(file.weight(DIVISORS, [pairs]).values, (one) => one * divisor);
  ensure(
    divisors.every((one) => one > 0),
    `its tensor ${quoted(DIVISORS)} has numbers that are not above 0`,
  );
  return divisors;
}

/**
 * The shape of a model in a GGUF file, and its weights, which are read when they are asked for. All tensors have been found,
 * and there are no others.
 *
 * @throws Refusal for a model that is not written as a graph here
 */
export function llamaOfGguf(file: GgufFile): { readonly shape: LlamaShape; readonly weights: LlamaWeights } {
  const shape = shapeOf(file);
  const shapes = layerShapes(shape);
  const vocabulary = vocabularyOf(file);
  const wholes: Readonly<Record<string, readonly number[]>> = {
    'token_embd.weight': [vocabulary, shape.width],
    'output_norm.weight': [shape.width],
    ...(shape.tied ? {} : { 'output.weight': [vocabulary, shape.width] }),
  };
  const { layers, biases = [] } = shape;
  const parts = (Object.keys(NAMES) as (keyof typeof NAMES)[]).filter(
    (name) => !isBias(name) || biases.includes(name),
  );
  const known = new Map(Object.entries(wholes).map(([name, extents]) => [name, file.weight(name, extents)]));
  // A model of more layers than tensors is refused at the first that it lacks.
  for (let layer = 0; layer < layers; layer++)
    for (const part of parts) {
      const name = tensorName(layer, part);
      known.set(name, file.weight(name, shapes[part]));
    }
  for (const name of file.tensors) {
    ensure(
      known.has(name) || name === DIVISORS,
      `it has a tensor ${quoted(name)}, which may change what it computes and is not supported`,
    );
  }
  const divisors = divisorsOf(file, shape.headSize / 2);
  return {
    shape: divisors ? { ...shape, divisors } : shape,
    weights: {
      layer: (layer, name) => known.get(tensorName(layer, name))!,
      whole: (name) => known.get(WHOLES[name])!,
    },
  };
}

const WHOLES = { tokens: 'token_embd.weight', norm: 'output_norm.weight', logits: 'output.weight' } as const;

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
