import { expect } from 'chai';
import { FORMATS } from '../../src/onnx/floatFormats.ts';
import { type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { type GraphSpec, modelBytes, node, noise, runCompiled, type Value, value } from '../support/onnx.ts';
import { roundTo } from '../support/roundTo.ts';

/** float16 and bfloat16: what each operator yields is rounded, once, and nothing else is. */

const types = ['float16', 'bfloat16'] as const;
type Half = (typeof types)[number];

async function run(spec: GraphSpec, options: ImportOptions = {}): Promise<readonly number[]> {
  const model = importOnnx(modelBytes(spec), options);
  const [actual] = await runCompiled(
    model,
    model.inputs.map(({ name }) => spec.inputs[name] as Value),
  );
  return actual!.values;
}

const inType = (type: Half, values: readonly number[]): number[] =>
  values.map((x) => roundTo(FORMATS[type], x));
const half = (type: Half, values: readonly number[]): Value =>
  value(type, [values.length], inType(type, values));

describe('operators on 16-bit floats', () => {
  for (const type of types) {
    const round = (x: number): number => roundTo(FORMATS[type], x);
    const [a, b, c] = [1, 2, 3].map((seed) => half(type, noise([200], seed, 100).values)) as [
      Value,
      Value,
      Value,
    ];

    it(`round each result to ${type}: a sum, a product of it, a quotient, a root`, async () => {
      const nodes = [
        node('Add', ['a', 'b'], ['sum']),
        node('Mul', ['sum', 'c'], ['product']),
        node('Div', ['product', 'b'], ['quotient']),
        node('Abs', ['quotient'], ['magnitude']),
        node('Sqrt', ['magnitude'], ['y']),
      ];
      // In binary64 each of these operations on 16-bit floats is exact or rounded innocuously (53 >= 2 * 11 + 2).
      const right = a.values.map((x, i) => {
        const product = round(round(x + b.values[i]!) * c.values[i]!);
        return round(Math.sqrt(Math.abs(round(product / b.values[i]!))));
      });
      expect(await run({ nodes, inputs: { a, b, c }, outputs: ['y'] })).to.deep.equal(right);
      const kept = await run({ nodes, inputs: { a, b, c }, outputs: ['y'] }, { half: 'float32' });
      const f = Math.fround;
      const inBinary32 = a.values.map((x, i) => {
        const product = f(f(x + b.values[i]!) * c.values[i]!);
        return f(Math.sqrt(Math.abs(f(product / b.values[i]!))));
      });
      expect(kept).to.deep.equal(inBinary32);
      expect(kept).not.to.deep.equal(right);
    });

    it(`of ${type} overflow, underflow and break ties as the format does`, async () => {
      const { greatest } = FORMATS[type];
      const least = 2 ** (1 - FORMATS[type].bias - FORMATS[type].fractionBits);
      const one = 2 ** FORMATS[type].fractionBits;
      const x = half(type, [greatest, -greatest, least, least, 2 * one, 2 * one + 2]);
      const y = half(type, [greatest, -greatest, 0.5, 0.25, 1, 1]);
      const sum = await run({ nodes: [node('Add', ['x', 'y'], ['z'])], inputs: { x, y }, outputs: ['z'] });
      expect(sum.slice(0, 2)).to.deep.equal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
      expect(sum.slice(4)).to.deep.equal([2 * one, 2 * one + 4]);
      const product = await run({
        nodes: [node('Mul', ['x', 'y'], ['z'])],
        inputs: { x, y },
        outputs: ['z'],
      });
      // Half the least number is a tie with 0, which is even; a quarter is nearer to 0.
      expect(product.slice(2, 4)).to.deep.equal([0, 0]);
    });

    it(`add up in float32 inside one operator and round to ${type} once`, async () => {
      // Small integers: every partial sum is exact in binary32, and most of them are not in 16 bits.
      const x = Array.from({ length: 64 }, (_, i) => ((i * 37) % 101) - 30);
      const y = Array.from({ length: 64 }, (_, i) => ((i * 53) % 89) - 20);
      const dot = x.reduce((sum, p, i) => sum + p * y[i]!, 0);
      const [matrix, column] = [value(type, [1, 64], x), value(type, [64, 1], y)];
      const product = node('MatMul', ['x', 'y'], ['z']);
      const actual = await run({ nodes: [product], inputs: { x: matrix, y: column }, outputs: ['z'] });
      expect(actual).to.deep.equal([round(dot)]);
      const sum = node('ReduceSum', ['x'], ['z'], { keepdims: 0 });
      expect(await run({ nodes: [sum], inputs: { x: matrix }, outputs: ['z'], opset: 13 })).to.deep.equal([
        round(x.reduce((all, p) => all + p, 0)),
      ]);
    });

    it(`take what is given for ${type} as ${type}, whatever float32 it is`, async () => {
      const input = value('float', [3], [0.1, 1 / 3, 1e-9].map(Math.fround));
      const spec = {
        nodes: [node('Identity', ['x'], ['y'])],
        inputs: { x: value(type, [3], [0, 0, 0]) },
        outputs: ['y'],
      };
      const [actual] = await runCompiled(importOnnx(modelBytes(spec)), [input]);
      expect(actual!.values).to.deep.equal(input.values.map(round));
    });

    it(`are rounded to ${type} in branches, loops and functions, too`, async () => {
      const [x, y] = [half(type, [1 / 3, 100.3, 5]), half(type, [1 / 7, 33.7, 1e-3])];
      const body = {
        nodes: [
          node('Mul', ['s', 'y'], ['p']),
          node('Add', ['p', 'x'], ['n']),
          node('Identity', ['c'], ['d']),
        ],
        inputs: {
          i: value('int64', [], [0]),
          c: value('bool', [], [1]),
          s: value(type, [3], [0, 0, 0]),
        },
        outputs: { d: value('bool', [], [1]), n: value(type, [3], [0, 0, 0]) },
      };
      const actual = await run({
        nodes: [
          node('Loop', ['count', 'on', 'x'], ['s3'], { body: { graph: body } }),
          node('Twice', ['s3'], ['z'], {}, 'own'),
        ],
        functions: [
          {
            name: 'Twice',
            domain: 'own',
            inputs: ['v'],
            outputs: ['w'],
            nodes: [node('Mul', ['v', 'v'], ['q']), node('Add', ['q', 'v'], ['w'])],
            opset: 17,
          },
        ],
        domains: { own: 1 },
        inputs: { x, y },
        constants: { count: value('int64', [], [3]), on: value('bool', [], [1]) },
        outputs: ['z'],
      });
      const right = x.values.map((start, i) => {
        let s = start;
        for (let pass = 0; pass < 3; pass++) s = round(round(s * y.values[i]!) + start);
        return round(round(s * s) + s);
      });
      expect(actual).to.deep.equal(right);
    });

    it(`round each step of Softmax to ${type}, as ONNX defines it by single operators`, async () => {
      const x = half(type, [0.3, -1.7, 2.4, 0.9, -0.2]);
      const actual = await run({ nodes: [node('Softmax', ['x'], ['y'])], inputs: { x }, outputs: ['y'] });
      const powers = x.values.map((p) => round(Math.exp(round(p - Math.max(...x.values)))));
      const sum = round(powers.reduce((all, p) => all + p, 0));
      expect(actual).to.deep.equal(powers.map((p) => round(p / sum)));
    });

    it(`only copy, choose or negate ${type} without rounding anew`, () => {
      const x = noise([2, 6], 4, 10);
      const spec: GraphSpec = {
        nodes: [
          node('Cast', ['x'], ['h'], { to: TYPES[type].code }),
          node('Transpose', ['h'], ['t']),
          node('Reshape', ['t', 'shape'], ['r']),
          node('Neg', ['r'], ['n']),
          node('Max', ['r', 'n'], ['m']),
          node('Relu', ['n'], ['p']),
          node('Concat', ['m', 'p'], ['j'], { axis: 0 }),
          node('Gather', ['j', 'rows'], ['g']),
          node('ReduceMax', ['g'], ['q'], { axes: [1] }),
          node('Cast', ['q'], ['y'], { to: TYPES.float.code }),
        ],
        inputs: { x },
        constants: { shape: value('int64', [2], [3, 4]), rows: value('int64', [2], [1, 5]) },
        outputs: ['y'],
      };
      const rounding = importOnnx(modelBytes(spec));
      expect(rounding.program).to.deep.equal(importOnnx(modelBytes(spec), { half: 'float32' }).program);
    });
  }

  it("quantise by quotients in the scale's type, or in the precision asked for", async () => {
    const round = (x: number): number => roundTo(FORMATS.float16, x);
    const x = half('float16', noise([300], 9, 30).values);
    const scale = value('float16', [], [round(0.3)]);
    const zero = value('uint8', [], [100]);
    const quantise = (attributes: Record<string, number>) =>
      run({
        nodes: [node('QuantizeLinear', ['x', 'scale', 'zero'], ['y'], attributes)],
        inputs: { x },
        constants: { scale, zero },
        outputs: ['y'],
        opset: 25,
      });
    const even = (p: number): number => {
      const low = Math.floor(p);
      return p - low > 0.5 || (p - low === 0.5 && low % 2 !== 0) ? low + 1 : low;
    };
    const right = (quotient: (p: number) => number): number[] =>
      x.values.map((p) => Math.min(255, Math.max(0, even(quotient(p)) + 100)));
    const inHalf = right((p) => round(p / scale.values[0]!));
    const inFloat = right((p) => Math.fround(p / scale.values[0]!));
    expect(await quantise({})).to.deep.equal(inHalf);
    expect(await quantise({ precision: TYPES.float.code })).to.deep.equal(inFloat);
    expect(inHalf).not.to.deep.equal(inFloat);
  });
});
