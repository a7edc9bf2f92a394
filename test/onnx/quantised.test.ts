import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  integers,
  modelBytes,
  noise,
  runCompiled,
  runOnnxruntime,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Quantised operators against onnxruntime: the same integers, on shapes, scales and zero points from seeds. */

/** With ASSAY_LONG=1 many more. */
const SEEDS = Array.from({ length: process.env['ASSAY_LONG'] ? 300 : 8 }, (_, i) => 100 + 17 * i);

/** Numbers from a seed, one after another. */
function drawn(seed: number) {
  const numbers = [...noise([500], seed, 0.5).values].map((x) => x + 0.5);
  const next = (): number => numbers.pop() as number;
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const scale = (): number => Math.fround(2 ** (next() * 8 - 8) * (1 + next()));
  const limits = (type: 'uint8' | 'int8') => (type === 'uint8' ? [0, 255] : [-128, 127]) as [number, number];
  return {
    between,
    type: (): 'uint8' | 'int8' => (next() < 0.5 ? 'uint8' : 'int8'),
    codes: (type: 'uint8' | 'int8', shape: number[]) =>
      integers(type, shape, ...limits(type), between(1, 1e6)),
    scale: () => floats([], [scale()]),
    scales: (count: number) => floats([count], Array.from({ length: count }, scale)),
    zero: (type: 'uint8' | 'int8') => value(type, [], [between(...limits(type))]),
    zeros: (type: 'uint8' | 'int8', count: number) =>
      value(
        type,
        [count],
        Array.from({ length: count }, () => between(...limits(type))),
      ),
    isTrue: () => next() < 0.5,
  };
}

/** The inputs, some of which are constants of the file. */
const constantsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count - first }, (_, i) => first + i);

