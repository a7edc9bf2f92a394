import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { type FloatFormat, FORMATS, isExact, widen } from '../../src/onnx/floatFormats.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { packBits, unpackBits } from '../../src/onnx/packedBits.ts';
import { toFormat } from '../../src/onnx/tensors/narrowFloats.ts';
import { type ElementType, TYPES } from '../../src/onnx/types.ts';
import { f32OfWord, wordOfF32 } from '../../src/scalar/machine.ts';
import { floats, modelBytes, node, runCompiled, single, type TypeName, value } from '../support/onnx.ts';
import { ARGUMENT, compileScalar } from '../support/scalarFunction.ts';

/** Floats of 4 to 16 bits: their codes, rounding to them, and the operators that convert. */

/** Bits of exponent and fraction, bias, and the codes of what is no number: from the formats' definitions. */
const definitions = {
  float16: [5, 10, 15, 'ieee'],
  bfloat16: [8, 7, 127, 'ieee'],
  float8e4m3fn: [4, 3, 7, [0x7f, 0xff]],
  float8e4m3fnuz: [4, 3, 8, [0x80]],
  float8e5m2: [5, 2, 15, 'ieee'],
  float8e5m2fnuz: [5, 2, 16, [0x80]],
  float6e2m3: [2, 3, 1, []],
  float6e3m2: [3, 2, 3, []],
  float4e2m1: [2, 1, 1, []],
} as const;
type Name = keyof typeof definitions;
const names = Object.keys(definitions) as Name[];

/** The value of a code by the formula of the definitions, not by the code under test. */
function defined(name: Name, code: number): number {
  const [exponentBits, fractionBits, bias, undefinedCodes] = definitions[name];
  const [sign, exponent, fraction] = [
    Math.floor(code / 2 ** (exponentBits + fractionBits)),
    Math.floor(code / 2 ** fractionBits) % 2 ** exponentBits,
    code % 2 ** fractionBits,
  ];
  if (undefinedCodes === 'ieee' && exponent === 2 ** exponentBits - 1) {
    return fraction > 0 ? Number.NaN : (-1) ** sign * Number.POSITIVE_INFINITY;
  }
  if (undefinedCodes !== 'ieee' && (undefinedCodes as readonly number[]).includes(code)) return Number.NaN;
  const significand = fraction / 2 ** fractionBits + (exponent === 0 ? 0 : 1);
  return (-1) ** sign * significand * 2 ** (Math.max(exponent, 1) - bias);
}

const codes = ({ bits }: FloatFormat): number[] => Array.from({ length: 2 ** bits }, (_, code) => code);

describe('codes of narrow floats', () => {
  for (const name of names) {
    it(`of ${name} have the values of its definition, all of them`, () => {
      for (const code of codes(FORMATS[name])) {
        const [actual, right] = [widen(FORMATS[name], code), defined(name, code)];
        if (!Object.is(actual, right)) expect.fail(`code ${code} is ${actual} in place of ${right}`);
      }
    });
  }

  it('of E8M0 are powers of two, and NaN', () => {
    for (let code = 0; code < 255; code++)
      expect(widen(FORMATS.float8e8m0, code)).to.equal(2 ** (code - 127));
    expect(widen(FORMATS.float8e8m0, 255)).to.be.NaN;
  });

  it('hold their own values, and none between two of them', () => {
    for (const name of names) {
      const format = FORMATS[name];
      const numbers = codes(format)
        .map((code) => defined(name, code))
        .filter(Number.isFinite);
      for (const number of numbers) expect(isExact(format, number), `${name} ${number}`).to.equal(true);
      const sorted = [...new Set(numbers)].sort((a, b) => a - b);
      for (let i = 1; i < sorted.length; i += sorted.length > 1000 ? 97 : 1) {
        const middle = (sorted[i - 1]! + sorted[i]!) / 2;
        expect(isExact(format, middle), `${name} ${middle}`).to.equal(false);
      }
      expect(isExact(format, 2 * format.greatest), name).to.equal(false);
    }
    expect([1, 2 ** -127, 2 ** 127].map((x) => isExact(FORMATS.float8e8m0, x))).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect(
      [0, -1, 3, 2 ** -128, Number.POSITIVE_INFINITY].some((x) => isExact(FORMATS.float8e8m0, x)),
    ).to.equal(false);
  });
});

