import { expect } from 'chai';
import { importOnnx, type Range } from '../../src/onnx/index.ts';
import {
  type Attribute,
  modelBytes,
  runCompiled,
  single,
  type TypeName,
  type Value,
  value,
} from '../support/onnx.ts';

/** Gemm and ReduceL2 of integers. */

async function run(
  op: string,
  inputs: readonly Value[],
  attributes: Readonly<Record<string, Attribute>> = {},
  ranges: Record<string, Range> = {},
): Promise<readonly number[]> {
  const [actual] = await runCompiled(
    importOnnx(modelBytes(single(op, inputs, { attributes })), { ranges }),
    inputs,
  );
  return actual!.values;
}

const small = { low: -1000, high: 1000 };
const rangesOf = (type: TypeName, count: number): Record<string, Range> =>
  type === 'int32' ? {} : Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, small]));

describe('Gemm of integers', () => {
  for (const type of ['int32', 'int64'] as const) {
    it(`multiplies ${type} exactly, beyond what float32 holds`, async () => {
      const a = value(type, [2, 2], [999, -998, 997, 1000]);
      const b = value(type, [2, 2], [1000, 3, 999, -7]);
      const c = value(type, [2], [1, -1]);
      const plain = await run('Gemm', [a, b, c], {}, rangesOf(type, 3));
      expect(plain).to.deep.equal([
        999 * 1000 - 998 * 999 + 1,
        999 * 3 + 998 * 7 - 1,
        997 * 1000 + 1000 * 999 + 1,
        997 * 3 - 7000 - 1,
      ]);
      const attributes = { transA: 1, transB: 1, alpha: { float: 3 }, beta: { float: -2 } };
      const turned = await run('Gemm', [a, b, c], attributes, rangesOf(type, 3));
      expect(turned).to.deep.equal([
        3 * (999 * 1000 + 997 * 3) - 2,
        3 * (999 * 999 - 997 * 7) + 2,
        3 * (-998 * 1000 + 1000 * 3) - 2,
        3 * (-998 * 999 - 7000) + 2,
      ]);
    });
  }

  it('is refused where numbers may not fit, and where alpha or beta is no integer', () => {
    const a = value('int64', [1, 1], [1]);
    const bytes = (attributes: Record<string, Attribute>) =>
      modelBytes(single('Gemm', [a, a], { attributes }));
    const wide = { low: -(2 ** 16), high: 2 ** 16 };
    expect(() => importOnnx(bytes({}), { ranges: { x0: wide, x1: wide } })).to.throw(/Gemm.*fit/);
    expect(() => importOnnx(bytes({ alpha: { float: 0.5 } }), { ranges: { x0: small, x1: small } })).to.throw(
      /alpha 0.5 and beta 1 are not whole/,
    );
  });
});

describe('ReduceL2 of integers', () => {
  const roots = [1, 2, 3, 4095, 4097, 8191, 16384, 46340];
  // Sums of squares on squares and beside them, where float32 rounds the sum up or down.
  const lines = roots.flatMap((r) => [
    [r, 0],
    [r - 1, Math.floor(Math.sqrt(2 * r - 2))],
    [r, r < 46340 ? 1 : 0],
    [-r, 0],
  ]);
  const right = lines.map(([a, b]) => {
    const sum = BigInt(a!) ** 2n + BigInt(b!) ** 2n;
    let root = BigInt(Math.floor(Math.sqrt(Number(sum))));
    while (root * root > sum) root--;
    while ((root + 1n) * (root + 1n) <= sum) root++;
    return Number(root);
  });

  it('is the root cut off, exactly', async () => {
    const x = value('int32', [lines.length, 2], lines.flat());
    expect(await run('ReduceL2', [x], { axes: [1], keepdims: 0 })).to.deep.equal(right);
  });

  it('runs on int64 that fit, and is refused on those that may not', async () => {
    const x = value('int64', [1, 3], [3, -4, 12]);
    expect(await run('ReduceL2', [x], { axes: [1] }, { x0: small })).to.deep.equal([13]);
    const bytes = modelBytes(single('ReduceL2', [x]));
    expect(() => importOnnx(bytes, { ranges: { x0: { low: 0, high: 2 ** 16 } } })).to.throw(/ReduceL2.*fit/);
  });
});
