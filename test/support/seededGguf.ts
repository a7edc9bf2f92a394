import { GGMLQuantizationType } from '@huggingface/gguf';
import { FORMATS, widen } from '../../src/onnx/floatFormats.ts';
import { BLOCK } from '../../src/text/floatMatrix.ts';
import { type LayerBias, type LayerNorm, type LayerWeight, layerShapes } from '../../src/text/llama.ts';
import { encodeGguf, type GgufTensor, type Metadata } from './ggufFile.ts';
import { inLevels, type PlainLlama, type Rows } from './plainLlama.ts';
import { Random } from './randomProgram.ts';

/** A small language model in a GGUF file, with weights from a seed. */

const { F32, Q4_1, Q8_0 } = GGMLQuantizationType;

/** Rows are of several blocks, and heads of queries share heads of keys. */
const SHAPE = {
  layers: 2,
  width: 64,
  heads: 4,
  keyHeads: 2,
  headSize: 16,
  hidden: 96,
  epsilon: 1e-5,
  base: 100,
  interleaved: true,
};
/** Tokens of its vocabulary. */
export const VOCABULARY = 200;
const STORED = {
  query: 'attn_q',
  key: 'attn_k',
  value: 'attn_v',
  output: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
  'attention norm': 'attn_norm',
  'forward norm': 'ffn_norm',
};

/** A tensor in a file, and the numbers that it stands for. */
interface Known {
  readonly tensor: GgufTensor;
  readonly numbers: Rows;
  /** The same with all least values 0, of a matrix that has any. */
  readonly byLevels?: Rows;
}

const half = (code: number): number => widen(FORMATS.float16, code);

/** Rows of so many columns. */
export const rowsOf = (numbers: readonly number[], columns: number): Rows =>
  Array.from({ length: numbers.length / columns }, (_, row) =>
    numbers.slice(row * columns, (row + 1) * columns),
  );

/** A matrix in Q4_1: steps from 0.03 to 0.06, and least values from -0.5 to -0.25, of some blocks above 0. */
function inQ41(random: Random, shape: readonly number[]): Known {
  const [bytes, numbers, byLevels] = [[] as number[], [] as number[], [] as number[]];
  for (let block = 0; block < (shape[0]! * shape[1]!) / BLOCK; block++) {
    const step = 0x2800 + random.below(0x400);
    const least = (random.chance(5) ? 0x3400 : 0xb400) + random.below(0x400);
    const levels = random.times(BLOCK, () => random.below(16));
    // Byte i has levels i and i + 16.
    const pairs = levels.slice(0, 16).map((low, i) => low + 16 * levels[i + 16]!);
    bytes.push(step & 255, step >> 8, least & 255, least >> 8, ...pairs);
    numbers.push(...levels.map((level) => level * half(step) + half(least)));
    byLevels.push(...levels.map((level) => level * half(step)));
  }
  return {
    tensor: { shape, kind: Q4_1, bytes: Uint8Array.from(bytes) },
    numbers: rowsOf(numbers, shape[1]!),
    byLevels: rowsOf(byLevels, shape[1]!),
  };
}

/** A matrix in Q8_0, as files hold the table of tokens. */
function inQ80(random: Random, shape: readonly number[]): Known {
  const [bytes, numbers] = [[] as number[], [] as number[]];
  for (let block = 0; block < (shape[0]! * shape[1]!) / BLOCK; block++) {
    const step = 0x2000 + random.below(0x400);
    const levels = random.times(BLOCK, () => random.between(-127, 127));
    bytes.push(step & 255, step >> 8, ...levels.map((level) => level & 255));
    numbers.push(...levels.map((level) => level * half(step)));
  }
  return {
    tensor: { shape, kind: Q8_0, bytes: Uint8Array.from(bytes) },
    numbers: rowsOf(numbers, shape[1]!),
  };
}

/** @param middle of the numbers, which are at most half away */
function norm(random: Random, shape: readonly number[], middle = 1): Known {
  const numbers = Float32Array.from({ length: shape[0]! }, () => middle - 0.5 + random.below(1000) / 1000);
  return { tensor: { shape, kind: F32, bytes: new Uint8Array(numbers.buffer) }, numbers: [[...numbers]] };
}

const BIASES: readonly LayerBias[] = [
  'query bias',
  'key bias',
  'value bias',
  'output bias',
  'gate bias',
  'up bias',
  'down bias',
];

/** What a file has besides. */
interface Change {
  readonly biased?: boolean;
  readonly metadata?: Metadata;
  readonly tensors?: Readonly<Record<string, GgufTensor>>;
}

/**
 * A file of a model with weights from a seed, and the same model in plain numbers, its tables in levels of 8 bits: as it is,
 * and as it would be if the layers' least values were forgotten.
 */
export function seededGguf(seed: number, { biased = false, metadata = {}, tensors: more = {} }: Change = {}) {
  const random = new Random(seed);
  const tensors = new Map<string, Known>();
  const shapes = layerShapes(SHAPE);
  for (let layer = 0; layer < SHAPE.layers; layer++)
    for (const [name, stored] of Object.entries(STORED)) {
      const shape = shapes[name as LayerWeight | LayerNorm];
      tensors.set(`blk.${layer}.${stored}.weight`, (shape.length === 1 ? norm : inQ41)(random, shape));
    }
  const fileNames = STORED as Readonly<Record<string, string>>;
  const biasName = (layer: number, name: LayerBias): string =>
    `blk.${layer}.${fileNames[name.split(' ')[0]!]}.bias`;
  for (let layer = 0; biased && layer < SHAPE.layers; layer++)
    for (const name of BIASES) tensors.set(biasName(layer, name), norm(random, shapes[name], 0));
  const table = [VOCABULARY, SHAPE.width];
  tensors.set('token_embd.weight', inQ80(random, table));
  tensors.set('output_norm.weight', norm(random, [SHAPE.width]));
  tensors.set('output.weight', inQ41(random, table));
  const bytes = encodeGguf(
    {
      'general.architecture': 'llama',
      'llama.block_count': SHAPE.layers,
      'llama.embedding_length': SHAPE.width,
      'llama.feed_forward_length': SHAPE.hidden,
      'llama.attention.head_count': SHAPE.heads,
      'llama.attention.head_count_kv': SHAPE.keyHeads,
      'llama.attention.layer_norm_rms_epsilon': SHAPE.epsilon,
      'llama.rope.freq_base': SHAPE.base,
      'llama.context_length': 64,
      'tokenizer.ggml.tokens': Array.from({ length: VOCABULARY }, (_, i) => `token ${i}`),
      ...metadata,
    },
    { ...Object.fromEntries([...tensors].map(([name, { tensor }]) => [name, tensor])), ...more },
  );
  const plainBy = (numbers: (one: Known) => Rows): PlainLlama => {
    const rows = (layer: number, name: LayerWeight | LayerNorm): Rows =>
      numbers(tensors.get(`blk.${layer}.${STORED[name]}.weight`)!);
    return {
      shape: SHAPE,
      layer: rows,
      norm: (layer, name) => rows(layer, name)[0]!,
      bias: (layer, name) => tensors.get(biasName(layer, name))?.numbers[0],
      tokens: tensors.get('token_embd.weight')!.numbers.map(inLevels),
      lastNorm: tensors.get('output_norm.weight')!.numbers[0]!,
      logits: tensors.get('output.weight')!.numbers.map(inLevels),
    };
  };
  return {
    bytes,
    plain: plainBy(({ numbers }) => numbers),
    forgetful: plainBy(({ numbers, byLevels }) => byLevels ?? numbers),
  };
}
