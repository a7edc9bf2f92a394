import onnxProto, { type onnx as schema } from 'onnx-proto';

/** Damages ONNX files: in their bytes, and in the fields of the graph they hold. */

const { ModelProto } = onnxProto.onnx;

/** A whole number in [0, sides). */
export type Dice = (sides: number) => number;

/** The same numbers from the same seed. */
export function diceOf(seed: number): Dice {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const pick = <T>(dice: Dice, list: readonly T[] | null | undefined): T | undefined =>
  list?.[dice(list.length)];

const NUMBERS = [
  0,
  1,
  -1,
  2,
  3,
  7,
  64,
  255,
  4096,
  65_537,
  1e6,
  2 ** 24,
  2 ** 28,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  2 ** 40,
  2 ** 53,
  2 ** 62,
  -(2 ** 62),
];
const FLOATS = [0, -0, 1, -1, 0.5, 1e-40, 1e38, -1e38, Number.NaN, Number.POSITIVE_INFINITY, 1e9, 1e-9];
const TYPES = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 22, 99];

const OPERATORS = [
  'Conv',
  'MatMul',
  'Gemm',
  'Reshape',
  'Pad',
  'Resize',
  'Tile',
  'Expand',
  'Slice',
  'Split',
  'Concat',
  'Gather',
  'Range',
  'OneHot',
  'EyeLike',
  'ConstantOfShape',
  'Einsum',
  'TopK',
  'CumSum',
  'MaxPool',
  'LSTM',
  'If',
  'Loop',
  'Scan',
  'ReduceSum',
  'Softmax',
  'Cast',
  'NonZero',
  'SequenceConstruct',
  'SplitToSequence',
  'DepthToSpace',
  'Transpose',
  'ScatterND',
  'GatherND',
  'ConvTranspose',
  'QLinearConv',
  'BatchNormalization',
  'Attention',
  'Upsample',
  'Identity',
];

const nodesOf = (graph: schema.IGraphProto): schema.INodeProto[] =>
  (graph.node ?? []).flatMap((node) => [
    node,
    ...(node.attribute ?? []).flatMap(({ g }) => (g ? nodesOf(g) : [])),
  ]);

const tensorsOf = (graph: schema.IGraphProto): schema.ITensorProto[] => [
  ...(graph.initializer ?? []),
  ...nodesOf(graph).flatMap(({ attribute }) => (attribute ?? []).flatMap(({ t }) => (t ? [t] : []))),
];

const namesOf = (graph: schema.IGraphProto): string[] => [
  ...nodesOf(graph).flatMap(({ input, output }) => [...(input ?? []), ...(output ?? [])]),
  ...(graph.initializer ?? []).map(({ name }) => name ?? ''),
];

const replace = <T>(dice: Dice, list: T[] | null | undefined, value: T | undefined): void => {
  if (list && list.length > 0 && value !== undefined) list[dice(list.length)] = value;
};

function editTensor(dice: Dice, tensor: schema.ITensorProto): void {
  const number = pick(dice, NUMBERS) as number;
  switch (dice(6)) {
    case 0:
      replace(dice, tensor.dims, number);
      break;
    case 1:
      tensor.dims = [...(tensor.dims ?? []), number];
      break;
    case 2:
      tensor.dataType = pick(dice, TYPES) as number;
      break;
    case 3:
      tensor.rawData = (tensor.rawData ?? new Uint8Array()).slice(dice(4));
      break;
    case 4:
      tensor.dataLocation = 1;
      tensor.externalData = [{ key: 'location', value: '../x' }];
      break;
    default: {
      // Other numbers: what decides shapes becomes huge, negative, …
      const raw = tensor.rawData;
      if (raw && raw.length >= 8)
        new DataView(raw.buffer, raw.byteOffset).setBigInt64(8 * dice(raw.length >> 3), BigInt(number), true);
      else replace(dice, tensor.int64Data, number);
    }
  }
}

