import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  type Result,
  runCompiled,
  single,
  type TypeName,
  type Value,
  value,
} from '../support/onnx.ts';

/** Changes between versions of operators, tested by the standard's text in integers or float64. */

async function run(...args: Parameters<typeof single>): Promise<Result> {
  const spec = single(...args);
  const [y] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
  return y!;
}

const refused = (...args: Parameters<typeof single>) =>
  expect(() => importOnnx(modelBytes(single(...args))), args[0]);

describe('BitShift of signed integers (since version 28)', () => {
  const numbers: Readonly<Partial<Record<TypeName, readonly number[]>>> = {
    int8: [-128, -8, -1, 0, 1, 100, 127],
    int16: [-32768, -9, -1, 0, 3, 32767, 255],
    int32: [-(2 ** 31), -16, -1, 0, 7, 2 ** 31 - 1, 65536],
  };
  const distances = [-3, 0, 1, 4, 7, 8, 31, 32, 40];
  for (const [name, list] of Object.entries(numbers)) {
    const type = name as TypeName;
    const bits = Number(name.slice(3));
    for (const direction of ['LEFT', 'RIGHT'] as const) {
      it(`shifts ${name} to the ${direction.toLowerCase()}`, async () => {
        const pairs = list.flatMap((x) => distances.map((by) => [x, by] as const));
        const x = value(
          type,
          [pairs.length],
          pairs.map(([number]) => number),
        );
        const by = value(
          type,
          [pairs.length],
          pairs.map(([, distance]) => distance),
        );
        const y = await run('BitShift', [x, by], { attributes: { direction }, opset: 28 });
        const values = pairs.map(([number, distance]) => {
          if (distance < 0 || distance >= bits) return direction === 'RIGHT' && number < 0 ? -1 : 0;
          const shifted =
            direction === 'LEFT' ? BigInt(number) << BigInt(distance) : BigInt(number) >> BigInt(distance);
          return Number(BigInt.asIntN(bits, shifted));
        });
        expectClose(y, { shape: [pairs.length], values }, 0, 0);
      });
    }
  }
  it('shifts int64 to the right, also by more than 32', async () => {
    const x = value('int64', [4], [-5, 5, -(2 ** 31), 2 ** 31 - 1]);
    for (const by of [1, 31, 32, 40, 63, 64]) {
      const y = await run('BitShift', [x, value('int64', [], [by])], {
        attributes: { direction: 'RIGHT' },
        opset: 28,
      });
      const values = x.values.map((number) => Number(BigInt(number) >> BigInt(by)));
      expectClose(y, { shape: [4], values }, 0, 0);
    }
  });
  it('refuses a direction that is none, and what is no integer', () => {
    const x = value('int32', [1], [1]);
    refused('BitShift', [x, x], { attributes: { direction: 'UP' }, opset: 28 }).to.throw('direction "UP"');
    const f = floats([1], [1]);
    refused('BitShift', [f, f], { attributes: { direction: 'LEFT' }, opset: 28 }).to.throw('only integers');
  });
});

describe('SpaceToDepth (mode since version 28)', () => {
  const x = noise([2, 3, 4, 6], 1);
  for (const mode of ['DCR', 'CRD']) {
    it(`${mode} is undone by DepthToSpace of that mode`, async () => {
      const attributes = { blocksize: 2, mode };
      const deep = await run('SpaceToDepth', [x], { attributes, opset: 28 });
      expect(deep.shape).to.deep.equal([2, 12, 2, 3]);
      const back = await run('DepthToSpace', [floats(deep.shape, deep.values)], { attributes, opset: 28 });
      expectClose(back, x, 0, 0);
      // The first channel's second place in the first block is the next channel (CRD), or after all others (DCR).
      const place = mode === 'CRD' ? 1 : 3;
      expect(deep.values[place * 6]).to.equal(x.values[1]);
    });
  }
  it('refuses another mode', () => {
    for (const op of ['SpaceToDepth', 'DepthToSpace']) {
      refused(op, [noise([1, 4, 2, 2])], { attributes: { blocksize: 2, mode: 'RCD' }, opset: 28 }).to.throw(
        'mode "RCD" is not known',
      );
    }
  });
});

