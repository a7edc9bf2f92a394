// Writes ONNX files: a graph as plain data in, the bytes of the file out.
import onnxProto, { type onnx as schema } from 'onnx-proto';
import { type FloatFormat, widen } from '../src/onnx/floatFormats.ts';
import { packBits } from '../src/onnx/packedBits.ts';
import { type ElementType, TYPES } from '../src/onnx/types.ts';

const { onnx } = onnxProto;

export type TypeName = keyof typeof TYPES;

/** Element type and shape of an input or output. */
export interface ValueType {
  readonly type: TypeName;
  readonly shape: readonly number[];
}

/** A value by type, shape and elements, row-major. */
export interface Value extends ValueType {
  readonly values: ArrayLike<number>;
}

export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Value }
  | { readonly graph: GraphSpec }
  /** The attribute of this name and type (AttributeType) that the call gives, inside a function. */
  | { readonly reference: string; readonly type: number };

export interface NodeSpec {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A node with one output, which it is named after. */
export const namedNode = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeSpec => ({ op, name: output, inputs, outputs: [output], attributes });

/** The graph of a model, a branch or a loop's body. */
export interface GraphSpec {
  readonly nodes: readonly NodeSpec[];
  readonly inputs?: Readonly<Record<string, ValueType>>;
  readonly constants?: Readonly<Record<string, Value>>;
  /** Outputs with their types, or by name only: a runtime infers the rest. */
  readonly outputs: readonly string[] | Readonly<Record<string, ValueType>>;
}

/** An operator that the file defines. */
export interface FunctionSpec {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly string[];
  readonly nodes: readonly NodeSpec[];
  readonly opset: number;
}

export interface ModelSpec extends GraphSpec {
  readonly name: string;
  readonly producer?: string;
  /** Version of the standard operators. */
  readonly opset: number;
  /** Versions of other domains' operators. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: readonly FunctionSpec[];
  /** Dimensions of inputs to leave open in the file. */
  readonly open?: Readonly<Record<string, readonly (number | string)[]>>;
}

const ARRAYS = {
  float: Float32Array,
  double: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

type TypedArray = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]> | BigInt64Array | BigUint64Array;

/** The codes of numbers in a float format. @throws Error for a number that it does not have */
export function codesOf(format: FloatFormat, values: ArrayLike<number>): number[] {
  const numbers = Array.from({ length: 2 ** format.bits }, (_, code) => widen(format, code));
  return Array.from(values, (value) => {
    const code = numbers.findIndex((number) => Object.is(number, value));
    if (code < 0) throw new Error(`${value} is none of the format's numbers`);
    return code;
  });
}

/** The elements in an array of their own type, or of their codes; those of less than a byte are packed. */
export function typedArray({ type, values }: Value): TypedArray {
  if (type === 'int64') return BigInt64Array.from(Array.from(values), BigInt);
  if (type === 'uint64') return BigUint64Array.from(Array.from(values), BigInt);
  const { bits, format }: ElementType = TYPES[type];
  const codes = format ? codesOf(format, values) : values;
  if (bits < 8) return Uint8Array.from(packBits(codes, bits));
  if (format) return bits === 8 ? Uint8Array.from(codes) : Uint16Array.from(codes);
  const make = ARRAYS[type as keyof typeof ARRAYS];
  if (!make) throw new Error(`no array for ${type}`);
  return make.from(values);
}

/** Little-endian, as TensorProto.raw_data wants it on any machine. */
function rawData(value: Value): Uint8Array {
  const array = typedArray(value);
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return bytes;
  const turned = bytes.slice();
  for (let i = 0; i < turned.length; i += array.BYTES_PER_ELEMENT) {
    turned.subarray(i, i + array.BYTES_PER_ELEMENT).reverse();
  }
  return turned;
}

export const tensorProto = (value: Value, name = ''): schema.ITensorProto => ({
  name,
  dims: [...value.shape],
  dataType: TYPES[value.type].code,
  rawData: rawData(value),
});

export function attributeProto(name: string, given: Attribute): schema.IAttributeProto {
  const { FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS } = onnx.AttributeProto.AttributeType;
  const text = (characters: string) => new TextEncoder().encode(characters);
  if (typeof given === 'number') return { name, type: INT, i: given };
  if (typeof given === 'string') return { name, type: STRING, s: text(given) };
  if ('float' in given) return { name, type: FLOAT, f: given.float };
  if ('floats' in given) return { name, type: FLOATS, floats: [...given.floats] };
  if ('strings' in given) return { name, type: STRINGS, strings: given.strings.map(text) };
  if ('reference' in given) return { name, type: given.type, refAttrName: given.reference };
  if ('graph' in given) return { name, type: GRAPH, g: graphProto(name, given.graph) };
  if ('tensor' in given) return { name, type: TENSOR, t: tensorProto(given.tensor) };
  return { name, type: INTS, ints: [...given] };
}

const valueInfo = (
  name: string,
  { type, shape }: ValueType,
  open: readonly (number | string)[] = shape,
): schema.IValueInfoProto => {
  const dim = open.map((extent) =>
    typeof extent === 'string' ? { dimParam: extent } : { dimValue: extent },
  );
  return { name, type: { tensorType: { elemType: TYPES[type].code, shape: { dim } } } };
};

const nodeProto = ({ op, domain, name, inputs, outputs, attributes = {} }: NodeSpec): schema.INodeProto => ({
  opType: op,
  ...(domain ? { domain } : {}),
  ...(name ? { name } : {}),
  input: [...inputs],
  output: [...outputs],
  attribute: Object.entries(attributes).map(([key, attribute]) => attributeProto(key, attribute)),
});

const isNames = (outputs: GraphSpec['outputs']): outputs is readonly string[] => Array.isArray(outputs);

function graphProto(
  name: string,
  { nodes, inputs = {}, constants = {}, outputs }: GraphSpec,
  open: ModelSpec['open'] = {},
): schema.IGraphProto {
  return {
    name,
    node: nodes.map(nodeProto),
    input: Object.entries(inputs).map(([key, type]) => valueInfo(key, type, open[key])),
    output: isNames(outputs)
      ? outputs.map((key) => ({ name: key }))
      : Object.entries(outputs).map(([key, type]) => valueInfo(key, type)),
    initializer: Object.entries(constants).map(([key, value]) => tensorProto(value, key)),
  };
}

const functionProto = (spec: FunctionSpec): schema.IFunctionProto => ({
  name: spec.name,
  domain: spec.domain,
  input: [...spec.inputs],
  output: [...spec.outputs],
  attribute: [...(spec.attributes ?? [])],
  node: spec.nodes.map(nodeProto),
  opsetImport: [
    { domain: '', version: spec.opset },
    { domain: spec.domain, version: 1 },
  ],
});

/** The bytes of an .onnx file. @throws Error if it does not fit the ONNX schema */
export function encodeOnnx(spec: ModelSpec): Uint8Array {
  const { name, producer, opset, domains = {}, functions = [], open } = spec;
  const own = Object.fromEntries(functions.map(({ domain }) => [domain, 1]));
  const versions = { '': opset, ...own, ...domains };
  const model: schema.IModelProto = {
    irVersion: 8,
    ...(producer ? { producerName: producer } : {}),
    opsetImport: Object.entries(versions).map(([domain, version]) => ({ domain, version })),
    graph: graphProto(name, spec, open),
    functions: functions.map(functionProto),
  };
  const problem = onnx.ModelProto.verify(model);
  if (problem) throw new Error(`model does not fit the ONNX schema: ${problem}`);
  // A copy: protobuf's own bytes are a Buffer, whose slices are views.
  return Uint8Array.from(onnx.ModelProto.encode(model).finish());
}

/** What is put around a model: nodes before and after its own, and what takes the place of its inputs and outputs. */
export interface Wrapping {
  readonly inputs: Readonly<Record<string, ValueType>>;
  readonly constants?: Readonly<Record<string, Value>>;
  /** Nodes that yield the model's inputs. */
  readonly before: readonly NodeSpec[];
  /** Nodes that read the model's outputs. */
  readonly after: readonly NodeSpec[];
  readonly outputs: readonly string[];
}

/** The bytes of an .onnx file with more nodes around its graph, in the operator set that the file has. */
export function wrapOnnx(
  bytes: Uint8Array,
  { inputs, constants = {}, before, after, outputs }: Wrapping,
): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const { graph } = model;
  if (!graph) throw new Error('the file has no graph');
  const around = graphProto('', { nodes: [], inputs, constants, outputs });
  const changed = {
    ...graph,
    node: [...before.map(nodeProto), ...(graph.node ?? []), ...after.map(nodeProto)],
    input: around.input ?? [],
    output: around.output ?? [],
    initializer: [...(graph.initializer ?? []), ...(around.initializer ?? [])],
  };
  return Uint8Array.from(onnx.ModelProto.encode({ ...model, graph: changed }).finish());
}
