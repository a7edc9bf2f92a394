import onnxProto, { type onnx as schema } from 'onnx-proto';
import { ensure, ImportError, quoted, within } from '../errors.ts';
import type { ReadExternal } from './external.ts';
import {
  type AttributeValue,
  type Extent,
  functionKey,
  type Graph,
  type GraphFunction,
  type GraphNode,
  type GraphValue,
  type StringTensor,
  type Subgraph,
  type TensorValue,
} from './graph.ts';
import { NEWEST_IR_VERSION, NEWEST_VERSIONS } from './schemas.ts';
import { ByteSource } from './source.ts';
import { readSparseTensor } from './sparse.ts';
import { elementType, readTensor } from './tensor.ts';
import { checkWire } from './wire.ts';

/** `TensorProto.DataType.STRING`. */
const STRING = 8;

interface Decoded {
  readonly model: schema.ModelProto;
  readonly graph: schema.IGraphProto;
  /** Attributes of each function that calls may leave out. */
  readonly defaults: readonly schema.IAttributeProto[][];
}

function decode(bytes: Uint8Array): Decoded {
  const encoded = checkWire(bytes);
  let model: schema.ModelProto;
  let defaults: schema.IAttributeProto[][];
  try {
    defaults = encoded.map((list) => list.map((one) => onnxProto.onnx.AttributeProto.decode(one)));
    model = onnxProto.onnx.ModelProto.decode(bytes);
  } catch (error) {
    throw new ImportError(
      `file: not an ONNX model (${error instanceof Error ? error.message : 'cannot be decoded'})`,
    );
  }
  const { graph } = model;
  if (!graph || (graph.node ?? []).length + (graph.output ?? []).length === 0) {
    throw new ImportError('file: not an ONNX model (it has no graph)');
  }
  return { model, graph, defaults };
}

/**
 * Names of the inputs that a user gives, in the file's order, and operators of the nodes: what can be said of any
 * ONNX file, also of one that cannot be imported.
 *
 * @throws ImportError if it is no ONNX file
 */
export function outlineOf(bytes: Uint8Array): { readonly inputs: string[]; readonly operators: string[] } {
  const { graph } = decode(bytes);
  const initialized = new Set([
    ...(graph.initializer ?? []).map(({ name }) => name ?? ''),
    ...(graph.sparseInitializer ?? []).map(({ values }) => values?.name ?? ''),
  ]);
  return {
    inputs: (graph.input ?? []).map(({ name }) => name ?? '').filter((name) => !initialized.has(name)),
    operators: (graph.node ?? []).map(({ domain, opType }) =>
      domainOf(domain) ? `${domain}.${opType}` : (opType ?? ''),
    ),
  };
}

/** Reads the bytes of an .onnx file. @throws ImportError */
export function readModel(bytes: Uint8Array, readExternal?: ReadExternal): Graph {
  const { model, graph, defaults } = decode(bytes);
  ensureKnown('the file format', Number(model.irVersion ?? 0), NEWEST_IR_VERSION);
  const source = new ByteSource(readExternal);
  const functions = model.functions.map((one, i) => readFunction(one, defaults[i] ?? [], source));
  const main = readGraph(graph, source);
  return {
    ...main,
    // Up to IR version 3 initializers are listed among the inputs.
    inputs: (graph.input ?? []).filter(({ name }) => !main.initializers.has(name ?? '')).map(readInput),
    opsets: readOpsets(model.opsetImport),
    functions: distinct(functions),
  };
}

function distinct(functions: readonly (readonly [string, GraphFunction])[]): Map<string, GraphFunction> {
  const byKey = new Map<string, GraphFunction>();
  for (const [key, one] of functions) {
    if (byKey.has(key)) throw new ImportError(`function ${quoted(key)}: the file defines it twice`);
    byKey.set(key, one);
  }
  return byKey;
}

/** The default domain has two names. */
const domainOf = (domain: string | null | undefined): string => (domain === 'ai.onnx' ? '' : (domain ?? ''));

function readOpsets(imports: readonly schema.IOperatorSetIdProto[]): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    const [name, number] = [domainOf(domain), Number(version ?? 0)];
    if ((opsets.get(name) ?? number) !== number) {
      throw new ImportError(
        `file: the operators of ${quoted(name)} are imported in versions ${opsets.get(name)} and ${number}`,
      );
    }
    opsets.set(name, number);
  }
  ensureKnown("ONNX's operators", opsets.get('') ?? 1, NEWEST_VERSIONS[''] as number);
  return opsets;
}

/** @throws ImportError for a version of which it is not known what it means */
function ensureKnown(what: string, version: number, newest: number): void {
  if (version <= newest) return;
  throw new ImportError(
    `file: version ${version} of ${what} is newer than ${newest}, the newest that is known here; export with that`,
  );
}

function readGraph(graph: schema.IGraphProto, source: ByteSource): Subgraph {
  const initializers = new Map<string, TensorValue | StringTensor>();
  const add = (name: string, read: () => TensorValue | StringTensor): void => {
    within(`initializer ${quoted(name)}`, () => {
      ensure(!initializers.has(name), 'the file has two of them');
      initializers.set(name, read());
    });
  };
  for (const tensor of graph.initializer ?? []) {
    add(tensor.name ?? '', () =>
      tensor.dataType === STRING ? { type: 'string' } : readTensor(tensor, source),
    );
  }
  for (const sparse of graph.sparseInitializer ?? []) {
    add(sparse.values?.name ?? '', () => readSparseTensor(sparse, source));
  }
  const nodes = graph.node ?? [];
  source.countNodes(nodes);
  return {
    nodes: nodes.map((node) => readNode(node, source)),
    inputs: (graph.input ?? []).map(({ name }) => ({ name: name ?? '' })),
    outputs: (graph.output ?? []).map(({ name }) => ({ name: name ?? '' })),
    initializers,
  };
}

