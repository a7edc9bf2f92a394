import { expect } from 'chai';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { f32OfWord } from '../../src/scalar/machine.ts';
import { exactPower } from '../support/exactFunctions.ts';
import { powerPairs, specialPairs } from '../support/hardArguments.ts';
import {
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  type Result,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';
import { ulpError } from '../support/scalarFunction.ts';

/** Powers, those of integers exact, and remainders of floats. */

describe('powers of integers', () => {
  const base = value('int32', [8], [-3, -2, -1, 0, 1, 2, 3, 7]);
  const run = async (by: ReturnType<typeof value>) => {
    const spec = single('Pow', [base, by]);
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), [base, by]);
    return y!;
  };
  it('agree with onnxruntime for exponents that are inputs', async () => {
    await expectSameAsOnnxruntime(single('Pow', [base, value('int32', [8], [5, 3, 7, 2, 9, 30, 19, 11])]));
    await expectSameAsOnnxruntime(single('Pow', [base, value('int32', [], [0])]));
  });
  it('wrap, and are 0 for the inverses of what is not ±1', async () => {
    const wrapped = await run(value('int32', [8], [33, 31, 2 ** 31 - 1, 0, -5, 31, 21, 12]));
    const values = base.values.map((x, i) =>
      Number(BigInt.asIntN(32, BigInt(x) ** BigInt([33, 31, 1, 0, 1, 31, 21, 12][i] as number))),
    );
    expectClose(wrapped, { shape: [8], values }, 0, 0);
    const inverses = await run(value('int32', [8], [-1, -2, -3, 5, -7, -1, -31, -32]));
    expectClose(inverses, { shape: [8], values: [0, 0, -1, 0, 1, 0, 0, 0] }, 0, 0);
  });
  it('take float exponents that are known and whole', async () => {
    const by = floats([3], [2, 3, 0]);
    await expectSameAsOnnxruntime(single('Pow', [value('int32', [3], [5, -4, 9]), by], { constants: [1] }));
    for (const [wrong, constants] of [
      [floats([], [0.5]), [1]],
      [floats([3], [1, 2, 2.5]), [1]],
      [by, []],
    ] as const) {
      const spec = single('Pow', [value('int32', [3], [5, -4, 9]), wrong], { constants });
      expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /whole|--bind x1/);
    }
  });
  it('of int64 are refused where they may not fit', () => {
    const spec = single('Pow', [value('int64', [1], [2]), value('int64', [1], [3])]);
    expect(() => importOnnx(modelBytes(spec))).to.throw(ImportError, /may not fit int32/);
  });
});

describe('powers of floats', () => {
  const run = async (x: Value, y: Value): Promise<Result> => {
    const [z] = await runCompiled(importOnnx(modelBytes(single('Pow', [x, y]))), [x, y]);
    return z!;
  };
  const expectPowers = ({ values }: Result, x: readonly number[], y: readonly number[]): void =>
    values.forEach((mine, i) => {
      const [base, exponent] = [x[i] as number, y[i] as number];
      const exact = exactPower(base, exponent);
      expect(ulpError(mine, exact), `${base} ** ${exponent}: ${mine}`).to.be.at.most(2);
      if (exact === 0) expect(Object.is(mine, exact), `sign of ${base} ** ${exponent}`).to.equal(true);
    });
  it('are within 2 ulp for pairs from both whole ranges, on both engines', async () => {
    const pairs = [...specialPairs(), ...powerPairs(4000, 7)].map((pair) => pair.map(f32OfWord));
    const [x, y] = [pairs.map(([base]) => base as number), pairs.map(([, exponent]) => exponent as number)];
    expectPowers(await run(floats([x.length], x), floats([y.length], y)), x, y);
  });
  it('take whole exponents that no float holds', async () => {
    const whole = [
      2 ** 24 + 1,
      -(2 ** 24) - 1,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 31 - 65,
      123_456_789,
      3,
      -1,
      0,
      1001,
    ];
    const bases = [-1, 1, 1 - 2 ** -24, -1 - 2 ** -23, 1 + 2 ** -22, -0.9999998, 2, -0, -Infinity, NaN].map(
      Math.fround,
    );
    const [x, y] = [bases.flatMap((base) => whole.map(() => base)), bases.flatMap(() => whole)];
    expectPowers(await run(floats([x.length], x), value('int32', [y.length], y)), x, y);
  });
});

describe('fmod of floats', () => {
  const fmod = (x: readonly number[], y: readonly number[]) =>
    single('Mod', [floats([x.length], x), floats([y.length], y)], { attributes: { fmod: 1 }, opset: 13 });
  const largest = 3.4028234663852886e38;
  const least = 2 ** -149;
  const ends = [5, -7.5, 1e10, largest, largest, 0, -0, least, 3 * least, -largest, 1, 0.1];
  const divisors = [3, 2, 7.25, 3, least, 5, 5, 1, 2 * least, Math.PI, largest, 0.01];
  it('is exact from the least quotient to the greatest', async () => {
    const spec = fmod(ends, divisors.map(Math.fround));
    const [y] = await runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
    const values = ends.map((x, i) => Math.fround(x) % Math.fround(divisors[i] as number));
    expectClose(y!, { shape: [ends.length], values }, 0, 0);
    expect(Object.is(y?.values[6], -0)).to.equal(true);
  });
  it('agrees with onnxruntime, also where it is not a number', async () => {
    const odd = [1, Infinity, NaN, 1, -2, 0];
    await expectSameAsOnnxruntime(fmod(odd, [0, 2, 2, NaN, -Infinity, 0]), { relative: 0, absolute: 0 });
    const [x, y] = [noise([50], 1, 100).values, noise([50], 2, 3).values];
    await expectSameAsOnnxruntime(fmod(x, y), { relative: 0, absolute: 0 });
  });
});
