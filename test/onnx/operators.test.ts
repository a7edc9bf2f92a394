import {
  type Attribute,
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  integers,
  noise,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Every operator on small shapes against onnxruntime; operators with many cases have a file of their own. */

type Options = NonNullable<Parameters<typeof single>[2]>;
interface Case {
  readonly op: string;
  readonly what: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly options?: Options;
  readonly tolerance?: { readonly relative?: number; readonly absolute?: number };
}

const cases: Case[] = [];
const add = (
  op: string,
  what: string,
  inputs: readonly (Value | undefined)[],
  options: Options = {},
  tolerance = {},
): void => {
  cases.push({ op, what, inputs, options, tolerance });
};
const attributes = (values: Record<string, Attribute>, more: Options = {}): Options => ({
  ...more,
  attributes: values,
});
const float = (x: number) => ({ float: x });
const list = (...values: number[]) => value('int64', [values.length], values);

const special = floats([11], [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-40, 3.4e38, 0.5, -2.5]);
const a = noise([2, 3, 4], 1, 3);
const row = noise([4], 2, 3);
const column = noise([3, 1], 3, 3);
const positive = floats([2, 3], [0.1, 1, 2.5, 100, 1e-20, 7]);

for (const op of ['Add', 'Sub', 'Mul', 'Div']) {
  add(op, 'equal shapes', [a, noise([2, 3, 4], 9)]);
  add(op, 'a row to a block', [a, row]);
  add(op, 'a block to a column', [column, a]);
  add(op, 'special values', [special, floats([11], [...special.values].reverse())]);
  add(op, 'int32', [integers('int32', [6], -1000, 1000), integers('int32', [6], 1, 50, 2)]);
  add(op, 'a constant', [a, floats([], [1.5])], { constants: [1] });
}
add('Add', 'int32 that wraps', [
  value('int32', [2], [2147483647, -2147483648]),
  value('int32', [2], [1, -1]),
]);
add('Mul', 'int32 that wraps', [
  value('int32', [2], [123456789, -5]),
  value('int32', [2], [987654321, 2147483647]),
]);
add('Add', 'int64 that fits', [list(1, 2, 3), list(5, 6, 7)], { constants: [1, 0] });

for (const op of ['Neg', 'Abs', 'Sign', 'Floor', 'Ceil', 'Round', 'Reciprocal', 'Sqrt']) {
  add(op, 'a block', [a]);
}
for (const op of [
  'Neg',
  'Abs',
  'Floor',
  'Ceil',
  'Round',
  'Reciprocal',
  'Sqrt',
  'Exp',
  'Tanh',
  'Sigmoid',
  'Erf',
  'Log',
]) {
  add(op, 'special values', [special]);
}
add('Round', 'ties', [floats([6], [0.5, 1.5, 2.5, -0.5, -1.5, 8388609])]);
for (const op of ['Neg', 'Abs', 'Sign']) add(op, 'int32', [value('int32', [4], [-5, 0, 7, -2147483648])]);
for (const op of [
  'Exp',
  'Tanh',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Erf',
  'Sin',
  'Cos',
  'Tan',
  'Relu',
  'Elu',
  'Selu',
  'Celu',
  'LeakyRelu',
  'ThresholdedRelu',
  'HardSigmoid',
  'HardSwish',
  'Shrink',
]) {
  add(op, 'a block', [a]);
}
add('Mish', 'a block', [a], { opset: 18 });
add('Gelu', 'a block', [a], { opset: 20 });
add('Gelu', 'by tanh', [a], attributes({ approximate: 'tanh' }, { opset: 20 }));
add('Log', 'positive numbers', [positive]);
add('Elu', 'alpha', [a], attributes({ alpha: float(0.3) }));
add('LeakyRelu', 'alpha', [a], attributes({ alpha: float(0.3) }));
add('HardSigmoid', 'alpha and beta', [a], attributes({ alpha: float(0.3), beta: float(0.4) }));
add('Shrink', 'bias', [a], attributes({ lambd: float(1), bias: float(0.5) }));
add('PRelu', 'a slope for each column', [a, row]);
add('Relu', 'int32', [integers('int32', [5], -9, 9)]);
add('Clip', 'both bounds', [a, floats([], [-1]), floats([], [1])]);
add('Clip', 'one bound', [a, undefined, floats([], [1])]);
add('Clip', 'attributes', [a], attributes({ min: float(-1), max: float(0.5) }, { opset: 9 }));
add('Clip', 'int32', [integers('int32', [5], -9, 9), value('int32', [], [-2]), value('int32', [], [3])]);
add('Mod', 'int32 with signs', [
  value('int32', [6], [-4, 7, 5, 4, -7, 8]),
  value('int32', [6], [2, -3, 8, -2, 3, 5]),
]);
add(
  'Mod',
  'fmod',
  [value('int32', [6], [-4, 7, 5, 4, -7, 8]), value('int32', [6], [2, -3, 8, -2, 3, 5])],
  attributes({ fmod: 1 }),
);
for (const op of ['Sum', 'Mean', 'Max', 'Min']) {
  add(op, 'three inputs', [a, row, column]);
  add(op, 'one input', [a]);
}
for (const op of ['Max', 'Min'])
  add(op, 'int32', [integers('int32', [5], -9, 9), integers('int32', [5], -9, 9, 2)]);

for (const op of ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']) {
  add(op, 'special values', [special, floats([11], [...special.values].reverse())]);
  add(op, 'int32', [integers('int32', [9], -2, 2), integers('int32', [9], -2, 2, 5)]);
  add(op, 'broadcast', [a, row]);
}
const flags = integers('bool', [2, 3], 0, 1);
for (const op of ['And', 'Or', 'Xor']) add(op, 'bool', [flags, integers('bool', [3], 0, 1, 4)]);
add('Not', 'bool', [flags]);
add('Where', 'floats', [flags, noise([2, 3], 5), noise([3], 6)]);
add('IsNaN', 'special values', [special]);
add('IsInf', 'special values', [special]);
add('IsInf', 'negative only', [special], attributes({ detect_positive: 0 }));
add('BitwiseAnd', 'int32', [integers('int32', [5], -99, 99), integers('int32', [5], -99, 99, 2)], {
  opset: 18,
});
add('BitwiseOr', 'uint8', [integers('uint8', [5], 0, 255), integers('uint8', [5], 0, 255, 2)], { opset: 18 });
add('BitwiseXor', 'int8', [integers('int8', [5], -128, 127), integers('int8', [5], -128, 127, 2)], {
  opset: 18,
});
add('BitwiseNot', 'uint8', [integers('uint8', [5], 0, 255)], { opset: 18 });
add(
  'BitShift',
  'left',
  [integers('uint8', [5], 0, 255), integers('uint8', [5], 0, 7, 2)],
  attributes({ direction: 'LEFT' }),
);
add(
  'BitShift',
  'right',
  [integers('uint8', [5], 0, 255), integers('uint8', [5], 0, 7, 2)],
  attributes({ direction: 'RIGHT' }),
);

add('Cast', 'float to int32', [floats([5], [1.9, -1.9, 0, 1e6, -7.5])], attributes({ to: 6 }));
add('Cast', 'uint8 to float', [integers('uint8', [5], 0, 255)], attributes({ to: 1 }));
add('Cast', 'float to bool', [special], attributes({ to: 9 }));
add('Cast', 'bool to float', [flags], attributes({ to: 1 }));
add('Cast', 'int32 to uint8', [value('int32', [4], [255, 256, -1, 7])], attributes({ to: 2 }));
add('Cast', 'int32 to int64', [value('int32', [3], [255, -256, 7])], attributes({ to: 7 }));

for (const op of [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
  'ReduceL1',
  'ReduceL2',
]) {
  const named = (axes: number[], more: Record<string, Attribute> = {}): [readonly Value[], Options] =>
    op === 'ReduceSum'
      ? [[a, list(...axes)], { constants: [1], attributes: more }]
      : [[a], { attributes: { axes, ...more } }];
  const [inner, innerOptions] = named([2]);
  add(op, 'the last axis', inner, innerOptions);
  const [outer, outerOptions] = named([0, -2], { keepdims: 0 });
  add(op, 'two axes dropped', outer, outerOptions);
  add(op, 'all', [a]);
}
add('ReduceSum', 'int32', [integers('int32', [2, 5], -9, 9)]);
add('ReduceMax', 'int32', [integers('int32', [2, 5], -90, -9)], attributes({ axes: [1] }));
add('ReduceMax', 'all negative', [floats([2, 3], [-3, -2, -5, -1, -9, -4])], attributes({ axes: [1] }));
const ties = floats([3, 4], [1, 3, 3, 2, -1, -1, -5, -1, 0, -0, 0, 0]);
for (const op of ['ArgMax', 'ArgMin']) {
  add(op, 'ties', [ties], attributes({ axis: 1 }));
  add(op, 'the last of ties', [ties], attributes({ axis: 1, select_last_index: 1, keepdims: 0 }));
  add(op, 'the first axis', [a], attributes({ axis: 0, keepdims: 0 }));
  add(op, 'int32', [integers('int32', [3, 5], -3, 3)], attributes({ axis: -1 }));
}

for (const op of ['Softmax', 'LogSoftmax', 'Hardmax']) {
  add(op, 'the last axis', [a]);
  add(op, 'a middle axis', [a], attributes({ axis: 1 }));
  add(op, 'as a matrix (version 11)', [a], attributes({ axis: 1 }, { opset: 11 }));
}
add('Softmax', 'large values', [floats([2, 3], [1000, 999, -1000, -1e30, 5, 5])]);

add('MatMul', 'matrices', [noise([3, 5], 1), noise([5, 4], 2)]);
add('MatMul', 'a constant matrix', [noise([3, 5], 1), noise([5, 4], 2)], { constants: [1] });
add('MatMul', 'batches', [noise([2, 3, 5], 1), noise([2, 5, 4], 2)]);
add('MatMul', 'broadcast batches', [noise([2, 1, 3, 5], 1), noise([3, 5, 4], 2)]);
add('MatMul', 'a vector and a matrix', [noise([5], 1), noise([5, 4], 2)]);
add('MatMul', 'a matrix and a vector', [noise([3, 5], 1), noise([5], 2)]);
add('MatMul', 'two vectors', [noise([5], 1), noise([5], 2)]);
add('MatMul', 'int32', [integers('int32', [3, 5], -9, 9), integers('int32', [5, 2], -9, 9, 2)]);
add('Gemm', 'with a bias row', [noise([3, 5], 1), noise([5, 4], 2), noise([4], 3)], { constants: [1, 2] });
add(
  'Gemm',
  'transposed and scaled',
  [noise([5, 3], 1), noise([4, 5], 2), noise([3, 1], 3)],
  attributes({ transA: 1, transB: 1, alpha: float(0.5), beta: float(2) }),
);
add('Gemm', 'without a bias', [noise([3, 5], 1), noise([5, 4], 2)]);

const image = noise([2, 3, 7, 6], 1);
for (const op of ['MaxPool', 'AveragePool']) {
  add(op, '2×2', [image], attributes({ kernel_shape: [2, 2], strides: [2, 2] }));
  add(op, 'pads', [image], attributes({ kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 1] }));
  add(op, 'ceil_mode', [image], attributes({ kernel_shape: [3, 2], strides: [2, 4], ceil_mode: 1 }));
  add(op, 'one dimension', [noise([1, 2, 9], 1)], attributes({ kernel_shape: [3], strides: [2] }));
  add(op, 'auto_pad', [image], attributes({ kernel_shape: [3, 3], auto_pad: 'SAME_UPPER', strides: [2, 2] }));
}
add('MaxPool', 'dilations', [image], attributes({ kernel_shape: [2, 3], dilations: [2, 2] }));
add(
  'MaxPool',
  'all negative with pads',
  [floats([1, 1, 2, 2], [-1, -2, -3, -4])],
  attributes({ kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
);
add(
  'MaxPool',
  'uint8',
  [integers('uint8', [1, 1, 4, 4], 0, 255)],
  attributes({ kernel_shape: [2, 2], strides: [2, 2] }),
);
add(
  'AveragePool',
  'padding counted',
  [image],
  attributes({ kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
);
add('GlobalAveragePool', 'an image', [image]);
add('GlobalMaxPool', 'an image', [image]);

const channel = (seed: number) => noise([3], seed);
const spread = floats([3], [0.5, 1.5, 2]);
add('BatchNormalization', 'an image', [image, channel(2), channel(3), channel(4), spread], {
  constants: [1, 2, 3, 4],
});
add('BatchNormalization', 'parameters that are inputs', [image, channel(2), channel(3), channel(4), spread]);
add('InstanceNormalization', 'an image', [image, channel(2), channel(3)], { constants: [1, 2] });
add('LayerNormalization', 'the last axis', [a, row, noise([4], 7)], {}, { absolute: 1e-5 });
add('LayerNormalization', 'two axes', [a, noise([3, 4], 3)], attributes({ axis: 1 }), { absolute: 1e-5 });
add('LRN', 'an image', [noise([1, 5, 3, 3], 1, 2)], attributes({ size: 3, alpha: float(0.5) }));
add('LpNormalization', 'p = 2', [a]);
add('LpNormalization', 'p = 1', [a], attributes({ p: 1, axis: 1 }));

add('Reshape', 'inferred', [a, list(-1, 6)], { constants: [1] });
add('Reshape', 'zero keeps', [a, list(0, -1)], { constants: [1] });
add('Reshape', 'dimensions that do not divide each other', [noise([6, 4]), list(8, 3)], { constants: [1] });
add('Reshape', 'dimensions without a common factor', [noise([5, 3, 7]), list(7, 15)], { constants: [1] });
add('Flatten', 'axis 2', [a], attributes({ axis: 2 }));
add('Squeeze', 'named axes', [noise([1, 3, 1, 2]), list(0, 2)], { constants: [1] });
add('Squeeze', 'all', [noise([1, 3, 1, 2])]);
add('Unsqueeze', 'two axes', [a, list(0, -1)], { constants: [1] });
add('Transpose', 'reversed', [a]);
add('Transpose', 'perm', [image], attributes({ perm: [0, 2, 3, 1] }));
add('Expand', 'a column', [column, list(2, 3, 4)], { constants: [1] });
add('Identity', 'a block', [a]);
add('Shape', 'a block', [a]);
add('Size', 'a block', [a]);
add('Slice', 'steps', [noise([5, 6]), list(1, 5), list(5, 0), list(0, 1), list(2, -2)], {
  constants: [1, 2, 3, 4],
});
add('Slice', 'to the end', [noise([5, 6]), list(-3), list(2 ** 53)], { constants: [1, 2] });
add('Slice', 'attributes', [noise([5, 6])], attributes({ starts: [1], ends: [-1], axes: [1] }, { opset: 9 }));
add('Concat', 'three parts', [noise([2, 2]), noise([2, 1], 2), noise([2, 3], 3)], attributes({ axis: 1 }));
add(
  'Concat',
  'twelve parts',
  Array.from({ length: 12 }, (_, i) => noise([1, 2], i)),
  attributes({ axis: 0 }),
);
add('Concat', 'bool', [flags, integers('bool', [2, 2], 0, 1, 7)], attributes({ axis: 1 }));
add('Split', 'in two', [noise([4, 2])], attributes({ axis: 0 }, { outputs: 2 }));
add(
  'Split',
  'given sizes',
  [noise([5, 2]), list(2, 3)],
  attributes({ axis: 0 }, { outputs: 2, constants: [1] }),
);
add('Tile', 'both axes', [noise([2, 3]), list(2, 2)], { constants: [1] });
for (const mode of ['constant', 'reflect', 'edge']) {
  add('Pad', mode, [noise([3, 4]), list(1, 2, 0, 1)], attributes({ mode }, { constants: [1] }));
}
add('Pad', 'a value', [noise([3, 4]), list(1, 2, 0, 1), floats([], [7])], { constants: [1, 2] });
add('Pad', 'negative', [noise([3, 4]), list(-1, 2, 0, -1)], { constants: [1] });
add('DepthToSpace', 'DCR', [noise([1, 8, 2, 3])], attributes({ blocksize: 2 }));
add('DepthToSpace', 'CRD', [noise([1, 8, 2, 3])], attributes({ blocksize: 2, mode: 'CRD' }));
add('SpaceToDepth', 'blocks', [noise([1, 2, 4, 6])], attributes({ blocksize: 2 }));

const picks = value('int64', [2, 2], [0, 2, 1, -1]);
add('Gather', 'known indices', [noise([3, 4]), picks], { constants: [1] });
add('Gather', 'indices that are inputs', [noise([3, 4]), picks], attributes({ axis: 0 }));
add('Gather', 'the last axis', [noise([2, 3]), value('int32', [2], [2, -3])], attributes({ axis: 1 }));
add('Gather', 'a table of constants', [noise([9, 4]), picks], { constants: [0] });
add('Gather', 'one known index', [noise([3, 4]), value('int64', [], [-1])], { constants: [1] });
add(
  'GatherElements',
  'axis 1',
  [noise([3, 3]), value('int64', [3, 2], [0, 2, -1, 1, 1, 0])],
  attributes({ axis: 1 }),
);
add('GatherND', 'pairs', [noise([2, 3, 4]), value('int64', [2, 2], [1, -1, 0, 2])]);
add(
  'OneHot',
  'a new last axis',
  [value('int64', [3], [0, 2, -1]), value('int64', [], [4]), floats([2], [-1, 5])],
  { constants: [1, 2] },
);
add('Trilu', 'upper', [noise([4, 4])]);
add(
  'Trilu',
  'lower, shifted',
  [noise([3, 5]), value('int64', [], [1])],
  attributes({ upper: 0 }, { constants: [1] }),
);
add('CumSum', 'forward', [noise([2, 5]), value('int64', [], [1])], { constants: [1] });
add(
  'CumSum',
  'reverse and exclusive',
  [noise([2, 5]), value('int64', [], [1])],
  attributes({ reverse: 1, exclusive: 1 }, { constants: [1] }),
);
add('Range', 'known ends', [value('int64', [], [2]), value('int64', [], [11]), value('int64', [], [3])], {
  constants: [0, 1, 2],
});
add('EyeLike', 'shifted', [noise([3, 4])], attributes({ k: 1 }));

const up = (...scales: number[]) => floats([scales.length], scales);
for (const [what, given] of [
  ['nearest', {}],
  ['nearest, asymmetric, floor', { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }],
  ['linear', { mode: 'linear' }],
  ['linear, pytorch_half_pixel', { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' }],
  ['cubic', { mode: 'cubic' }],
  ['cubic, exclude_outside', { mode: 'cubic', exclude_outside: 1 }],
] as const) {
  // Where align_corners meets a length that is not whole, onnxruntime leaves ONNX's own tests (test_resize_downsample_
  // scales_linear_align_corners), which the conformance run holds us to.
  const isAligned = what.endsWith('align_corners');
  const extents = isAligned ? [1, 2, 4, 6] : [1, 2, 5, 6];
  for (const scale of [2, isAligned ? 0.5 : 0.6, 1.5]) {
    add(
      'Resize',
      `${what}, scale ${scale}`,
      [noise(extents), undefined, up(1, 1, scale, scale)],
      attributes(given, { constants: [2] }),
    );
  }
}
add(
  'Resize',
  'sizes',
  [noise([1, 2, 4, 4]), undefined, undefined, list(1, 2, 7, 3)],
  attributes({ mode: 'linear' }, { constants: [3] }),
);
add('Upsample', 'scales', [noise([1, 2, 3, 4]), up(1, 1, 2, 2)], { constants: [1], opset: 9 });

const base = noise([1, 4, 5, 4], 1);
add('ConvTranspose', '3×3', [base, noise([4, 3, 3, 3], 2), noise([3], 3)], { constants: [1, 2] });
add(
  'ConvTranspose',
  'strides and pads',
  [base, noise([4, 3, 3, 3], 2)],
  attributes({ strides: [2, 3], pads: [1, 0, 1, 2], output_padding: [1, 0] }, { constants: [1] }),
);
add(
  'ConvTranspose',
  'groups',
  [base, noise([4, 2, 2, 2], 2)],
  attributes({ group: 2, strides: [2, 2] }, { constants: [1] }),
);
add('ConvTranspose', 'dilations', [base, noise([4, 3, 2, 2], 2)], attributes({ dilations: [2, 2] }));
add('ConvTranspose', 'one dimension', [noise([1, 2, 5]), noise([2, 3, 4], 2)], attributes({ strides: [2] }));

const bases = floats([9], [2, -2, 0.5, 1, 0, 3.7, 1e-10, 1e10, -1]);
add('Pow', 'squares', [a, floats([], [2])], { constants: [1] });
add('Pow', 'square roots', [positive, floats([], [0.5])], { constants: [1] });
add('Pow', 'a fraction', [positive, floats([], [1.7])], { constants: [1] });
add('Pow', 'exponents that are inputs', [bases, floats([9], [3, 3, -2, 5, 2, -1.5, 2.5, 0.3, 7])]);
add('Pow', 'special values', [special, floats([11], [...special.values].reverse())]);
add('Pow', 'int32', [integers('int32', [5], -9, 9), value('int32', [], [3])], { constants: [1] });

const bytesOf = (shape: readonly number[], seed = 1) => integers('uint8', shape, 0, 255, seed);
const signed = (shape: readonly number[], seed = 1) => integers('int8', shape, -127, 127, seed);
const scalar = (type: 'uint8' | 'int8' | 'float', x: number) => value(type, [], [x]);
add('QuantizeLinear', 'uint8', [
  floats([7], [0, 0.5, 1.5, 2.5, -3, 1000, -1000]),
  scalar('float', 1),
  scalar('uint8', 100),
]);
add(
  'QuantizeLinear',
  'int8 by axis',
  [noise([2, 3, 2], 1, 9), floats([3], [0.1, 0.2, 0.3]), value('int8', [3], [1, -2, 3])],
  attributes({ axis: 1 }),
);
add('DequantizeLinear', 'uint8', [bytesOf([7]), scalar('float', 0.25), scalar('uint8', 100)]);
add(
  'DequantizeLinear',
  'int8 by axis',
  [signed([2, 3, 2]), floats([3], [0.1, 0.2, 0.3]), value('int8', [3], [1, -2, 3])],
  attributes({ axis: 1 }),
);
add('DynamicQuantizeLinear', 'a block', [a], { outputs: 3 });
add('DynamicQuantizeLinear', 'positive numbers', [floats([4], [1, 2, 3, 4])], { outputs: 3 });
add(
  'MatMulInteger',
  'zero points',
  [bytesOf([3, 5]), bytesOf([5, 4], 2), scalar('uint8', 120), scalar('uint8', 7)],
  { constants: [1, 2, 3] },
);
add('MatMulInteger', 'zero points that are inputs', [
  bytesOf([3, 5]),
  signed([5, 4], 2),
  scalar('uint8', 120),
  scalar('int8', 7),
]);
add(
  'ConvInteger',
  'padding is the zero point',
  [bytesOf([1, 2, 5, 5]), bytesOf([3, 2, 3, 3], 2), scalar('uint8', 9), scalar('uint8', 100)],
  attributes({ pads: [1, 1, 1, 1] }, { constants: [1, 2, 3] }),
);
add(
  'ConvInteger',
  'a zero point that is an input',
  [bytesOf([1, 2, 5, 5]), bytesOf([3, 2, 3, 3], 2), scalar('uint8', 9)],
  attributes({ pads: [1, 1, 1, 1] }),
);
add(
  'QLinearConv',
  'a bias and padding',
  [
    bytesOf([1, 2, 5, 5]),
    scalar('float', 0.02),
    scalar('uint8', 128),
    signed([3, 2, 3, 3], 2),
    scalar('float', 0.01),
    scalar('int8', 0),
    scalar('float', 0.05),
    scalar('uint8', 120),
    integers('int32', [3], -500, 500),
  ],
  attributes({ pads: [1, 1, 1, 1] }, { constants: [1, 2, 3, 4, 5, 6, 7, 8] }),
);
add(
  'QLinearConv',
  'scales by filter',
  [
    bytesOf([1, 2, 5, 5]),
    scalar('float', 0.02),
    scalar('uint8', 128),
    signed([3, 2, 3, 3], 2),
    floats([3], [0.01, 0.02, 0.03]),
    value('int8', [3], [0, 0, 0]),
    scalar('float', 0.05),
    scalar('uint8', 120),
  ],
  { constants: [1, 2, 3, 4, 5, 6, 7] },
);
add(
  'QLinearConv',
  'zero points by filter, not all 0',
  [
    bytesOf([1, 2, 5, 5]),
    scalar('float', 0.02),
    scalar('uint8', 128),
    signed([3, 2, 3, 3], 2),
    floats([3], [0.01, 0.02, 0.03]),
    value('int8', [3], [0, 0, 1]),
    scalar('float', 0.05),
    scalar('uint8', 120),
  ],
  { constants: [1, 2, 3, 4, 5, 6, 7] },
);
add(
  'QLinearMatMul',
  'uint8',
  [
    bytesOf([3, 5]),
    scalar('float', 0.02),
    scalar('uint8', 128),
    bytesOf([5, 4], 2),
    scalar('float', 0.01),
    scalar('uint8', 100),
    scalar('float', 0.05),
    scalar('uint8', 120),
  ],
  { constants: [1, 2, 3, 4, 5, 6, 7] },
);

for (const [equation, ...shapes] of [
  ['ij,jk->ik', [3, 4], [4, 5]],
  ['bij,bjk', [2, 3, 4], [2, 4, 5]],
  ['...ij,...jk->...ik', [2, 3, 4], [2, 4, 5]],
  ['ij->ji', [3, 4]],
  ['ii->i', [3, 3]],
  ['ij->', [3, 4]],
  ['bhqd,bhkd->bhqk', [1, 2, 3, 4], [1, 2, 5, 4]],
  ['i,j->ij', [3], [4]],
] as const) {
  add(
    'Einsum',
    equation,
    shapes.map((shape, i) => noise(shape, i + 1)),
    attributes({ equation }),
  );
}
for (const op of ['ReduceLogSum', 'ReduceLogSumExp']) {
  const inputs = [
    op === 'ReduceLogSum' ? floats([2, 3], [1, 2, 3, 4, 5, 6]) : floats([2, 3], [1, 2, 300, 4, -500, 6]),
  ];
  add(op, 'the last axis', inputs, attributes({ axes: [1], keepdims: 0 }));
  add(op, 'all', inputs);
}

describe('operators', () => {
  for (const { op, what, inputs, options, tolerance } of cases) {
    it(`${op} agrees with onnxruntime on ${what}`, async () => {
      const spec: GraphSpec = single(op, inputs, options);
      await expectSameAsOnnxruntime(spec, tolerance ?? {});
    });
  }
});
