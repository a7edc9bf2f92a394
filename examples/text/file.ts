import type { AttributeValue, Graph, TensorValue } from '../../src/onnx/read/graph.ts';
import { type Attribute, encodeOnnx, type TypeName, type Value } from '../onnx.ts';

/** Writes a graph of a language model to an ONNX file. */

const tensorValue = ({ type, shape, values }: TensorValue): Value => ({
  type: type.name as TypeName,
  shape,
  values,
});

function attributeOf(attribute: AttributeValue): Attribute {
  switch (attribute.kind) {
    case 'int':
      return attribute.value;
    case 'float':
      return { float: attribute.value };
    case 'ints':
      return attribute.value;
    case 'string':
      return attribute.value;
    default:
      throw new Error(`an attribute of kind ${attribute.kind} is not written`);
  }
}

/** The bytes of an .onnx file. */
export function encodeGraph(graph: Graph, name: string): Uint8Array {
  const constants = [...graph.initializers].map(([key, tensor]) => {
    if (tensor.type === 'string') throw new Error('a language model has no constants that are strings');
    return [key, tensorValue(tensor as TensorValue)] as const;
  });
  const open = graph.inputs.map((input) => [input.name, input.shape] as const);
  return encodeOnnx({
    name,
    producer: 'examples/text',
    opset: graph.opsets.get('')!,
    inputs: Object.fromEntries(
      graph.inputs.map(({ name: input, type, shape }) => [
        input,
        {
          type: type.name as TypeName,
          shape: shape.map((extent) => (typeof extent === 'number' ? extent : 0)),
        },
      ]),
    ),
    open: Object.fromEntries(open),
    outputs: graph.outputs.map(({ name: output }) => output),
    constants: Object.fromEntries(constants),
    nodes: graph.nodes.map(({ operator, name: node, inputs, outputs, attributes }) => ({
      op: operator,
      name: node,
      inputs,
      outputs,
      attributes: Object.fromEntries([...attributes].map(([key, value]) => [key, attributeOf(value)])),
    })),
  });
}