describe('quantised operators', () => {
  for (const seed of SEEDS) {
    it(`QLinearConv yields onnxruntime's integers, seed ${seed}`, async () => {
      const draw = drawn(seed);
      const group = draw.between(1, 2);
      const [channels, filters] = [group * draw.between(1, 4), group * draw.between(1, 4)];
      const [xType, kernel] = [draw.type(), draw.between(1, 3)];
      const perChannel = draw.isTrue();
      const size = kernel + draw.between(0, 5);
      const inputs: Value[] = [
        draw.codes(xType, [draw.between(1, 2), channels, size, size + 1]),
        draw.scale(),
        draw.zero(xType),
        draw.codes('int8', [filters, channels / group, kernel, kernel]),
        perChannel ? draw.scales(filters) : draw.scale(),
        // onnxruntime wants the same zero point for all filters.
        perChannel ? value('int8', [filters], new Array(filters).fill(0)) : draw.zero('int8'),
        draw.scale(),
        draw.zero(xType),
        ...(draw.isTrue() ? [integers('int32', [filters], -5000, 5000, seed)] : []),
      ];
      const pad = draw.between(0, kernel - 1);
      const attributes = { group, pads: [pad, 0, pad, pad], strides: [draw.between(1, 2), 1] };
      await expectSameAsOnnxruntime(
        single('QLinearConv', inputs, { attributes, constants: constantsFrom(1, inputs.length) }),
      );
    });
    it(`ConvInteger yields onnxruntime's integers, seed ${seed}`, async () => {
      const draw = drawn(seed);
      const wType = draw.type();
      const filters = draw.between(1, 4);
      const inputs = [
        draw.codes('uint8', [1, 3, draw.between(3, 7), draw.between(3, 7)]),
        draw.codes(wType, [filters, 3, draw.between(1, 3), 3]),
        draw.zero('uint8'),
        draw.zero(wType),
      ];
      const constants = draw.isTrue() ? [1, 3] : [1, 2, 3];
      const attributes = { pads: [1, 0, 2, 1] };
      await expectSameAsOnnxruntime(single('ConvInteger', inputs, { attributes, constants }));
    });
    it(`MatMulInteger and QLinearMatMul yield onnxruntime's integers, seed ${seed}`, async () => {
      const draw = drawn(seed);
      const bType = draw.type();
      // onnxruntime multiplies int8 by int8 only.
      const aType = bType === 'uint8' ? 'uint8' : draw.type();
      const [m, k, n] = [draw.between(1, 5), draw.between(1, 40), draw.between(1, 9)];
      const batch = draw.isTrue() ? [draw.between(1, 3)] : [];
      const [a, b] = [draw.codes(aType, [...batch, m, k]), draw.codes(bType, [k, n])];
      const bZeros = draw.isTrue() ? draw.zeros(bType, n) : draw.zero(bType);
      await expectSameAsOnnxruntime(
        single('MatMulInteger', [a, b, draw.zero(aType), bZeros], { constants: [1, 3] }),
      );
      const inputs = [
        a,
        draw.scale(),
        draw.zero(aType),
        b,
        bZeros.shape.length > 0 ? draw.scales(n) : draw.scale(),
        bZeros,
        draw.scale(),
        draw.zero(aType),
      ];
      await expectSameAsOnnxruntime(single('QLinearMatMul', inputs, { constants: constantsFrom(3, 8) }));
    });
    it(`QuantizeLinear and DequantizeLinear agree with onnxruntime, seed ${seed}`, async () => {
      const draw = drawn(seed);
      const type = draw.type();
      const [rows, columns] = [draw.between(1, 4), draw.between(1, 9)];
      const axis = draw.between(0, 1);
      const extent = axis === 0 ? rows : columns;
      const x = noise([rows, columns], seed, 2 ** draw.between(-3, 6));
      const parameters = [draw.scales(extent), draw.zeros(type, extent)];
      await expectSameAsOnnxruntime(single('QuantizeLinear', [x, ...parameters], { attributes: { axis } }));
      const codes = draw.codes(type, [rows, columns]);
      await expectSameAsOnnxruntime(
        single('DequantizeLinear', [codes, ...parameters], { attributes: { axis } }),
      );
      await expectSameAsOnnxruntime(single('DynamicQuantizeLinear', [x], { outputs: 3 }));
    });
  }
  it('QuantizeLinear rounds half to even and saturates as onnxruntime does', async () => {
    const halves = Array.from({ length: 41 }, (_, i) => (i - 20) / 2);
    const x = floats([47], [...halves, 1e9, -1e9, 254.5, 255.5, Infinity, -Infinity]);
    for (const [type, zero] of [
      ['uint8', 0],
      ['uint8', 128],
      ['int8', -3],
      ['int8', 127],
    ] as const)
      await expectSameAsOnnxruntime(single('QuantizeLinear', [x, floats([], [1]), value(type, [], [zero])]));
  });
  for (const type of ['uint16', 'int16'] as const) {
    it(`QuantizeLinear and DequantizeLinear of ${type} agree with onnxruntime`, async () => {
      const x = noise([40], 3, 50_000);
      const zero = value(type, [], [type === 'uint16' ? 30_000 : -77]);
      const scale = floats([], [0.7]);
      await expectSameAsOnnxruntime(single('QuantizeLinear', [x, scale, zero], { opset: 21 }));
      const codes = integers(type, [40], type === 'uint16' ? 0 : -32768, type === 'uint16' ? 65535 : 32767);
      await expectSameAsOnnxruntime(single('DequantizeLinear', [codes, scale, zero], { opset: 21 }));
    });
  }
  it('DequantizeLinear of int32 agrees with onnxruntime', async () => {
    const codes = integers('int32', [20], -(2 ** 31), 2 ** 31 - 1);
    await expectSameAsOnnxruntime(single('DequantizeLinear', [codes, floats([], [0.01])]));
  });
  for (const [axis, extent] of [
    [0, 6],
    [1, 8],
    [1, 7],
  ] as const) {
    it(`scales by block agree with onnxruntime, axis ${axis} of ${extent}`, async () => {
      const shape = axis === 0 ? [extent, 3] : [2, extent, 3];
      const blocks = shape.map((size, i) => (i === axis ? Math.ceil(size / 2) : size));
      const attributes = { axis, block_size: 2 };
      const [scale, zero] = [noise(blocks, 4), integers('int8', blocks, -5, 5)];
      const positive = floats(
        blocks,
        scale.values.map((one) => Math.abs(one) + 0.1),
      );
      await expectSameAsOnnxruntime(
        single('QuantizeLinear', [noise(shape, 1, 9), positive, zero], { attributes, opset: 21 }),
      );
      await expectSameAsOnnxruntime(
        single('DequantizeLinear', [integers('int8', shape, -128, 127), positive, zero], {
          attributes,
          opset: 21,
        }),
      );
    });
  }
  for (const type of ['int4', 'uint4'] as const) {
    it(`DequantizeLinear of constants of ${type} agrees with onnxruntime`, async () => {
      const [low, high] = type === 'int4' ? [-8, 7] : [0, 15];
      const inputs = [
        integers(type, [3, 9], low, high),
        floats(
          [3, 3],
          noise([3, 3]).values.map((x) => Math.abs(x) + 0.1),
        ),
        integers(type, [3, 3], low, high, 2),
      ];
      const attributes = { axis: 1, block_size: 3 };
      await expectSameAsOnnxruntime(
        single('DequantizeLinear', inputs, { attributes, constants: [0, 1, 2], opset: 21 }),
      );
    });
  }
  it('DynamicQuantizeLinear of zeros agrees with onnxruntime', async () => {
    await expectSameAsOnnxruntime(single('DynamicQuantizeLinear', [floats([3], [0, 0, 0])], { outputs: 3 }));
    await expectSameAsOnnxruntime(
      single('DynamicQuantizeLinear', [floats([3], [-1, -2, -3])], { outputs: 3 }),
    );
  });
  it('refuses a scale that does not fit its blocks', () => {
    const inputs = [integers('int8', [4, 4], -9, 9), noise([2, 3]), integers('int8', [2, 3], 0, 0)];
    const bytes = modelBytes(
      single('DequantizeLinear', inputs, { attributes: { axis: 0, block_size: 2 }, opset: 21 }),
    );
    expect(() => importOnnx(bytes)).to.throw('is not one of blocks [2,4]');
  });
});

