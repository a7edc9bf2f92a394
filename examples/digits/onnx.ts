import { encodeOnnx, namedNode, type Value } from '../onnx.ts';
import { CLASSES, SIDE } from './dataset.ts';
import type { Network, Parameter } from './network.ts';

const FLOAT = 1;

const floats = (shape: number[], values: ArrayLike<number>): Value => ({ type: 'float', shape, values });

const weights = (shape: number[], { values }: Parameter): Value => floats(shape, values);

/** The trained network as an ONNX file, with the scaling before it and the decision after it. */
export const encodeModel = ({ conv1, conv2, dense1, dense2 }: Network): Uint8Array =>
  encodeOnnx({
    name: 'digits',
    producer: 'examples/digits',
    opset: 13,
    inputs: { image: { type: 'uint8', shape: [1, 1, SIDE, SIDE] } },
    outputs: { digit: { type: 'int64', shape: [1] }, confidence: { type: 'float', shape: [1] } },
    constants: {
      ink_per_byte: floats([], [1 / 255]),
      'conv1.weight': weights([8, 1, 5, 5], conv1.weights),
      'conv1.bias': weights([8], conv1.bias),
      'conv2.weight': weights([16, 8, 5, 5], conv2.weights),
      'conv2.bias': weights([16], conv2.bias),
      'dense1.weight': weights([32, 400], dense1.weights),
      'dense1.bias': weights([32], dense1.bias),
      'dense2.weight': weights([CLASSES, 32], dense2.weights),
      'dense2.bias': weights([CLASSES], dense2.bias),
    },
    nodes: [
      namedNode('Cast', ['image'], 'bytes', { to: FLOAT }),
      namedNode('Mul', ['bytes', 'ink_per_byte'], 'ink'),
      namedNode('Conv', ['ink', 'conv1.weight', 'conv1.bias'], 'conv1', {
        kernel_shape: [5, 5],
        pads: [2, 2, 2, 2],
      }),
      namedNode('Relu', ['conv1'], 'relu1'),
      namedNode('MaxPool', ['relu1'], 'pool1', { kernel_shape: [2, 2], strides: [2, 2] }),
      namedNode('Conv', ['pool1', 'conv2.weight', 'conv2.bias'], 'conv2', { kernel_shape: [5, 5] }),
      namedNode('Relu', ['conv2'], 'relu2'),
      namedNode('MaxPool', ['relu2'], 'pool2', { kernel_shape: [2, 2], strides: [2, 2] }),
      namedNode('Flatten', ['pool2'], 'features', { axis: 1 }),
      namedNode('Gemm', ['features', 'dense1.weight', 'dense1.bias'], 'dense1', { transB: 1 }),
      namedNode('Relu', ['dense1'], 'relu3'),
      namedNode('Gemm', ['relu3', 'dense2.weight', 'dense2.bias'], 'logits', { transB: 1 }),
      namedNode('ArgMax', ['logits'], 'digit', { axis: 1, keepdims: 0 }),
      namedNode('Softmax', ['logits'], 'probabilities', { axis: 1 }),
      namedNode('ReduceMax', ['probabilities'], 'confidence', { axes: [1], keepdims: 0 }),
    ],
  });
