import { type Attribute, encodeOnnx, type NodeSpec, type Value } from '../onnx.ts';
import { readWeights } from './weights.ts';

/**
 * The Universal Sentence Encoder, lite (Cer et al., 2018), as an ONNX file: a transformer of two layers over the
 * tokens of one sentence, the mean over them, and a last layer whose output has length 1. Written anew after the graph
 * of the TensorFlow.js package, without its padding: a sentence is a run of its own.
 */

const ENCODER = 'module_apply_default/Encoder_en/';
const STACK = `${ENCODER}KonaTransformer/Encode/`;
const KERNELS = 'module/Encoder_en/KonaTransformer/Encode/';
const FLOAT = 1;
const HEADS = 4;
/** Width of the tokens' vectors and of the sentence's. */
const WIDTHS = { token: 256, sentence: 512 } as const;
const EPSILON = { float: 1e-6 };

class Graph {
  readonly nodes: NodeSpec[] = [];
  readonly constants: Record<string, Value> = {};
  readonly #weights = readWeights();

  /** A weight under its name in the package, in a shape of its own if given. */
  weight(name: string, shape?: readonly number[]): string {
    const value = this.#weights.get(name);
    if (!value) throw new Error(`the package has no weight ${name}`);
    this.constants[name] = shape ? { ...value, shape } : value;
    return name;
  }

  constant(name: string, value: Value): string {
    this.constants[name] = value;
    return name;
  }

  add(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    outputs = 1,
  ): string[] {
    const names = Array.from({ length: outputs }, (_, i) => `${op}_${this.nodes.length}_${i}`);
    this.nodes.push({ op, name: `${op}_${this.nodes.length}`, inputs, outputs: names, attributes });
    return names;
  }

  one(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.add(op, inputs, attributes)[0] as string;
  }

  dense(x: string, kernel: string, bias: string): string {
    return this.one('Add', [this.one('MatMul', [x, kernel]), bias]);
  }
}

const integers = (...values: number[]): Value => ({ type: 'int64', shape: [values.length], values });
const scalar = (value: number): Value => ({ type: 'float', shape: [], values: [value] });

/** Sines and cosines of the positions, at many wavelengths. */
function positions(graph: Graph, tokens: string): string {
  const zero = graph.constant('zero', { type: 'int64', shape: [], values: [0] });
  const step = graph.constant('step', { type: 'int64', shape: [], values: [1] });
  const count = graph.one('Squeeze', [graph.one('Shape', [tokens])]);
  const places = graph.one('Cast', [graph.one('Range', [zero, count, step])], { to: FLOAT });
  const column = graph.one('Unsqueeze', [places, graph.constant('column', integers(1))]);
  const rates = graph.weight(`${STACK}TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1`);
  const angles = graph.one('Mul', [column, rates]);
  return graph.one('Concat', [graph.one('Sin', [angles]), graph.one('Cos', [angles])], { axis: 1 });
}

const normalised = (graph: Graph, x: string, where: string): string => {
  const part = (name: string) =>
    graph.weight(`${where}layer_prepostprocess/layer_norm/layer_norm_${name}/ConcatPartitions/concat`);
  return graph.one('LayerNormalization', [x, part('scale'), part('bias')], { axis: -1, epsilon: EPSILON });
};

function attention(graph: Graph, x: string, layer: number, width: number): string {
  const own = `Layer_${layer}/TransformerLayer/MultiheadAttention/`;
  const part = (name: string, from: number, to: number) =>
    [
      graph.weight(`${KERNELS}${own}${name}/kernel/part_0`, [from, to]),
      graph.weight(`${STACK}${own}${name}/bias/ConcatPartitions/concat`),
    ] as const;
  const all = graph.dense(x, ...part('qkv_transform_single', width, 3 * width));
  const parts = graph.add(
    'Split',
    [all, graph.constant(`thirds_${layer}`, integers(width, width, width))],
    { axis: 1 },
    3,
  );
  const shape = graph.constant(`heads_${layer}`, integers(0, HEADS, width / HEADS));
  const [query, key, value] = parts.map((one, i) =>
    graph.one('Transpose', [graph.one('Reshape', [one, shape])], { perm: i === 1 ? [1, 2, 0] : [1, 0, 2] }),
  ) as [string, string, string];
  const scale = graph.constant(`scale_${layer}`, scalar((width / HEADS) ** -0.5));
  const scores = graph.one('MatMul', [graph.one('Mul', [query, scale]), key]);
  const mixed = graph.one('MatMul', [graph.one('Softmax', [scores], { axis: -1 }), value]);
  const rows = graph.one('Transpose', [mixed], { perm: [1, 0, 2] });
  const flat = graph.one('Reshape', [rows, graph.constant(`rows_${layer}`, integers(0, width))]);
  return graph.dense(flat, ...part('output_transform_single', width, WIDTHS.sentence));
}

function forward(graph: Graph, x: string, layer: number): string {
  const own = `${STACK}Layer_${layer}/TransformerLayer/FFN/`;
  const kernel = (i: number) =>
    graph.weight(`${STACK}TransformerStack/Layer_${layer}/TransformerLayer/FFN/conv${i}/Tensordot/Reshape_1`);
  const bias = (i: number) => graph.weight(`${own}conv${i}/bias/ConcatPartitions/concat`);
  const inner = graph.one('Relu', [graph.dense(normalised(graph, x, own), kernel(1), bias(1))]);
  return graph.dense(inner, kernel(2), bias(2));
}

function transformerLayer(graph: Graph, x: string, layer: number, width: number): string {
  const where = `${STACK}Layer_${layer}/TransformerLayer/`;
  const attended = attention(graph, normalised(graph, x, where), layer, width);
  const kept =
    width === WIDTHS.sentence
      ? x
      : graph.dense(
          x,
          graph.weight(`${where}dense/kernel/ConcatPartitions/concat`),
          graph.weight(`${where}dense/bias/ConcatPartitions/concat`),
        );
  const sum = graph.one('Add', [attended, kept]);
  return graph.one('Add', [forward(graph, sum, layer), sum]);
}

/** Tokens of one sentence in, of any number; a vector of 512 numbers and length 1 out. */
export function encodeModel(): Uint8Array {
  const graph = new Graph();
  const words = graph.one('Gather', [graph.weight('module/Embeddings_en'), 'tokens']);
  const placed = graph.one('Add', [words, positions(graph, 'tokens')]);
  let x = graph.one('Add', [words, placed]);
  x = transformerLayer(graph, x, 0, WIDTHS.token);
  x = transformerLayer(graph, x, 1, WIDTHS.sentence);
  const mean = graph.one('ReduceMean', [x], { axes: [0], keepdims: 1 });
  const last = 'module/Encoder_en/hidden_layers/tanh_layer_0/';
  const vector = graph.one('Tanh', [
    graph.dense(mean, graph.weight(`${last}weights`), graph.weight(`${last}bias`)),
  ]);
  const squares = graph.one('ReduceSumSquare', [vector], { axes: [1], keepdims: 1 });
  const length = graph.one('Sqrt', [graph.one('Max', [squares, graph.constant('least', scalar(1e-12))])]);
  graph.nodes.push({ op: 'Div', name: 'embedding', inputs: [vector, length], outputs: ['embedding'] });
  return encodeOnnx({
    name: 'sentences',
    producer: 'examples/sentences',
    opset: 17,
    inputs: { tokens: { type: 'int32', shape: [0] } },
    open: { tokens: ['tokens'] },
    outputs: { embedding: { type: 'float', shape: [1, WIDTHS.sentence] } },
    nodes: graph.nodes,
    constants: graph.constants,
  });
}