function readFunction(
  proto: schema.IFunctionProto,
  defaults: readonly schema.IAttributeProto[],
  source: ByteSource,
): [string, GraphFunction] {
  const nodes = proto.node ?? [];
  source.countNodes(nodes);
  const key = functionKey(domainOf(proto.domain), proto.name ?? '');
  const named = (names: readonly string[] | null | undefined) => (names ?? []).map((name) => ({ name }));
  return [
    key,
    {
      nodes: nodes.map((node) => readNode(node, source)),
      inputs: named(proto.input),
      outputs: named(proto.output),
      initializers: new Map(),
      attributes: new Set([...(proto.attribute ?? []), ...defaults.map(({ name }) => name ?? '')]),
      defaults: within(`function ${quoted(key)}`, () => readAttributes(defaults, source)),
      opsets: readOpsets(proto.opsetImport ?? []),
    },
  ];
}

function readInput(info: schema.IValueInfoProto): GraphValue {
  const name = info.name ?? '';
  return within(`input ${quoted(name)}`, () => {
    const tensor = info.type?.tensorType;
    if (!tensor)
      throw new ImportError(
        `input ${quoted(name)}: only tensors can be inputs, no sequences, maps or optionals`,
      );
    const shape = tensor.shape?.dim;
    if (!shape) {
      throw new ImportError(
        `input ${quoted(name)}: its rank is not known; export the model with a shape for it`,
      );
    }
    return { name, type: elementType(tensor.elemType ?? 0), shape: shape.map(readExtent) };
  });
}

const readExtent = (dim: schema.TensorShapeProto.IDimension): Extent => {
  const size = Number(dim.dimValue ?? 0);
  if (dim.dimParam) return dim.dimParam;
  // A dimension with neither value nor name; -1 and 0 are what some exporters write for "not known".
  return size > 0 ? size : '';
};

/** A node by what a person would look for: its name, or else what it yields. */
export const locationOf = ({ operator, domain, name, outputs }: Omit<GraphNode, 'attributes'>): string =>
  `node ${quoted(name || (outputs[0] ?? ''))} (${domain ? `${domain}.` : ''}${operator})`.replace(
    /[\r\n]/g,
    ' ',
  );

function readNode(proto: schema.INodeProto, source: ByteSource): GraphNode {
  const domain = domainOf(proto.domain);
  const node = {
    operator: quoted(proto.opType ?? '').slice(1, -1),
    domain: quoted(domain).slice(1, -1),
    name: proto.name ?? '',
    inputs: proto.input ?? [],
    outputs: proto.output ?? [],
  };
  const attributes = within(locationOf(node), () => readAttributes(proto.attribute ?? [], source));
  return { ...node, attributes };
}

const readAttributes = (
  attributes: readonly schema.IAttributeProto[],
  source: ByteSource,
): Map<string, AttributeValue> => {
  const read = new Map<string, AttributeValue>();
  for (const attribute of attributes) {
    const name = attribute.name ?? '';
    ensure(!read.has(name), () => `its attribute ${quoted(name)} is there twice`);
    read.set(name, readAttribute(attribute, source));
  }
  return read;
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const KINDS = [
  'undefined',
  'f',
  'i',
  's',
  't',
  'g',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
  'sparse',
] as const;

function readAttribute(attribute: schema.IAttributeProto, source: ByteSource): AttributeValue {
  if (attribute.refAttrName) return { kind: 'reference', name: attribute.refAttrName };
  // Files older than IR version 3 leave the type out: the field that is set tells.
  const given = KINDS[Number(attribute.type ?? 0)];
  const held = kindOf(attribute);
  const kind = given && given !== 'undefined' ? given : held;
  // Writers may leave out a value of 0 or an empty list, but not hold another one than they say.
  ensure(
    kind === held || held === 'undefined' || Object.hasOwn(attribute, kind),
    () => `its attribute ${quoted(attribute.name ?? '')} says that it holds "${kind}", and holds "${held}"`,
  );
  switch (kind) {
    case 'f':
      return { kind: 'float', value: attribute.f ?? 0 };
    case 'i':
      return { kind: 'int', value: Number(attribute.i ?? 0) };
    case 's':
      return { kind: 'string', value: text(attribute.s ?? new Uint8Array()) };
    case 't':
      return { kind: 'tensor', value: readTensor(attribute.t ?? {}, source) };
    case 'sparse':
      return { kind: 'tensor', value: readSparseTensor(attribute.sparseTensor ?? {}, source) };
    case 'g':
      return { kind: 'graph', value: readGraph(attribute.g ?? {}, source) };
    case 'floats':
      return { kind: 'floats', value: attribute.floats ?? [] };
    case 'ints':
      return { kind: 'ints', value: (attribute.ints ?? []).map(Number) };
    case 'strings':
      return { kind: 'strings', value: (attribute.strings ?? []).map(text) };
    default:
      return { kind: 'unsupported', what: kind };
  }
}

function kindOf(attribute: schema.IAttributeProto): (typeof KINDS)[number] {
  const has = (key: keyof schema.IAttributeProto): boolean => Object.hasOwn(attribute, key);
  if (attribute.floats?.length) return 'floats';
  if (attribute.ints?.length) return 'ints';
  if (attribute.strings?.length) return 'strings';
  if (has('g') && attribute.g) return 'g';
  if (has('sparseTensor') && attribute.sparseTensor) return 'sparse';
  return has('t') && attribute.t ? 't' : has('f') ? 'f' : has('i') ? 'i' : has('s') ? 's' : 'undefined';
}