describe('quantised models as a graph of QuantizeLinear and DequantizeLinear', () => {
  it('agree with onnxruntime on convolutions with an activation and a residual', async () => {
    const nodes = [
      { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['xq'] },
      { op: 'DequantizeLinear', inputs: ['xq', 'xs', 'xz'], outputs: ['xd'] },
      { op: 'DequantizeLinear', inputs: ['w', 'ws', 'wz'], outputs: ['wd'], attributes: { axis: 0 } },
      { op: 'DequantizeLinear', inputs: ['b', 'bs', 'bz'], outputs: ['bd'], attributes: { axis: 0 } },
      { op: 'Conv', inputs: ['xd', 'wd', 'bd'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } },
      { op: 'Relu', inputs: ['c'], outputs: ['r'] },
      { op: 'QuantizeLinear', inputs: ['r', 'ys', 'xz'], outputs: ['rq'] },
      { op: 'DequantizeLinear', inputs: ['rq', 'ys', 'xz'], outputs: ['rd'] },
      { op: 'Add', inputs: ['rd', 'xd'], outputs: ['s'] },
      { op: 'QuantizeLinear', inputs: ['s', 'ys', 'xz'], outputs: ['y'] },
    ];
    const filters = 4;
    const scales = floats([filters], [0.01, 0.02, 0.015, 0.03]);
    const constants = {
      xs: floats([], [0.02]),
      xz: value('uint8', [], [128]),
      ys: floats([], [0.05]),
      w: integers('int8', [filters, filters, 3, 3], -127, 127),
      ws: scales,
      wz: value('int8', [filters], [0, 0, 0, 0]),
      b: integers('int32', [filters], -900, 900),
      bs: floats(
        [filters],
        scales.values.map((scale) => Math.fround(0.02 * scale)),
      ),
      bz: value('int32', [filters], [0, 0, 0, 0]),
    };
    await expectSameAsOnnxruntime({
      nodes,
      inputs: { x: noise([1, filters, 7, 6], 1, 2) },
      constants,
      outputs: ['y'],
    });
  });
});

