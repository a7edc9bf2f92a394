import type { Graph, TensorValue } from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { inBytes } from './byteMatrix.ts';
import { BLOCK, type FloatMatrix } from './floatMatrix.ts';
import { float, GraphWriter, int, type Matrix } from './graphWriter.ts';
import { inNibbles } from './nibbleMatrix.ts';
import type { WeightForm } from './options.ts';
import { Slabs } from './slabs.ts';

/**
 * Transformers of the Llama family (Touvron et al., 2023) as a graph of ONNX operators: root-mean-square norms,
 * rotary positions, grouped-query attention, gated feed-forward layers.
 */

export interface LlamaShape {
  readonly layers: number;
  /** Components of a token's vector. */
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; each serves as many heads of queries in a row. */
  readonly keyHeads: number;
  readonly headSize: number;
  readonly epsilon: number;
  /** Base of the angles by which positions turn vectors. */
  readonly base: number;
  /** Whether the pairs that are turned are neighbours, or half a head apart. */
  readonly interleaved: boolean;
  /** Positions, most. */
  readonly positions: number;
  /** Whether queries, keys and values have a bias (Qwen2). */
  readonly biased: boolean;
  /** Biases of other products. */
  readonly biases?: readonly LayerBias[];
  /** A divisor of the rotary angle of each pair of a head's components; left out, all are 1. */
  readonly divisors?: ArrayLike<number>;
  /** Whether the logits are made by the table of the tokens' vectors. */
  readonly tied: boolean;
}

/** Names of a layer's weights; each is kept [outputs, inputs]. */
export type LayerWeight = 'query' | 'key' | 'value' | 'output' | 'gate' | 'up' | 'down';
export type LayerNorm = 'attention norm' | 'forward norm';
export type LayerBias = `${LayerWeight} bias`;

export const ATTENTION_BIASES = ['query bias', 'key bias', 'value bias'] as const;

/** `tokens` is [vocabulary, width], as is `logits`, which is asked for only if they are not tied; norms are [width]. */
export interface LlamaWeights {
  layer(layer: number, name: LayerWeight | LayerNorm | LayerBias): FloatMatrix;
  whole(name: 'tokens' | 'norm' | 'logits'): FloatMatrix;
}

/** Extents of a layer's weights, norms and biases. @param hidden components inside the feed-forward layer */
export const layerShapes = ({
  width,
  heads,
  keyHeads,
  headSize,
  hidden,
}: Pick<LlamaShape, 'width' | 'heads' | 'keyHeads' | 'headSize'> & { readonly hidden: number }): Readonly<
  Record<LayerWeight | LayerNorm | LayerBias, readonly number[]>
> => ({
  query: [heads * headSize, width],
  key: [keyHeads * headSize, width],
  value: [keyHeads * headSize, width],
  output: [width, heads * headSize],
  gate: [hidden, width],
  up: [hidden, width],
  down: [width, hidden],
  'attention norm': [width],
  'forward norm': [width],
  'query bias': [heads * headSize],
  'key bias': [keyHeads * headSize],
  'value bias': [keyHeads * headSize],
  'output bias': [width],
  'gate bias': [hidden],
  'up bias': [hidden],
  'down bias': [width],
});

