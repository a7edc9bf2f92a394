import { encodeOnnx, type Value } from '../onnx.ts';
import { LANGUAGES, LAYERS, NGRAMS } from './weights.ts';

const floats = (shape: readonly number[], values: readonly number[]): Value => ({
  type: 'float',
  shape,
  values,
});

/** The network as an ONNX file: frequencies of character sequences in, the likeliest language and all of them out. */
export function encodeModel(): Uint8Array {
  const [hidden, output] = LAYERS;
  if (!hidden || !output || LAYERS.length !== 2)
    throw new Error('the network does not have two dense layers');
  const [inputs, neurons, languages] = [NGRAMS.length, hidden.biases.length, LANGUAGES.length];
  return encodeOnnx({
    name: 'language',
    producer: 'examples/language',
    opset: 17,
    inputs: { frequencies: { type: 'float', shape: [1, inputs] } },
    outputs: {
      language: { type: 'int64', shape: [1] },
      probabilities: { type: 'float', shape: [1, languages] },
    },
    constants: {
      'hidden.weight': floats([neurons, inputs], hidden.weights.flat()),
      'hidden.bias': floats([neurons], hidden.biases),
      'output.weight': floats([languages, neurons], output.weights.flat()),
      'output.bias': floats([languages], output.biases),
    },
    nodes: [
      {
        op: 'Gemm',
        inputs: ['frequencies', 'hidden.weight', 'hidden.bias'],
        outputs: ['hidden'],
        attributes: { transB: 1 },
      },
      { op: 'Relu', inputs: ['hidden'], outputs: ['active'] },
      {
        op: 'Gemm',
        inputs: ['active', 'output.weight', 'output.bias'],
        outputs: ['scores'],
        attributes: { transB: 1 },
      },
      { op: 'Softmax', inputs: ['scores'], outputs: ['probabilities'], attributes: { axis: 1 } },
      {
        op: 'ArgMax',
        inputs: ['probabilities'],
        outputs: ['language'],
        attributes: { axis: 1, keepdims: 0 },
      },
    ],
  });
}
