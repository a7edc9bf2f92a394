import { CLASSES, SIDE, training } from '../digits/dataset.ts';
import { type Attribute, encodeOnnx, type NodeSpec, type Value } from '../onnx.ts';
import { floatWeights, type Range, rangesOver } from './float.ts';

/**
 * Static quantisation: activations are bytes, weights int8 with a scale for each output channel, sums int32. The
 * ranges of the activations are those over some training digits.
 */

/** Every n-th training digit is looked at. */
const EVERY = 18;

/** real = scale (integer - zero) */
interface Scaling {
  readonly scale: number;
  readonly zero: number;
}

/** Bytes for what a rectifier yields: 0 is 0, and what is negative saturates there, so the rectifier is for nothing. */
const rectified = ({ high }: Range): Scaling => ({ scale: Math.fround(high / 255), zero: 0 });

const signed = ({ low, high }: Range): Scaling => {
  const scale = Math.fround((high - low) / 255);
  return { scale, zero: Math.round(-low / scale) };
};

/** int8 weights, the greatest of each output channel 127 in magnitude. */
function integers(values: Float32Array, channels: number): { values: Int8Array; scales: number[] } {
  const each = values.length / channels;
  const scales = Array.from({ length: channels }, (_, c) => {
    const own = values.subarray(c * each, (c + 1) * each);
    return Math.fround(own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
  });
  return {
    values: Int8Array.from(values, (value, i) =>
      Math.round(value / (scales[Math.floor(i / each)] as number)),
    ),
    scales,
  };
}

/** The layers in order: all four are convolutions, the dense ones over all that is left of the image. */
const LAYERS = [
  { name: 'conv1', shape: [8, 1, 5, 5], pads: [2, 2, 2, 2], pool: true },
  { name: 'conv2', shape: [16, 8, 5, 5], pads: [0, 0, 0, 0], pool: true },
  { name: 'dense1', shape: [32, 16, 5, 5], pads: [0, 0, 0, 0], pool: false },
  { name: 'dense2', shape: [CLASSES, 32, 1, 1], pads: [0, 0, 0, 0], pool: false },
] as const;

/** The digits network in int8 as an ONNX file. */
export async function quantisedModel(): Promise<Uint8Array> {
  const weights = floatWeights();
  const ranges = await rangesOver(
    training()
      .filter((_, i) => i % EVERY === 0)
      .map(({ pixels }) => pixels),
  );
  const scalings = [
    rectified(ranges.relu1),
    rectified(ranges.relu2),
    rectified(ranges.relu3),
    signed(ranges.logits),
  ];
  const constants: Record<string, Value> = {};
  const nodes: NodeSpec[] = [];
  const scaled = (name: string, { scale, zero }: Scaling): [string, string] => {
    constants[`${name}.scale`] = { type: 'float', shape: [], values: [scale] };
    constants[`${name}.zero`] = { type: 'uint8', shape: [], values: [zero] };
    return [`${name}.scale`, `${name}.zero`];
  };
  const add = (op: string, inputs: string[], output: string, attributes: Record<string, Attribute> = {}) => {
    nodes.push({ op, name: output, inputs, outputs: [output], attributes });
    return output;
  };

  // A pixel's byte is 255 times its ink.
  let before: Scaling = { scale: Math.fround(1 / 255), zero: 0 };
  let x = 'image';
  let [scale, zero] = scaled(x, before);
  LAYERS.forEach(({ name, shape, pads, pool }, i) => {
    const after = scalings[i] as Scaling;
    const channels = shape[0];
    const { values, scales } = integers(weights.get(`${name}.weight`) as Float32Array, channels);
    const own = { type: 'int8', shape: [channels], values: new Int8Array(channels) } as const;
    constants[`${name}.weight`] = { type: 'int8', shape, values };
    constants[`${name}.weight.scale`] = { type: 'float', shape: [channels], values: scales };
    constants[`${name}.weight.zero`] = own;
    const bias = weights.get(`${name}.bias`) as Float32Array;
    constants[`${name}.bias`] = {
      type: 'int32',
      shape: [channels],
      values: Array.from(bias, (value, c) => Math.round(value / (before.scale * (scales[c] as number)))),
    };
    const to = scaled(name, after);
    const weight = [`${name}.weight`, `${name}.weight.scale`, `${name}.weight.zero`];
    x = add('QLinearConv', [x, scale, zero, ...weight, ...to, `${name}.bias`], name, { pads });
    if (pool) x = add('MaxPool', [x], `${name}.pool`, { kernel_shape: [2, 2], strides: [2, 2] });
    [scale, zero] = to;
    before = after;
  });
  add('Flatten', [x], 'bytes', { axis: 1 });
  add('DequantizeLinear', ['bytes', scale, zero], 'logits');
  add('ArgMax', ['logits'], 'digit', { axis: 1, keepdims: 0 });
  add('Softmax', ['logits'], 'probabilities', { axis: 1 });
  add('ReduceMax', ['probabilities'], 'confidence', { axes: [1], keepdims: 0 });
  return encodeOnnx({
    name: 'digits-int8',
    producer: 'examples/digits-int8',
    opset: 13,
    inputs: { image: { type: 'uint8', shape: [1, 1, SIDE, SIDE] } },
    outputs: { digit: { type: 'int64', shape: [1] }, confidence: { type: 'float', shape: [1] } },
    constants,
    nodes,
  });
}