describe('Mod of floats', () => {
  const special = [0, -0, 1, -1, 2.5, -2.5, 7, -7, 1e-40, 3e38, Infinity, -Infinity, NaN];
  const pairs = special.flatMap((x) => special.map((y) => [x, y] as const));
  const [a, b] = [0, 1].map((i) =>
    floats(
      [pairs.length],
      pairs.map((pair) => pair[i]!),
    ),
  ) as [Value, Value];
  /** Python's and numpy's remainder: of the divisor's sign. */
  const floored = (x: number, y: number): number => {
    const rest = x % y;
    if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
    return rest < 0 !== y < 0 ? Math.fround(rest + y) : rest;
  };
  for (const [fmod, by] of [
    [0, floored],
    [1, (x: number, y: number) => x % y],
  ] as const) {
    it(`is that of ONNX with fmod ${fmod} (0 is legal since version 28)`, async () => {
      const y = await run('Mod', [a, b], { attributes: { fmod }, opset: 28 });
      pairs.forEach(([x, divisor], i) => {
        const expected = by(Math.fround(x), Math.fround(divisor));
        expect(
          Object.is(y.values[i], expected),
          `${x} mod ${divisor}: ${y.values[i]}, not ${expected}`,
        ).to.equal(true);
      });
    });
  }
});