describe('quantised operators of com.microsoft', () => {
  type Attributes = Record<string, Attribute>;
  const cases: [string, Value[], Attributes, number[]][] = [];
  for (const seed of SEEDS.slice(0, 4)) {
    const draw = drawn(seed);
    const type = draw.type();
    const x = (shape: number[], scale = 0.02): Value[] => [
      draw.codes(type, shape),
      floats([], [scale]),
      draw.zero(type),
    ];
    const y = (scale = 0.03): Value[] => [floats([], [scale]), draw.zero(type)];
    cases.push(
      ['QLinearAdd', [...x([3, 4]), ...x([4]), ...y()], {}, [1, 2, 4, 5, 6, 7]],
      ['QLinearMul', [...x([3, 4]), ...x([3, 1]), ...y()], {}, [1, 2, 4, 5, 6, 7]],
      ['QLinearSigmoid', [...x([3, 40]), ...y(1 / 256)], {}, [1, 2, 3, 4]],
      ['QLinearLeakyRelu', [...x([3, 40]), ...y()], { alpha: { float: 0.2 } }, [1, 2, 3, 4]],
      ['QLinearConcat', [...y(), ...x([2, 3]), ...x([2, 4], 0.05)], { axis: 1 }, [0, 1, 3, 4, 6, 7]],
      ['QLinearGlobalAveragePool', [...x([2, 3, 4, 5]), ...y()], {}, [1, 2, 3, 4]],
      ['QLinearGlobalAveragePool', [...x([2, 4, 5, 3]), ...y()], { channels_last: 1 }, [1, 2, 3, 4]],
      [
        'QLinearAveragePool',
        [...x([1, 2, 5, 5]), ...y()],
        { kernel_shape: [3, 2], pads: [1, 0, 0, 1] },
        [1, 2, 3, 4],
      ],
      ['NhwcMaxPool', [draw.codes(type, [1, 5, 5, 3])], { kernel_shape: [2, 2], strides: [2, 1] }, []],
      [
        'QLinearConv',
        [
          ...x([1, 5, 5, 2]),
          draw.codes('int8', [3, 2, 3, 3]),
          floats([], [0.01]),
          value('int8', [], [0]),
          ...y(0.2),
        ],
        { channels_last: 1 },
        [1, 2, 3, 4, 5, 6, 7],
      ],
      [
        'MatMulIntegerToFloat',
        [
          draw.codes('uint8', [3, 7]),
          draw.codes(type, [7, 4]),
          draw.scale(),
          draw.scales(4),
          draw.zero('uint8'),
          draw.zeros(type, 4),
          noise([4], seed),
        ],
        {},
        [1, 3, 5, 6],
      ],
      [
        'DynamicQuantizeMatMul',
        [
          noise([3, 7], seed, 3),
          draw.codes(type, [7, 4]),
          draw.scales(4),
          draw.zeros(type, 4),
          noise([4], seed),
        ],
        {},
        [1, 2, 3, 4],
      ],
      [
        'QGemm',
        [...x([7, 3]), ...x([4, 7]), integers('int32', [4], -999, 999), ...y(0.3)],
        { transA: 1, transB: 1 },
        [1, 2, 3, 4, 5, 6, 7, 8],
      ],
      ['QGemm', [...x([3, 7]), ...x([7, 4])], { alpha: { float: 0.5 } }, [1, 2, 3, 4, 5]],
    );
  }
  for (const [i, [op, inputs, attributes, constants]] of cases.entries()) {
    it(`${op} agrees with onnxruntime, case ${i}`, async () => {
      await expectSameAsOnnxruntime(single(op, inputs, { attributes, constants, domain: 'com.microsoft' }));
    });
  }
  for (const [bits, type] of [
    [4, undefined],
    [4, 'uint8'],
    [4, 'float'],
    [8, 'uint8'],
  ] as const) {
    it(`MatMulNBits agrees with onnxruntime, ${bits} bits, zero points ${type}`, async () => {
      const [depth, columns, block] = [80, 5, 32];
      const blocks = Math.ceil(depth / block);
      const points = {
        uint8: integers('uint8', [columns * Math.ceil((blocks * bits) / 8)], 0, 255, 5),
        float: noise([columns * blocks], 5, 15),
      };
      const inputs = [
        noise([2, 3, depth], 1),
        integers('uint8', [columns, blocks, (block * bits) / 8], 0, 255, 2),
        noise([columns * blocks], 3, 0.1),
        ...(type ? [points[type]] : []),
      ];
      const spec = single('MatMulNBits', inputs, {
        attributes: { K: depth, N: columns, bits, block_size: block },
        constants: constantsFrom(1, inputs.length),
        domain: 'com.microsoft',
      });
      await expectSameAsOnnxruntime(spec, { absolute: 1e-4 });
    });
  }
  for (const [what, type, bits] of [
    ['packed in bytes', 'uint8', 4],
    ['of 4 bits', 'int4', 4],
    ['of 4 bits without a sign', 'uint4', 4],
    ['of 8 bits', 'uint8', 8],
  ] as const) {
    for (const hasZeros of [false, true]) {
      it(`GatherBlockQuantized agrees with onnxruntime, ${what}, zero points ${hasZeros}`, async () => {
        const packed = type === 'uint8' && bits === 4 ? 2 : 1;
        const [low, high] = { int4: [-8, 7], uint4: [0, 15], uint8: [0, 255] }[type] as [number, number];
        const inputs = [
          integers(type, [6, 64 / packed], low, high),
          value('int64', [2, 2], [0, 5, -1, 3]),
          noise([6, 4], 2),
          ...(hasZeros ? [integers(type, [6, 4 / packed], low, high, 3)] : []),
        ];
        const attributes = { gather_axis: 0, quantize_axis: 1, block_size: 16, bits };
        const constants = [0, 2, ...(hasZeros ? [3] : [])];
        await expectSameAsOnnxruntime(
          single('GatherBlockQuantized', inputs, {
            attributes,
            constants,
            domain: 'com.microsoft',
            opset: 21,
          }),
        );
      });
    }
  }
  it('QAttention agrees with onnxruntime', async () => {
    const inputs = [
      integers('uint8', [2, 4, 8], 0, 255),
      integers('int8', [8, 24], -127, 127, 2),
      noise([24], 3),
      floats([1], [0.01]),
      floats([1], [0.02]),
      value('int32', [2, 4], [1, 1, 1, 0, 1, 1, 1, 1]),
      value('uint8', [1], [120]),
      value('int8', [1], [3]),
    ];
    const spec = single('QAttention', inputs, {
      attributes: { num_heads: 2 },
      constants: constantsFrom(1, 8),
      domain: 'com.microsoft',
    });
    await expectSameAsOnnxruntime(spec, { absolute: 1e-5 });
  });
  // Its kernel takes exponentials from a table of integers.
  it('QLinearSoftmax is within one code of onnxruntime', async () => {
    const inputs = [
      integers('uint8', [3, 10], 0, 255),
      floats([], [0.05]),
      value('uint8', [], [128]),
      floats([], [1 / 256]),
      value('uint8', [], [0]),
    ];
    const spec = single('QLinearSoftmax', inputs, {
      attributes: { axis: -1, opset: 13 },
      constants: [1, 2, 3, 4],
      domain: 'com.microsoft',
    });
    const bytes = modelBytes(spec);
    const [mine] = await runCompiled(importOnnx(bytes), [inputs[0]!]);
    const [theirs] = await runOnnxruntime(bytes, spec.inputs, ['y0']);
    expectClose(mine!, theirs!, 0, 1);
  });
  it('QLinearWhere agrees with onnxruntime', async () => {
    const inputs = [
      value('bool', [3], [1, 0, 1]),
      value('uint8', [3], [10, 20, 255]),
      floats([], [0.5]),
      value('uint8', [], [10]),
      value('uint8', [3], [10, 20, 30]),
      floats([], [1]),
      value('uint8', [], [0]),
      floats([], [0.25]),
      value('uint8', [], [5]),
    ];
    const spec = single('QLinearWhere', inputs, { constants: constantsFrom(2, 9), domain: 'com.microsoft' });
    await expectSameAsOnnxruntime(spec);
  });
});