/** ONNX's tables for Cast: what becomes of infinity, and of numbers that round to more than the greatest. */
const overflow: Readonly<Record<Name, number>> = {
  float16: Number.POSITIVE_INFINITY,
  bfloat16: Number.POSITIVE_INFINITY,
  float8e4m3fn: Number.NaN,
  float8e4m3fnuz: Number.NaN,
  float8e5m2: Number.POSITIVE_INFINITY,
  float8e5m2fnuz: Number.NaN,
  float6e2m3: 7.5,
  float6e3m2: 28,
  float4e2m1: 6,
};

describe('rounding to narrow floats', () => {
  for (const name of names.filter((one) => FORMATS[one].bits <= 8)) {
    for (const saturate of [false, true]) {
      it(`takes the nearest ${name}, ties to even codes, ${saturate ? 'saturating' : 'not saturating'}`, () => {
        const format = FORMATS[name];
        const magnitudes = codes(format)
          .slice(0, 2 ** (format.bits - 1))
          .map((code) => defined(name, code))
          .filter(Number.isFinite);
        const greatest = magnitudes.at(-1)!;
        // The value that the next code would have: halfway to it, rounding goes to the even one.
        const step = greatest - magnitudes.at(-2)!;
        const isOdd = (magnitudes.length - 1) % 2 === 1;
        const nearest = (x: number): number => {
          const limit = greatest + step / 2;
          if (x > limit || (x === limit && isOdd)) return saturate ? greatest : overflow[name];
          return magnitudes.reduce((best, next, code) => {
            const [far, near] = [Math.abs(best - x), Math.abs(next - x)];
            return near < far || (near === far && code % 2 === 0) ? next : best;
          });
        };
        const round = compileScalar(toFormat(format, { saturate })(ARGUMENT));
        const check = (word: number): void => {
          const right = nearest(f32OfWord(word));
          const hasNegativeZero = !name.endsWith('fnuz');
          const actual = f32OfWord(round(word | 0) >>> 0);
          if (!Object.is(actual, right))
            expect.fail(`${f32OfWord(word)} became ${actual} in place of ${right}`);
          const mirrored = f32OfWord(round(word | 0x80000000) >>> 0);
          const rightMirrored = right === 0 && !hasNegativeZero ? 0 : -right;
          if (!Object.is(mirrored, rightMirrored))
            expect.fail(`-${f32OfWord(word)} became ${mirrored} in place of ${rightMirrored}`);
        };
        const points = [...magnitudes, greatest + step];
        points.forEach((point, i) => {
          const middle = i === 0 ? point : (points[i - 1]! + point) / 2;
          for (const x of [point, middle]) {
            const word = wordOfF32(x);
            for (const near of [word - 1, word, word + 1]) if (near >= 0) check(near);
          }
        });
        for (let word = 0; word <= 0x7f800000; word += 65_521) check(word);
        check(0x7f800000);
        const nan = f32OfWord(round(0x7fc00001) >>> 0);
        if (name.startsWith('float8')) expect(nan).to.be.NaN;
        else expect(Object.is(nan, -0)).to.equal(true);
      });
    }
  }

  it('takes E8M0 by the tables of Cast in all modes', () => {
    const powers = Array.from({ length: 255 }, (_, code) => 2 ** (code - 127));
    const choose = {
      up: (x: number) => powers.find((power) => power >= x) ?? 2 ** 128,
      down: (x: number) => powers.findLast((power) => power <= x) ?? 2 ** -127,
      nearest: (x: number) => {
        const [above, below] = [choose.up(x), choose.down(x)];
        return x - below < above - x ? below : above;
      },
    };
    for (const mode of ['up', 'down', 'nearest'] as const) {
      for (const saturate of [true, false]) {
        const round = compileScalar(toFormat(FORMATS.float8e8m0, { saturate, mode })(ARGUMENT));
        const right = (x: number): number => {
          if (Number.isNaN(x)) return x;
          if (x < 2 ** -127) return saturate ? 2 ** -127 : Number.NaN;
          const power = choose[mode](x);
          const isBeyond = power > 2 ** 127 || x === Number.POSITIVE_INFINITY;
          return isBeyond ? (saturate ? 2 ** 127 : Number.NaN) : power;
        };
        const words = powers.flatMap((power) => [power, 1.5 * power, 1.25 * power]).map(wordOfF32);
        const around = words.flatMap((word) => [word - 1, word, word + 1]);
        for (const word of [0, 1, ...around, 0x7f7fffff, 0x7f800000, 0x7fc00000]) {
          const actual = f32OfWord(round(word) >>> 0);
          const x = f32OfWord(word);
          if (!Object.is(actual, right(x)))
            expect.fail(`${x}, ${mode}, ${saturate}: ${actual} in place of ${right(x)}`);
        }
      }
    }
  });
});