function editAttribute(dice: Dice, attribute: schema.IAttributeProto): void {
  const number = pick(dice, NUMBERS) as number;
  switch (dice(7)) {
    case 0:
      attribute.i = number;
      break;
    case 1:
      attribute.f = pick(dice, FLOATS) as number;
      break;
    case 2:
      replace(dice, attribute.ints, number);
      break;
    case 3:
      attribute.ints = [...(attribute.ints ?? []), number];
      break;
    case 4:
      attribute.type = dice(15);
      break;
    case 5:
      attribute.name = pick(dice, [
        'axis',
        'axes',
        'perm',
        'to',
        'kernel_shape',
        'pads',
        'value',
        'body',
        'equation',
      ]) as string;
      break;
    default:
      attribute.s = new TextEncoder().encode(
        pick(dice, ['linear', 'ii,ij->', 'SAME_UPPER', 'reflect', '', '\n', 'x'.repeat(100_000)]),
      );
  }
}

function editNode(dice: Dice, node: schema.INodeProto, graph: schema.IGraphProto): void {
  const name = pick(dice, namesOf(graph)) ?? '';
  switch (dice(9)) {
    case 0:
      node.opType = pick(dice, OPERATORS) as string;
      break;
    case 1:
      replace(dice, node.input, name);
      break;
    case 2:
      replace(dice, node.output, name);
      break;
    case 3:
      node.input = [...(node.input ?? []), name];
      break;
    case 4:
      replace(dice, node.input, '');
      break;
    case 5:
      node.input = (node.input ?? []).slice(1);
      break;
    case 6:
      node.attribute = (node.attribute ?? []).slice(1);
      break;
    case 7:
      node.attribute = [
        ...(node.attribute ?? []),
        { name: 'axis', type: 2, i: pick(dice, NUMBERS) as number },
      ];
      break;
    default:
      node.domain = pick(dice, ['com.microsoft', 'ai.onnx.ml', 'x']) as string;
  }
}

/** One edit of a field. */
function editModel(dice: Dice, model: schema.IModelProto): void {
  const graph = model.graph as schema.IGraphProto;
  const node = pick(dice, nodesOf(graph));
  const tensor = pick(dice, tensorsOf(graph));
  const attribute = pick(dice, node?.attribute);
  const dim = pick(dice, pick(dice, graph.input)?.type?.tensorType?.shape?.dim);
  switch (dice(9)) {
    case 0:
    case 1:
      if (node) editNode(dice, node, graph);
      break;
    case 2:
    case 3:
      if (attribute) editAttribute(dice, attribute);
      break;
    case 4:
    case 5:
      if (tensor) editTensor(dice, tensor);
      break;
    case 6:
      if (dim) dim.dimValue = pick(dice, NUMBERS) as number;
      break;
    case 7:
      for (const opset of model.opsetImport ?? []) opset.version = dice(30);
      break;
    default: {
      // A graph inside itself, or a function that calls itself.
      if (node && dice(2))
        node.attribute = [
          ...(node.attribute ?? []),
          { name: 'body', type: 5, g: JSON.parse(JSON.stringify({ node: [] })) },
        ];
      else if (node)
        model.functions = [
          {
            name: node.opType ?? '',
            domain: node.domain ?? '',
            input: node.input ?? [],
            output: node.output ?? [],
            node: [node],
            opsetImport: model.opsetImport ?? [],
          },
        ];
    }
  }
}

/** The file with one to four edits in its fields. */
export function editFields(dice: Dice, bytes: Uint8Array): Uint8Array {
  const model = ModelProto.toObject(ModelProto.decode(bytes)) as schema.IModelProto;
  for (let edits = 1 + dice(4); edits > 0; edits--) editModel(dice, model);
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}

/** The file with some bytes changed, cut off or repeated. */
export function editBytes(dice: Dice, bytes: Uint8Array): Uint8Array {
  // A Buffer's own slice would be a view.
  const copy = Uint8Array.from(bytes);
  for (let edits = 1 + dice(4); edits > 0; edits--) copy[dice(copy.length)] = dice(3) ? dice(256) : 255;
  switch (dice(8)) {
    case 0:
      return copy.slice(0, dice(copy.length));
    case 1: {
      const from = dice(copy.length);
      return Uint8Array.from(Buffer.concat([copy.slice(0, from + 200), copy.slice(from)]));
    }
    default:
      return copy;
  }
}
