import { encodeOnnx, type NodeSpec, namedNode, type Value } from '../onnx.ts';
import { SeededWeights } from './weights.ts';

// One layer of a transformer's encoder, of the size of BERT base (Devlin et al., 2018), as PyTorch exports it.

export const TOKENS = 128;
export const WIDTH = 768;
const HEADS = 12;
const HEAD_WIDTH = WIDTH / HEADS;
const HIDDEN = 3072;

/** The layer with weights from a seed, as an ONNX file: input `x`, output `y`, both tokens by width. */
export function encodeTransformer(seed: number): Uint8Array {
  const random = new SeededWeights(seed);
  const floats = (values: number[]): Value => ({ type: 'float', shape: [], values });
  const shapeOf = (values: number[]): Value => ({ type: 'int64', shape: [values.length], values });
  const constants: Record<string, Value> = {
    heads_shape: shapeOf([1, TOKENS, HEADS, HEAD_WIDTH]),
    joined_shape: shapeOf([1, TOKENS, WIDTH]),
    root_of_head_width: floats([Math.sqrt(HEAD_WIDTH)]),
    root_of_two: floats([Math.SQRT2]),
    one: floats([1]),
    half: floats([0.5]),
  };
  const nodes: NodeSpec[] = [];
  const node = (...spec: Parameters<typeof namedNode>): string => {
    nodes.push(namedNode(...spec));
    return spec[2];
  };
  const dense = (input: string, name: string, from: number, to: number): string => {
    constants[`${name}.weight`] = random.around(Math.sqrt(1 / from), [from, to]);
    constants[`${name}.bias`] = random.around(0.1, [to]);
    return node('Add', [`${name}.bias`, node('MatMul', [input, `${name}.weight`], `${name}_product`)], name);
  };
  const normalize = (input: string, name: string): string => {
    const ones = { type: 'float', shape: [WIDTH], values: new Float32Array(WIDTH).fill(1) } as const;
    constants[`${name}.weight`] = ones;
    constants[`${name}.bias`] = random.around(0.1, [WIDTH]);
    const attributes = { axis: -1, epsilon: { float: 1e-12 } };
    return node('LayerNormalization', [input, `${name}.weight`, `${name}.bias`], name, attributes);
  };
  const heads = (name: string, perm: number[]): string => {
    const split = node('Reshape', [dense('x', name, WIDTH, WIDTH), 'heads_shape'], `${name}_split`);
    return node('Transpose', [split], `${name}_heads`, { perm });
  };

  const scores = node('MatMul', [heads('query', [0, 2, 1, 3]), heads('key', [0, 2, 3, 1])], 'scores');
  const scaled = node('Div', [scores, 'root_of_head_width'], 'scaled_scores');
  const attention = node('Softmax', [scaled], 'attention', { axis: -1 });
  const context = node('MatMul', [attention, heads('value', [0, 2, 1, 3])], 'context_heads');
  const turned = node('Transpose', [context], 'context_turned', { perm: [0, 2, 1, 3] });
  const joined = node('Reshape', [turned, 'joined_shape'], 'context');
  const attended = node('Add', [dense(joined, 'projection', WIDTH, WIDTH), 'x'], 'attended');
  const middle = normalize(attended, 'norm1');

  // GELU as PyTorch writes it out: x · ½ · (1 + erf(x / √2)).
  const hidden = dense(middle, 'hidden', WIDTH, HIDDEN);
  const erf = node('Erf', [node('Div', [hidden, 'root_of_two'], 'hidden_scaled')], 'hidden_erf');
  const doubled = node('Mul', [hidden, node('Add', [erf, 'one'], 'hidden_gate')], 'hidden_doubled');
  const activated = node('Mul', [doubled, 'half'], 'hidden_activated');
  node('Add', [dense(activated, 'output', HIDDEN, WIDTH), middle], 'summed');
  normalize('summed', 'y');

  const type = { type: 'float', shape: [1, TOKENS, WIDTH] } as const;
  return encodeOnnx({
    name: 'transformer_layer',
    opset: 17,
    nodes,
    inputs: { x: type },
    outputs: { y: type },
    constants,
  });
}