describe('packed elements', () => {
  it('are read back from any number of bits, the first from the lowest bit', () => {
    expect([...packBits([1, 2, 3, 0, 1], 2)]).to.deep.equal([0b00111001, 0b01]);
    expect([...packBits([0x5, 0xa, 0xf], 4)]).to.deep.equal([0xa5, 0x0f]);
    // onnx.proto's own formula for 6 bits.
    const [a, b, c, d] = [0x3f, 0x01, 0x2a, 0x15];
    expect([...packBits([a, b, c, d], 6)]).to.deep.equal([
      a | ((b & 3) << 6),
      (b >> 2) | ((c & 15) << 4),
      (c >> 4) | (d << 2),
    ]);
    for (const bits of [2, 4, 6]) {
      for (let count = 0; count < 9; count++) {
        const codes = Array.from({ length: count }, (_, i) => (i * 37 + 11) % 2 ** bits);
        expect([...unpackBits(packBits(codes, bits), bits, count)], `${bits} bits, ${count}`).to.deep.equal(
          codes,
        );
      }
    }
  });
});

const { onnx } = onnxProto;
const short = Object.entries(TYPES as Readonly<Record<string, ElementType>>).filter(
  ([, { bits, family }]) => bits <= 8 && family !== 'bool',
);

/** A model `y = Cast(w)` to float of a stored constant, whose codes are in raw bytes or in int32_data. */
function storedModel(type: ElementType, data: { rawData?: Uint8Array; int32Data?: number[] }, count: number) {
  const like = floats([1], [0]);
  const bytes = modelBytes({
    nodes: [
      node('Constant', [], ['w'], { value: { tensor: value('float', [count], new Array(count).fill(0)) } }),
      node('Cast', ['w'], ['c'], { to: TYPES.float.code }),
      node('Add', ['c', 'x'], ['y']),
    ],
    inputs: { x: like },
    outputs: ['y'],
    opset: 25,
  });
  const model = onnx.ModelProto.decode(bytes);
  const attribute = model.graph!.node![0]!.attribute![0]!;
  attribute.t = { dims: [count], dataType: type.code, ...data };
  return onnx.ModelProto.encode(model).finish();
}

const numberOf = ([name, type]: (typeof short)[number], code: number): number =>
  type.format
    ? name === 'float8e8m0'
      ? code === 255
        ? Number.NaN
        : 2 ** (code - 127)
      : defined(name as Name, code)
    : type.signed && code >= 2 ** (type.bits - 1)
      ? code - 2 ** type.bits
      : code;

describe('weights of 8 bits and fewer', () => {
  for (const entry of short) {
    const [name, type] = entry;
    const all = Array.from({ length: 2 ** type.bits }, (_, code) => code);
    const right = all.map((code) => numberOf(entry, code) + 0);
    const run = async (data: Parameters<typeof storedModel>[1]): Promise<readonly number[]> => {
      const [actual] = await runCompiled(importOnnx(storedModel(type, data, all.length)), [floats([1], [0])]);
      return actual!.values;
    };

    it(`of ${name} are their numbers, from raw bytes and from int32_data, all codes`, async () => {
      const packed = packBits(all, type.bits);
      expect(await run({ rawData: packed })).to.deep.equal(right);
      const isWhole = type.bits >= 6;
      const signed = type.family === 'integer' && type.signed && isWhole;
      const listed = isWhole ? (signed ? right : all) : [...packed];
      expect(await run({ int32Data: [...listed] })).to.deep.equal(right);
    });

    it(`of ${name} are refused where int32_data holds what is no element`, () => {
      const wrong = type.bits === 6 ? 64 : 256;
      expect(() => importOnnx(storedModel(type, { int32Data: [wrong] }, 1))).to.throw(/no |are no bytes/);
    });
  }

  it('of bool are true for any number but 0', async () => {
    const data = [{ rawData: Uint8Array.of(0, 1, 2, 255) }, { int32Data: [0, 1, 256, -1] }];
    for (const one of data) {
      const model = importOnnx(storedModel(TYPES.bool, one, 4));
      const [actual] = await runCompiled(model, [floats([1], [0])]);
      expect(actual!.values).to.deep.equal([0, 1, 1, 1]);
    }
  });
});

