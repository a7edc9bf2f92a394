import { encodeOnnx, type NodeSpec, namedNode, type Value } from '../onnx.ts';
import { attributesOf, CLASSES, IMAGE, type MobileNet, SIDE } from './mobileNet.ts';

// The network of mobileNet.ts in int8, as onnxruntime's quantiser writes it in its operator format: uint8 between
// layers, int8 filters with a scale for each output channel, int32 biases, additions and pooling in float32.

/** real = scale · (integer - zero). */
interface Range {
  readonly scale: number;
  readonly zero: number;
}

const IMAGE_RANGE: Range = { scale: 2.5 / 255, zero: 128 };
/** Saturation at its ends is ReLU6. */
const CLIPPED_RANGE: Range = { scale: 6 / 255, zero: 0 };
const LINEAR_RANGE: Range = { scale: 12 / 255, zero: 128 };

interface QuantisedWeights {
  readonly weights: Value;
  readonly scales: readonly number[];
}

/** Each output channel's weights as integers from -127 to 127. */
function quantise({ shape, values }: Value): QuantisedWeights {
  const [channels, each] = [shape[0]!, values.length / shape[0]!];
  const scales = Array.from({ length: channels }, (_, c) => {
    let greatest = 0;
    for (let i = c * each; i < (c + 1) * each; i++) greatest = Math.max(greatest, Math.abs(values[i]!));
    return Math.fround(greatest / 127);
  });
  const integers = Int8Array.from(values, (value, i) => Math.round(value / scales[Math.floor(i / each)]!));
  return { weights: { type: 'int8', shape, values: integers }, scales };
}

/** The network as an ONNX file in int8. */
export function encodeQuantisedMobileNet({ convolutions, classifier }: MobileNet): Uint8Array {
  const constants: Record<string, Value> = {};
  const nodes: NodeSpec[] = [];
  const ranges = new Map<string, Range>([[IMAGE, IMAGE_RANGE]]);
  const node = (...spec: Parameters<typeof namedNode>): string => {
    nodes.push(namedNode(...spec));
    return spec[2];
  };
  const place = (name: string, range: Range): string[] => {
    ranges.set(name, range);
    constants[`${name}.scale`] = { type: 'float', shape: [], values: [range.scale] };
    constants[`${name}.zero`] = { type: 'uint8', shape: [], values: [range.zero] };
    return [`${name}.scale`, `${name}.zero`];
  };
  const placed = (name: string): string[] => [name, `${name}.scale`, `${name}.zero`];
  const filters = (name: string, weights: Value, scales: readonly number[]): string[] => {
    const shape = [scales.length];
    constants[`${name}.weight`] = weights;
    constants[`${name}.weight_scale`] = { type: 'float', shape, values: scales };
    constants[`${name}.weight_zero`] = { type: 'int8', shape, values: new Int8Array(scales.length) };
    return [`${name}.weight`, `${name}.weight_scale`, `${name}.weight_zero`];
  };
  const quantised = (name: string, range: Range, from: string) =>
    node('QuantizeLinear', [from, ...place(name, range)], name);
  const dequantised = (name: string) => node('DequantizeLinear', placed(name), `${name}_real`);

  const imageBytes = quantised('image_bytes', IMAGE_RANGE, IMAGE);
  for (const convolution of convolutions) {
    const { name, clipped, residual } = convolution;
    const input = convolution.input === IMAGE ? imageBytes : convolution.input;
    const { weights, scales } = quantise(convolution.weights);
    const { scale } = ranges.get(input)!;
    const biases = Int32Array.from(scales, (by, c) => Math.round(convolution.bias.values[c]! / (by * scale)));
    constants[`${name}.bias`] = { type: 'int32', shape: [scales.length], values: biases };
    const output = residual ? `${name}_conv` : name;
    const inputs = [
      ...placed(input),
      ...filters(name, weights, scales),
      ...place(output, clipped ? CLIPPED_RANGE : LINEAR_RANGE),
      `${name}.bias`,
    ];
    node('QLinearConv', inputs, output, attributesOf(convolution));
    if (residual) {
      const sum = node('Add', [dequantised(residual), dequantised(output)], `${name}_sum`);
      quantised(name, LINEAR_RANGE, sum);
    }
  }
  const pooled = node('GlobalAveragePool', [dequantised('head')], 'pooled_real');
  const features = node('Flatten', [pooled], 'features_real', { axis: 1 });
  quantised('features', CLIPPED_RANGE, features);
  const { weights, scales } = quantise(classifier.weights);
  const matrix = filters('classifier', transposed(weights), scales);
  node('QLinearMatMul', [...placed('features'), ...matrix, ...place('scores', LINEAR_RANGE)], 'scores');
  constants['classifier.bias'] = classifier.bias;
  node('Add', [dequantised('scores'), 'classifier.bias'], 'logits');
  node('ArgMax', ['logits'], 'class', { axis: 1, keepdims: 0 });
  return encodeOnnx({
    name: 'mobilenet_v2_int8',
    opset: 13,
    nodes,
    inputs: { [IMAGE]: { type: 'float', shape: [1, 3, SIDE, SIDE] } },
    outputs: {
      logits: { type: 'float', shape: [1, CLASSES] },
      class: { type: 'int64', shape: [1] },
    },
    constants,
  });
}

function transposed({ type, shape, values }: Value): Value {
  const [rows, columns] = shape as [number, number];
  const turned = Int8Array.from(
    { length: values.length },
    (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!,
  );
  return { type, shape: [columns, rows], values: turned };
}