/** Cosines and sines of every position's angles, [positions, pairs]. */
function angles({ headSize, base, positions, divisors }: LlamaShape): { cos: TensorValue; sin: TensorValue } {
  const pairs = headSize / 2;
  const table = (f: (angle: number) => number): TensorValue => ({
    type: TYPES.float,
    shape: [positions, pairs],
    values: Float32Array.from({ length: positions * pairs }, (_, i) =>
      f((Math.floor(i / pairs) * base ** ((-2 * (i % pairs)) / headSize)) / (divisors?.[i % pairs] ?? 1)),
    ),
  });
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/**
 * The graph: `input_ids` and `position_ids`, [1, sequence], to `logits`, [1, sequence, vocabulary].
 *
 * @param form what matrices are held in; biases and norms are always floats
 */
export const llamaGraph = (shape: LlamaShape, weights: LlamaWeights, form?: WeightForm): Graph =>
  graphOf(shape, weights, form, () => undefined);

/**
 * The same graph for other engines to go on from earlier tokens, as exporters write it: keys and values of the past come
 * as `past_key_values.N.key` and `.value`, [1, heads, past, size], and are given back as `present.N.key` and `.value`.
 */
export const llamaGraphWithPast = (shape: LlamaShape, weights: LlamaWeights, form?: WeightForm): Graph =>
  graphOf(shape, weights, form, (layer) => ({
    given: [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`],
    yielded: [`present.${layer}.key`, `present.${layer}.value`],
  }));

/** Names of a layer's keys and values of the past, and of these with the new ones behind them. */
interface Past {
  readonly given: readonly [string, string];
  readonly yielded: readonly [string, string];
}

/** A matrix in a form; one whose rows are no whole blocks is held in 8 bits rather than in 4. */
function heldAs(form: WeightForm | undefined, value: FloatMatrix, slabs: Slabs): Matrix {
  if (form === undefined || form === 'float32') return value;
  return form === 'int4' && value.shape[1]! % BLOCK === 0 ? inNibbles(value) : inBytes(value, slabs);
}

function graphOf(
  shape: LlamaShape,
  weights: LlamaWeights,
  form: WeightForm | undefined,
  pastOf: (layer: number) => Past | undefined,
): Graph {
  const { layers, heads, keyHeads, headSize, epsilon } = shape;
  const writer = new GraphWriter();
  const slabs = new Slabs();
  const { cos, sin } = angles(shape);
  const biases = new Set<LayerBias>([...(shape.biased ? ATTENTION_BIASES : []), ...(shape.biases ?? [])]);
  const tables = [writer.weight('cos', cos), writer.weight('sin', sin), 'position_ids'];
  const norm = (x: string, weight: string, output: string): string =>
    writer.add('RMSNormalization', [x, weight], output, { axis: int(-1), epsilon: float(epsilon) });
  const matrixOf = (name: string, value: FloatMatrix): string =>
    writer.matrix(name, heldAs(form, value, slabs));
  // The table of tokens is looked up in, and decides the choice: it keeps 8 bits.
  const tableOf = (name: string, value: FloatMatrix): string =>
    writer.matrix(name, heldAs(form === 'int4' ? 'int8' : form, value, slabs));
  const tokens = tableOf('tokens', weights.whole('tokens'));
  let x = writer.rows(tokens, 'input_ids', 'embedded');
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string): string => `layer ${layer} ${part}`;
    const matrix = (part: LayerWeight): string =>
      matrixOf(`${name(part)} weight`, weights.layer(layer, part));
    const vector = (part: LayerNorm | LayerBias): string =>
      writer.weight(`${name(part)} weight`, weights.layer(layer, part));
    /** A product, and the bias added that it may have. */
    const product = (from: string, weight: string, part: LayerWeight, output: string = part): string => {
      const bias: LayerBias = `${part} bias`;
      if (!biases.has(bias)) return writer.product(from, weight, name(output));
      const plain = writer.product(from, weight, name(`${output} product`));
      return writer.add('Add', [plain, vector(bias)], name(output));
    };
    const projected = (part: 'query' | 'key' | 'value', from: string): string =>
      product(from, matrix(part), part);
    const turned = (part: 'query' | 'key', count: number, from: string): string =>
      writer.add('RotaryEmbedding', [from, ...tables], name(`turned ${part}`), {
        num_heads: int(count),
        interleaved: int(shape.interleaved ? 1 : 0),
      });
    const normal = norm(x, vector('attention norm'), name('attention input'));
    const query = turned('query', heads, projected('query', normal));
    const key = turned('key', keyHeads, projected('key', normal));
    const past = pastOf(layer);
    const attended = writer.add(
      'Attention',
      [query, key, projected('value', normal), ...(past ? ['', ...past.given] : [])],
      name('attention'),
      { is_causal: int(1), q_num_heads: int(heads), kv_num_heads: int(keyHeads) },
      past?.yielded,
    );
    const summed = product(attended, matrix('output'), 'output', 'attended');
    x = writer.add('Add', [x, summed], name('middle'));
    const middle = norm(x, vector('forward norm'), name('forward input'));
    // Allocated in the order of the program, so that a node can hold both without a copy.
    const [upward, gating] = [matrix('up'), matrix('gate')];
    const gate = product(middle, gating, 'gate');
    const open = writer.add(
      'Mul',
      [gate, writer.add('Sigmoid', [gate], name('gate share'))],
      name('open gate'),
    );
    const inner = writer.add('Mul', [open, product(middle, upward, 'up')], name('inner'));
    x = writer.add('Add', [x, product(inner, matrix('down'), 'down')], name('output'));
  }
  const last = norm(x, writer.weight('norm', weights.whole('norm')), 'last');
  writer.product(last, shape.tied ? tokens : tableOf('logits weight', weights.whole('logits')), 'logits');
  const sequence = (name: string) => ({ name, type: TYPES.int64, shape: [1, 'sequence'] });
  const pasts = Array.from({ length: layers }, (_, layer) => pastOf(layer)).filter(
    (past) => past !== undefined,
  );
  const cache = (name: string) => ({ name, type: TYPES.float, shape: [1, keyHeads, 'past', headSize] });
  return {
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: [
      sequence('input_ids'),
      sequence('position_ids'),
      ...pasts.flatMap(({ given }) => given.map(cache)),
    ],
    outputs: ['logits', ...pasts.flatMap(({ yielded }) => yielded)].map((name) => ({ name })),
    opsets: new Map([['', OPERATORS]]),
    functions: new Map(),
  };
}

/** Version of ONNX's operators that has all that are used. */
const OPERATORS = 23;