/** Runs one node with inputs as its constants are, and the output cast to float. */
async function throughFloat(spec: ReturnType<typeof single>): Promise<readonly number[]> {
  const nodes = [...spec.nodes, node('Cast', ['y0'], ['z'], { to: TYPES.float.code })];
  const model = importOnnx(modelBytes({ ...spec, nodes, outputs: ['z'], opset: 25 }));
  const [actual] = await runCompiled(model, Object.values(spec.inputs));
  return actual!.values;
}

describe('Cast between narrow types', () => {
  const numbers = [-1e6, -7, -3, -2.5, -2, -1, -0.3, 0, 0.3, 1, 2.5, 3, 5, 7, 9, 300, 1e6];

  for (const [name, { code, format }] of short.filter(
    ([, type]) => type.format && type !== TYPES.float8e8m0,
  )) {
    it(`rounds floats to ${name} once, saturating or not`, async () => {
      for (const saturate of [1, 0]) {
        const round = compileScalar(toFormat(format!, { saturate: saturate === 1 })(ARGUMENT));
        const actual = await throughFloat(
          single('Cast', [floats([numbers.length], numbers)], { attributes: { to: code, saturate } }),
        );
        expect(actual).to.deep.equal(numbers.map((x) => f32OfWord(round(wordOfF32(x) | 0) >>> 0)));
      }
    });
  }

  it('keeps infinity in E5M2 where it does not saturate, whatever copies the tensor', async () => {
    const spec = single('Cast', [floats([3], [1e6, -1e6, 1])], {
      attributes: { to: TYPES.float8e5m2.code, saturate: 0 },
    });
    const nodes = [
      ...spec.nodes,
      node('Reshape', ['y0', 'shape'], ['r']),
      node('Cast', ['r'], ['z'], { to: TYPES.float.code }),
    ];
    const constants = { shape: value('int64', [2], [3, 1]) };
    const model = importOnnx(modelBytes({ ...spec, nodes, constants, outputs: ['z'], opset: 25 }));
    const [actual] = await runCompiled(model, Object.values(spec.inputs));
    expect(actual!.values).to.deep.equal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
  });

  for (const [name, { code, bits, signed }] of short.filter(([, type]) => type.family === 'integer')) {
    it(`keeps the lower bits of integers cast to ${name}`, async () => {
      const integers = Array.from({ length: 41 }, (_, i) => 17 * i - 340);
      const actual = await throughFloat(
        single('Cast', [value('int32', [41], integers)], { attributes: { to: code } }),
      );
      const right = integers.map((x) =>
        Number(signed ? BigInt.asIntN(bits, BigInt(x)) : BigInt.asUintN(bits, BigInt(x))),
      );
      expect(actual).to.deep.equal(right);
    });
  }

  it('goes by the type of the second input in CastLike', async () => {
    const actual = await throughFloat(
      single('CastLike', [floats([3], [1.1, 100, -0.2]), value('float4e2m1', [1], [0])], { constants: [1] }),
    );
    expect(actual).to.deep.equal([1, 6, -0]);
  });
});

describe('BitCast', () => {
  const pairs: readonly (readonly [TypeName, TypeName])[] = [
    ...names.filter((name) => FORMATS[name].bits === 8).map((name) => ['uint8', name] as const),
    ['uint8', 'float8e8m0'],
    ['int16', 'float16'],
    ['uint16', 'bfloat16'],
    ['uint4', 'float4e2m1'],
  ];
  for (const [integer, float] of pairs) {
    it(`takes ${integer} for ${float} and back, all codes but those of further NaN`, async () => {
      const { bits, format } = TYPES[float] as ElementType;
      const all = Array.from({ length: 2 ** bits }, (_, code) => code);
      const right = all.map((code) => widen(format!, code));
      const isSigned = (TYPES[integer] as ElementType).signed;
      const integers = all.map((code) => (isSigned && code >= 2 ** (bits - 1) ? code - 2 ** bits : code));
      const model = importOnnx(
        modelBytes({
          inputs: { x: value(integer, [all.length], integers) },
          nodes: [
            node('BitCast', ['x'], ['f'], { to: TYPES[float].code }),
            node('Cast', ['f'], ['y'], { to: TYPES.float.code }),
            node('BitCast', ['f'], ['back'], { to: TYPES[integer].code }),
          ],
          outputs: ['y', 'back'],
          opset: 26,
        }),
      );
      const [actual, back] = await runCompiled(model, [value(integer, [all.length], integers)]);
      expect(actual!.values).to.deep.equal(right);
      back!.values.forEach((code, i) => {
        if (!Number.isNaN(right[i]!)) expect(code, `code ${i}`).to.equal(integers[i]);
      });
    });
  }
});
