import proto from 'onnx-proto';
import { CLASSES, SIDE } from './dataset.ts';
import type { Network, Parameter } from './network.ts';

const { onnx } = proto;
const { FLOAT, INT64, UINT8 } = onnx.TensorProto.DataType;
const { INT, INTS } = onnx.AttributeProto.AttributeType;

const value = (name: string, elemType: number, shape: number[]) => ({
  name,
  type: { tensorType: { elemType, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
});

/** Little-endian binary32, as TensorProto.raw_data wants it on any machine. */
function rawFloats(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  return new Uint8Array(view.buffer);
}

const tensor = (name: string, dims: number[], values: ArrayLike<number>) => ({
  name,
  dims,
  dataType: FLOAT,
  rawData: rawFloats(values),
});

const weights = (name: string, dims: number[], { values }: Parameter) => tensor(name, dims, values);

const attribute = (name: string, setting: number | number[]) =>
  Array.isArray(setting) ? { name, type: INTS, ints: setting } : { name, type: INT, i: setting };

/** One node with one output, which it is named after. */
const node = (
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, number | number[]> = {},
) => ({
  name: output,
  opType,
  input,
  output: [output],
  attribute: Object.entries(attributes).map(([name, setting]) => attribute(name, setting)),
});

/** The trained network as an ONNX file, with the scaling before it and the decision after it. */
export function encodeModel({ conv1, conv2, dense1, dense2 }: Network): Uint8Array {
  const graph = {
    name: 'digits',
    input: [value('image', UINT8, [1, 1, SIDE, SIDE])],
    output: [value('digit', INT64, [1]), value('confidence', FLOAT, [1])],
    initializer: [
      tensor('ink_per_byte', [], [1 / 255]),
      weights('conv1.weight', [8, 1, 5, 5], conv1.weights),
      weights('conv1.bias', [8], conv1.bias),
      weights('conv2.weight', [16, 8, 5, 5], conv2.weights),
      weights('conv2.bias', [16], conv2.bias),
      weights('dense1.weight', [32, 400], dense1.weights),
      weights('dense1.bias', [32], dense1.bias),
      weights('dense2.weight', [CLASSES, 32], dense2.weights),
      weights('dense2.bias', [CLASSES], dense2.bias),
    ],
    node: [
      node('Cast', ['image'], 'bytes', { to: FLOAT }),
      node('Mul', ['bytes', 'ink_per_byte'], 'ink'),
      node('Conv', ['ink', 'conv1.weight', 'conv1.bias'], 'conv1', {
        kernel_shape: [5, 5],
        pads: [2, 2, 2, 2],
      }),
      node('Relu', ['conv1'], 'relu1'),
      node('MaxPool', ['relu1'], 'pool1', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('Conv', ['pool1', 'conv2.weight', 'conv2.bias'], 'conv2', { kernel_shape: [5, 5] }),
      node('Relu', ['conv2'], 'relu2'),
      node('MaxPool', ['relu2'], 'pool2', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('Flatten', ['pool2'], 'features', { axis: 1 }),
      node('Gemm', ['features', 'dense1.weight', 'dense1.bias'], 'dense1', { transB: 1 }),
      node('Relu', ['dense1'], 'relu3'),
      node('Gemm', ['relu3', 'dense2.weight', 'dense2.bias'], 'logits', { transB: 1 }),
      node('ArgMax', ['logits'], 'digit', { axis: 1, keepdims: 0 }),
      node('Softmax', ['logits'], 'probabilities', { axis: 1 }),
      node('ReduceMax', ['probabilities'], 'confidence', { axes: [1], keepdims: 0 }),
    ],
  };
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    producerName: 'examples/digits',
    graph,
  };
  const problem = onnx.ModelProto.verify(model);
  if (problem) throw new Error(`model does not fit the ONNX schema: ${problem}`);
  return onnx.ModelProto.encode(model).finish();
}
