import { expect } from 'chai';
import { FORMATS, widen as widenCode } from '../../src/onnx/floatFormats.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { toFormat } from '../../src/onnx/tensors/narrowFloats.ts';
import { f32OfWord, wordOfF32 } from '../../src/scalar/machine.ts';
import { expectSameAsOnnxruntime, integers, modelBytes, noise, single, value } from '../support/onnx.ts';
import { ARGUMENT, compileScalar } from '../support/scalarFunction.ts';

/** Casts between all types, and the rounding to 16-bit floats against the nearest of all their values. */

describe('Cast and CastLike', () => {
  const types = ['float', 'double', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'bool'] as const;
  for (const from of types) {
    it(`agree with onnxruntime from ${from} to every other type`, async () => {
      const isFloat = from === 'float' || from === 'double';
      const numbers = isFloat
        ? noise([9], 3, 50).values.map((x) => x + 50)
        : integers(from, [9], 0, from === 'bool' ? 1 : 100).values;
      await expectSameAsOnnxruntime({
        inputs: { x: value(from, [9], numbers) },
        constants: Object.fromEntries(types.map((to, i) => [`like${i}`, value(to, [1], [0])])),
        nodes: types.map((_, i) => ({ op: 'CastLike', inputs: ['x', `like${i}`], outputs: [`y${i}`] })),
        outputs: types.map((_, i) => `y${i}`),
        opset: 19,
      });
    });
  }
});

interface Format {
  readonly name: string;
  readonly round: (word: number) => number;
  readonly widen: (bits: number) => number;
  /** Bits of infinity; all below are finite and ordered. */
  readonly infinity: number;
  /** The value that would come after the greatest finite one. */
  readonly beyond: number;
}

const formats: Format[] = [
  {
    name: 'float16',
    round: compileScalar(toFormat(FORMATS.float16)(ARGUMENT)),
    widen: (bits) => widenCode(FORMATS.float16, bits),
    infinity: 0x7c00,
    beyond: 65536,
  },
  {
    name: 'bfloat16',
    round: compileScalar(toFormat(FORMATS.bfloat16)(ARGUMENT)),
    widen: (bits) => widenCode(FORMATS.bfloat16, bits),
    infinity: 0x7f80,
    beyond: 2 ** 128,
  },
];

for (const { name, round, widen, infinity, beyond } of formats) {
  describe(`rounding to ${name}`, () => {
    const decoded = (bits: number): number => (bits === infinity ? beyond : widen(bits));
    /** The nearest value, of two equally near ones that with even bits; by bisection over all values. */
    const nearest = (x: number): number => {
      let low = 0;
      let high = infinity;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (decoded(middle) <= x) low = middle;
        else high = middle;
      }
      const [below, above] = [x - decoded(low), decoded(high) - x];
      const bits = below < above || (below === above && low % 2 === 0) ? low : high;
      return bits === infinity ? Number.POSITIVE_INFINITY : widen(bits);
    };
    const check = (word: number): void => {
      const rounded = f32OfWord(round(word) >>> 0);
      if (rounded !== nearest(f32OfWord(word))) {
        expect.fail(`${f32OfWord(word)} became ${rounded} in place of ${nearest(f32OfWord(word))}`);
      }
      if ((round(word | 0x80000000) ^ round(word)) >>> 0 !== 0x80000000) {
        expect.fail(`-${f32OfWord(word)} is not the negative of ${f32OfWord(word)}`);
      }
    };

    it('takes the nearest value at every value, every tie and right beside them', () => {
      for (let bits = 0; bits < infinity; bits++) {
        const tie = decoded(bits) / 2 + decoded(bits + 1) / 2;
        for (const x of [decoded(bits), tie]) {
          const word = wordOfF32(x);
          for (const near of [word - 1, word, word + 1]) if (near >= 0) check(near);
        }
      }
    });

    it('takes the nearest value for numbers of all magnitudes', () => {
      for (let word = 0; word < 0x7f800000; word += 10_007) check(word);
    });

    it('keeps infinities, and makes every NaN the canonical one', () => {
      expect(round(0x7f800000) >>> 0).to.equal(0x7f800000);
      expect(round(0xff800000 | 0) >>> 0).to.equal(0xff800000);
      for (const nan of [0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff, 0x7fc00000]) {
        expect(round(nan | 0) >>> 0, nan.toString(16)).to.equal(0x7fc00000);
      }
    });
  });
}

describe('float64', () => {
  it('is held in float32, and constants that this rounds are noted', () => {
    const import_ = (constant: number) =>
      importOnnx(
        modelBytes(
          single('Mul', [value('double', [2], [1, 2]), value('double', [], [constant])], { constants: [1] }),
        ),
      ).notes.join();
    expect(import_(0.5)).to.equal(
      'input "x0" of type double is given as float64, compared so, and rounded to float32 for all else',
    );
    expect(import_(0.1)).to.match(/constant "x1" of type double has values that are rounded to float32/);
  });
});