describe('Resize up to version 10 and Upsample', () => {
  /** Version 10: the place p / scale, rounded down for larger results, and up for smaller ones. */
  const nearest = (x: Value, scales: readonly number[]): Result => {
    const [rows, columns] = x.shape as [number, number];
    const sizes = [Math.floor(rows * scales[0]!), Math.floor(columns * scales[1]!)] as const;
    const source = (p: number, d: 0 | 1) => {
      const place = p / Math.fround(scales[d]!);
      const rounded = scales[d]! < 1 ? Math.ceil(place) : Math.floor(place);
      return Math.min(x.shape[d]! - 1, rounded);
    };
    const values = Array.from({ length: sizes[0] * sizes[1] }, (_, i) => {
      const [r, c] = [Math.floor(i / sizes[1]), i % sizes[1]];
      return x.values[source(r, 0) * columns + source(c, 1)]!;
    });
    return { shape: sizes, values };
  };
  const x = noise([5, 8], 1);
  for (const scales of [
    [0.6, 0.6],
    [1, 0.5],
    [0.25, 3],
    [2, 0.9],
    [0.33, 0.77],
    [1.5, 2.5],
  ]) {
    for (const mode of ['nearest', 'linear']) {
      it(`agree with onnxruntime in version 10, ${mode}, by ${scales}`, async () => {
        const options = { attributes: { mode }, opset: 10, constants: [1] };
        const scaleInput = floats([2], scales);
        if (mode === 'nearest')
          expectClose(await run('Resize', [x, scaleInput], options), nearest(x, scales), 0, 0);
        await expectSameAsOnnxruntime(single('Resize', [x, scaleInput], options));
      });
    }
  }
  it("pass ONNX 1.5's own test of a smaller result", async () => {
    const image = floats([1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    const y = await run('Resize', [image, floats([4], [1, 1, 0.6, 0.6])], {
      attributes: { mode: 'nearest' },
      opset: 10,
      constants: [1],
    });
    expectClose(y, { shape: [1, 1, 1, 2], values: [1, 3] }, 0, 0);
  });
  for (const [opset, attributes, inputs] of [
    [6, { height_scale: { float: 2 }, width_scale: { float: 3 } }, []],
    [7, { scales: { floats: [1, 1, 2, 3] } }, []],
    [9, {}, [floats([4], [1, 1, 2, 3])]],
  ] as readonly (readonly [number, Record<string, Attribute>, readonly Value[]])[]) {
    it(`repeat elements in Upsample of version ${opset}`, async () => {
      const image = floats([1, 1, 1, 2], [1, 2]);
      const y = await run('Upsample', [image, ...inputs], { attributes, opset, constants: [1] });
      expectClose(y, { shape: [1, 1, 2, 6], values: [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2] }, 0, 0);
    });
  }
  it('Upsample takes no scale below 1, and Resize none of 0', () => {
    const image = noise([1, 1, 4, 4]);
    for (const [op, scale, opset] of [
      ['Upsample', 0.5, 9],
      ['Resize', 0, 10],
    ] as const) {
      refused(op, [image, floats([4], [1, 1, 1, scale])], { opset, constants: [1] }).to.throw(
        /scales .* are not/,
      );
    }
  });
  it('a region with scales is refused, whose size the standard leaves open', () => {
    const inputs = [
      noise([1, 1, 4, 4]),
      floats([8], [0, 0, 0, 0, 1, 1, 0.5, 0.5]),
      floats([4], [1, 1, 2, 2]),
    ];
    const attributes = { coordinate_transformation_mode: 'tf_crop_and_resize' };
    refused('Resize', inputs, { attributes, opset: 13, constants: [1, 2] }).to.throw('regions with scales');
  });
});

describe('BatchNormalization', () => {
  const x = noise([2, 3, 2, 2], 1, 3);
  const by = (seed: number, shape: readonly number[]) => ({
    ...noise(shape, seed),
    values: noise(shape, seed).values.map((v) => Math.fround(Math.abs(v) + 0.5)),
  });
  const parameters = (shape: readonly number[]) => [2, 3, 4, 5].map((seed) => by(seed, shape));
  const expected = (tensors: readonly Value[], place: (i: number) => number): Result => ({
    shape: x.shape,
    values: x.values.map((v, i) => {
      const [scale, bias, mean, variance] = tensors.map(({ values }) => values[place(i)]!) as [
        number,
        number,
        number,
        number,
      ];
      return ((v - mean) / Math.sqrt(variance + 1e-5)) * scale + bias;
    }),
  });

  for (const constants of [[], [1, 2, 3, 4]]) {
    it(`with spatial 0 (up to version 8) goes by element, ${constants.length} parameters known`, async () => {
      const byElement = parameters([3, 2, 2]);
      const y = await run('BatchNormalization', [x, ...byElement], {
        attributes: { spatial: 0 },
        opset: 7,
        constants,
      });
      expectClose(
        y,
        expected(byElement, (i) => i % 12),
        1e-5,
        1e-5,
      );
    });
  }
  it('with spatial 1 goes by channel', async () => {
    const byChannel = parameters([3]);
    const y = await run('BatchNormalization', [x, ...byChannel], { attributes: { spatial: 1 }, opset: 7 });
    expectClose(
      y,
      expected(byChannel, (i) => Math.floor(i / 4) % 3),
      1e-5,
      1e-5,
    );
  });
  it('with spatial 0 takes no parameters by channel; spatial is gone since version 9', () => {
    const byChannel = parameters([3]);
    refused('BatchNormalization', [x, ...byChannel], { attributes: { spatial: 0 }, opset: 7 }).to.throw(
      'is of shape [3], not [3,2,2]',
    );
    refused('BatchNormalization', [x, ...byChannel], { attributes: { spatial: 0 }, opset: 9 }).to.throw(
      'no attribute "spatial"',
    );
  });
  it('up to version 6 is that of training unless it says is_test', async () => {
    const byChannel = parameters([3]);
    const y = await run('BatchNormalization', [x, ...byChannel], { attributes: { is_test: 1 }, opset: 6 });
    expectClose(
      y,
      expected(byChannel, (i) => Math.floor(i / 4) % 3),
      1e-5,
      1e-5,
    );
    refused('BatchNormalization', [x, ...byChannel], { opset: 6 }).to.throw('export for inference');
  });
});

it('Dropout up to version 6 drops unless it says is_test', async () => {
  const x = noise([4]);
  expectClose(await run('Dropout', [x], { attributes: { is_test: 1 }, opset: 6 }), x, 0, 0);
  refused('Dropout', [x], { opset: 6 }).to.throw('random numbers');
});

describe('a reduction over no axes (noop_with_empty_axes)', () => {
  const x = floats([2, 3], [1, -2, 3, 0.5, -0.25, 4]);
  const positive = floats([2, 3], [1, 2, 3, 0.5, 0.25, 4]);
  for (const [op, input, element] of [
    ['ReduceSum', x, (v: number) => v],
    ['ReduceMean', x, (v: number) => v],
    ['ReduceMax', x, (v: number) => v],
    ['ReduceMin', x, (v: number) => v],
    ['ReduceProd', x, (v: number) => v],
    ['ReduceL1', x, Math.abs],
    ['ReduceL2', x, Math.abs],
    ['ReduceSumSquare', x, (v: number) => v * v],
    ['ReduceLogSum', positive, Math.log],
    ['ReduceLogSumExp', x, (v: number) => v],
  ] as const) {
    it(`is ${op} of each element alone`, async () => {
      for (const keepdims of [0, 1]) {
        const y = await run(op, [input], { attributes: { noop_with_empty_axes: 1, keepdims }, opset: 18 });
        expectClose(y, { shape: [2, 3], values: input.values.map(element) }, 1e-6);
      }
    });
  }
});

describe('BitCast of 16-bit floats', () => {
  const bits = [0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x7c00, 0x8000, 0x8001, 0xbc00, 0xfbff, 0xfc00, 0x3555];
  const ofBits = (type: 'float16' | 'bfloat16', pattern: number): number => {
    const word = new DataView(new ArrayBuffer(4));
    if (type === 'bfloat16') {
      word.setUint32(0, pattern << 16);
      return word.getFloat32(0);
    }
    const [sign, exponent, fraction] = [pattern >> 15 ? -1 : 1, (pattern >> 10) & 31, pattern & 1023];
    if (exponent === 31) return sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  };
  for (const [type, code] of [
    ['float16', 10],
    ['bfloat16', 16],
  ] as const) {
    const numbers = bits.map((pattern) => ofBits(type, pattern));
    const shape = [bits.length];
    it(`makes ${type} of its bits, and back`, async () => {
      const options = (to: number) => ({ attributes: { to }, opset: 26 });
      expectClose(
        await run('BitCast', [value('uint16', shape, bits)], options(code)),
        { shape, values: numbers },
        0,
        0,
      );
      expectClose(
        await run('BitCast', [value(type, shape, numbers)], options(4)),
        { shape, values: bits },
        0,
        0,
      );
      const signed = bits.map((pattern) => (pattern << 16) >> 16);
      expectClose(
        await run('BitCast', [value(type, shape, numbers)], options(5)),
        { shape, values: signed },
        0,
        0,
      );
    });
  }
  it('makes bool of bytes, and back', async () => {
    const options = (to: number) => ({ attributes: { to }, opset: 26 });
    const flags = { shape: [3], values: [0, 1, 1] };
    expectClose(await run('BitCast', [value('bool', [3], [0, 1, 1])], options(2)), flags, 0, 0);
    expectClose(await run('BitCast', [value('uint8', [3], [0, 1, 7])], options(9)), flags, 0, 0);
  });
});

it('Selu of version 1 has defaults of its own', async () => {
  const x = floats([3], [1, -1, -20]);
  const y = await run('Selu', [x], { opset: 1 });
  const values = x.values.map((v) => 1.0507 * (v > 0 ? v : 1.6732 * (Math.exp(v) - 1)));
  expectClose(y, { shape: [3], values }, 1e-6);
});

describe('ceil_mode with auto_pad', () => {
  for (const [auto_pad, extent, kernel, stride, places] of [
    ['VALID', 3, 2, 2, 1],
    ['VALID', 7, 3, 3, 2],
    ['SAME_UPPER', 5, 2, 2, 3],
    ['SAME_LOWER', 7, 3, 3, 3],
    ['NOTSET', 3, 2, 2, 2],
  ] as const) {
    it(`makes ${places} windows of ${kernel} by ${stride} in ${extent} for ${auto_pad}`, async () => {
      for (const op of ['MaxPool', 'AveragePool', 'LpPool']) {
        const attributes = { kernel_shape: [kernel], strides: [stride], ceil_mode: 1, auto_pad };
        const y = await run(op, [noise([1, 1, extent])], { attributes, opset: 19 });
        expect(y.shape, op).to.deep.equal([1, 1, places]);
      }
    });
  }
});

it('QuantizeLinear refuses an output_dtype that its zero point does not have', () => {
  const inputs = [noise([4]), floats([], [0.5]), value('int8', [], [0])];
  refused('QuantizeLinear', inputs, { attributes: { output_dtype: 2 }, opset: 21 }).to.throw(
    'output_dtype is uint8',
  );
});
