import { expect } from 'chai';
import { FORMATS, widen } from '../../src/onnx/floatFormats.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { type ElementType, TYPES } from '../../src/onnx/types.ts';
import { floats, modelBytes, node, runCompiled, type TypeName, type Value, value } from '../support/onnx.ts';

/** QuantizeLinear and DequantizeLinear of 8 bits and fewer: by tensor, by axis and by block, from exact arithmetic. */

const rows = 3;
const columns = 8;
type Way = 'tensor' | 'axis' | 'block';
const ways: readonly Way[] = ['tensor', 'axis', 'block'];

/** Scales are powers of two, so that products and quotients are exact and a rounding is the formula's own. */
const scales: Readonly<Record<Way, Value>> = {
  tensor: floats([], [0.5]),
  axis: floats([rows], [0.5, 2, 0.25]),
  block: floats([rows, 2], [0.5, 2, 0.25, 1, 4, 0.125]),
};
const attributes: Readonly<Record<Way, Record<string, number>>> = {
  tensor: {},
  axis: { axis: 0 },
  block: { axis: 1, block_size: 4 },
};
const parameterAt = (way: Way, list: readonly number[], row: number, column: number): number =>
  (way === 'tensor'
    ? list[0]
    : way === 'axis'
      ? list[row]
      : list[2 * row + Math.floor(column / 4)]) as number;

const each = <T>(make: (row: number, column: number) => T): T[] =>
  Array.from({ length: rows * columns }, (_, i) => make(Math.floor(i / columns), i % columns));

/** Runs one node over a float input or a constant, with its result cast to float. */
async function run(
  op: string,
  x: Value,
  way: Way,
  zero: Value | undefined,
  more: Record<string, number> = {},
) {
  const inputs = ['x', 'scale', ...(zero ? ['zero'] : [])];
  const model = importOnnx(
    modelBytes({
      nodes: [
        node(op, inputs, ['q'], { ...attributes[way], ...more }),
        node('Cast', ['q'], ['y'], { to: TYPES.float.code }),
      ],
      inputs: { x },
      constants: { scale: scales[way], ...(zero ? { zero } : {}) },
      outputs: ['y'],
      opset: 25,
    }),
  );
  const [actual] = await runCompiled(model, [x]);
  return actual!.values;
}

const even = (x: number): number => {
  const low = Math.floor(x);
  return x - low > 0.5 || (x - low === 0.5 && low % 2 !== 0) ? low + 1 : low;
};

const integers = ['uint8', 'int8', 'uint4', 'int4', 'uint2', 'int2'] as const;
const shortFloats = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'float4e2m1'] as const;

describe('quantisation to integers of 8 bits and fewer', () => {
  const x = floats(
    [rows, columns],
    each((row, column) => (column - 3.5) * (row + 0.75)),
  );
  for (const type of integers) {
    const { bits, signed } = TYPES[type] as ElementType;
    const [low, high] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    for (const way of ways) {
      it(`rounds, shifts and saturates to ${type} by ${way}, and back`, async () => {
        const { shape } = scales[way];
        const zeros = scales[way].values.map((_, i) => low + ((i + 1) % (high - low + 1)));
        const zero = value(type, shape, zeros);
        const right = each((row, column) => {
          const scale = parameterAt(way, scales[way].values, row, column);
          const shifted =
            even(x.values[row * columns + column]! / scale) + parameterAt(way, zeros, row, column);
          return Math.min(high, Math.max(low, shifted));
        });
        expect(await run('QuantizeLinear', x, way, zero)).to.deep.equal(right);
        const q = value(type, [rows, columns], right);
        const back = each((row, column) => {
          const centred = right[row * columns + column]! - parameterAt(way, zeros, row, column);
          return centred * parameterAt(way, scales[way].values, row, column);
        });
        expect(await run('DequantizeLinear', q, way, zero)).to.deep.equal(back);
      });
    }

    it(`takes ${type} from output_dtype, without a zero point`, async () => {
      const actual = await run('QuantizeLinear', x, 'tensor', undefined, { output_dtype: TYPES[type].code });
      expect(actual).to.deep.equal(x.values.map((p) => Math.min(high, Math.max(low, even(p / 0.5)))));
    });
  }
});

describe('quantisation to floats of 8 bits and fewer', () => {
  for (const type of shortFloats) {
    const format = FORMATS[type];
    const numbers = Array.from({ length: 2 ** format.bits }, (_, code) => widen(format, code)).filter(
      (number) => Number.isFinite(number) && !Object.is(number, -0),
    );
    const sorted = [...numbers].sort((a, b) => a - b);
    // Numbers of the type, and numbers a quarter of the way to the next one, which round back to them.
    const picked = each((row, column) => (row * columns + column) % (sorted.length - 1));
    const near = picked.map((i, n) => sorted[i]! + (n % 2) * 0.25 * (sorted[i + 1]! - sorted[i]!));

    for (const way of ways) {
      it(`rounds to ${type} by ${way}, and back`, async () => {
        const scaleAt = (i: number) =>
          parameterAt(way, scales[way].values, Math.floor(i / columns), i % columns);
        const x = floats(
          [rows, columns],
          near.map((p, i) => p * scaleAt(i)),
        );
        const zero = value(
          type as TypeName,
          scales[way].shape,
          scales[way].values.map(() => 0),
        );
        const right = picked.map((i) => sorted[i]!);
        expect(await run('QuantizeLinear', x, way, zero)).to.deep.equal(right);
        const q = value(type as TypeName, [rows, columns], right);
        const back = right.map((p, i) => p * scaleAt(i));
        expect(await run('DequantizeLinear', q, way, zero)).to.deep.equal(back);
        expect(await run('DequantizeLinear', q, way, undefined)).to.deep.equal(back);
      });
    }
  }

  it('saturates or overflows as Cast does', async () => {
    const x = floats([1, 3], [1e6, -1e6, Number.POSITIVE_INFINITY]);
    const quantise = (type: TypeName, saturate: number) =>
      run('QuantizeLinear', x, 'tensor', value(type, [], [0]), { saturate });
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    expect(await quantise('float8e4m3fn', 1)).to.deep.equal([448, -448, 448]);
    expect(await quantise('float8e4m3fn', 0)).to.deep.equal([nan, nan, nan]);
    expect(await quantise('float8e5m2', 0)).to.deep.equal([infinity, -infinity, infinity]);
    expect(await quantise('float4e2m1', 0)).to.deep.equal([6, -6, 6]);
  });

  it('dequantises to output_dtype, rounded to it', async () => {
    const q = value('float8e4m3fn', [1, 2], [1.125, 448]);
    const model = importOnnx(
      modelBytes({
        nodes: [node('DequantizeLinear', ['q', 'scale'], ['y'], { output_dtype: TYPES.float16.code })],
        inputs: { q },
        constants: { scale: floats([], [1 + 2 ** -20]) },
        outputs: ['y'],
        opset: 25,
      }),
    );
    expect(model.outputs[0]?.onnxType).to.equal('float16');
    const [actual] = await runCompiled(model, [q]);
    expect(actual!.values).to.deep.equal([1.125, 448]);
  });
});
