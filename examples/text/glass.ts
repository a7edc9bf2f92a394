import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy } from '../../src/files/formats/npy.ts';
import { FORMATS, widen } from '../../src/onnx/floatFormats.ts';
import type { Graph, TensorValue } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { type LayerBias, type LayerNorm, type LayerWeight, llamaGraph } from '../../src/text/llama.ts';
import { fetchWheel, GLASS } from '../models/wheels.ts';

/** The language model of the Python package glassllm: 852,608 parameters, trained on children's books. */

/** Positions, prompt and text together. */
export const POSITIONS = 128;

const WEIGHTS = 'glassllm/weights/en';

/** @throws Unavailable if the package is not in the cache and cannot be fetched */
const path = (file: string): string => join(fetchWheel(GLASS), `${WEIGHTS}${file}`);

/** An array of 16-bit floats, as it is or turned over its diagonal. */
function readWeight(name: string, turned = false): TensorValue {
  const { shape, bytes } = readNpy(new Uint8Array(readFileSync(path(`.npz.files/${name}.npy`))), name);
  const codes = new Uint16Array(bytes.slice().buffer);
  const values = Float32Array.from(codes, (code) => widen(FORMATS.float16, code));
  if (!turned) return { type: TYPES.float, shape, values };
  const [rows, columns] = shape as [number, number];
  return {
    type: TYPES.float,
    shape: [columns, rows],
    values: Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  };
}

const NAMES: Readonly<Record<LayerWeight | LayerNorm, string>> = {
  query: 'attn.W_Q',
  key: 'attn.W_K',
  value: 'attn.W_V',
  output: 'attn.W_O',
  gate: 'ffn.W1',
  up: 'ffn.W3',
  down: 'ffn.W2',
  'attention norm': 'norm1.gamma',
  'forward norm': 'norm2.gamma',
};

/**
 * @param write writes the graph; with a past, for other engines, by `llamaGraphWithPast`
 * @throws Unavailable if the package is not in the cache and cannot be fetched
 */
export function glassGraph(write = llamaGraph): Graph {
  return write(
    {
      layers: 4,
      width: 128,
      heads: 4,
      keyHeads: 2,
      headSize: 32,
      epsilon: 1e-6,
      base: 10_000,
      interleaved: true,
      positions: POSITIONS,
      biased: false,
      tied: true,
    },
    {
      layer: (layer, name: LayerWeight | LayerNorm | LayerBias) => {
        const own = NAMES[name as LayerWeight | LayerNorm];
        return readWeight(`blocks.${layer}.${own}`, !own.startsWith('norm'));
      },
      whole: (name) => readWeight(name === 'tokens' ? 'E' : 'norm_f.gamma'),
    },
  );
}

/** The package's tokenizer, as a `tokenizer.json` says it: pairs of characters, with a mark for spaces. */
export function glassTokenizer(): object {
  const { alphabet, merges } = JSON.parse(readFileSync(path('.tokenizer.json'), 'utf8')) as {
    readonly alphabet: readonly string[];
    readonly merges: readonly (readonly [string, string])[];
  };
  const special = ['<pad>', '<unk>', '<bos>', '<eos>'];
  const vocabulary = [...special, ...alphabet, ...merges.map((pair) => pair.join(''))];
  const options = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => ({ id, content, ...options })),
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: ' ' }, content: SPACE }],
    },
    pre_tokenizer: {
      type: 'Split',
      pattern: { Regex: `\\n|${SPACE}*[^${SPACE}\\n]+|${SPACE}+` },
      behavior: 'Isolated',
      invert: false,
    },
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'Replace', pattern: { String: SPACE }, content: ' ' }, { type: 'Fuse' }],
    },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(' ')),
      unk_token: '<unk>',
    },
  };
}

/** The tokenizer's sign for a space. */
const SPACE = '▁';
