import { expect } from 'chai';
import { encodeOnnx } from '../../examples/onnx.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { summaryOf } from '../../src/onnx/loops/summary.ts';
import type { Program } from '../../src/program/node.ts';
import { Random } from '../support/randomProgram.ts';

/** Numbers from -1 to 1. */
function noise(size: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: size }, () => random.below(2 ** 20) / 2 ** 19 - 1);
}

const floatsIn = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

describe('constants of a program', () => {
  it('can be multiplied with first, and looked up in later', async () => {
    const [rows, columns] = [300, 128];
    const table = noise(rows * columns, 1);
    const { program, weights } = importOnnx(
      encodeOnnx({
        name: 'nearest',
        opset: 17,
        nodes: [
          { op: 'Transpose', inputs: ['table'], outputs: ['turned'], attributes: { perm: [1, 0] } },
          { op: 'MatMul', inputs: ['x', 'turned'], outputs: ['scores'] },
          { op: 'ArgMax', inputs: ['scores'], outputs: ['row'], attributes: { axis: 1, keepdims: 0 } },
          { op: 'Gather', inputs: ['table', 'row'], outputs: ['y'], attributes: { axis: 0 } },
        ],
        constants: { table: { type: 'float', shape: [rows, columns], values: table } },
        inputs: { x: { type: 'float', shape: [1, columns] } },
        outputs: ['y'],
      }),
    );
    const session = await wasmEngine.load(program, weights);
    // A row's greatest product with itself, among rows of about the same length.
    const row = table.slice(77 * columns, 78 * columns);
    const [y] = await session.run([new Uint8Array(row.buffer)]);
    await session.close();
    expect(floatsIn(y!.bytes)).to.deep.equal(row);
  });

  /** A chain of products with matrices of 100 KiB. */
  const chain = (products: number, size = 160) => {
    const names = Array.from({ length: products }, (_, i) => `w${i}`);
    const matrices = names.map((_, i) => noise(size * size, i + 1));
    const model = encodeOnnx({
      name: 'chain',
      opset: 17,
      nodes: names.map((name, i) => ({
        op: 'MatMul',
        inputs: [i === 0 ? 'x' : `h${i}`, name],
        outputs: [i + 1 === products ? 'y' : `h${i + 1}`],
      })),
      constants: Object.fromEntries(
        names.map((name, i) => [name, { type: 'float', shape: [size, size], values: matrices[i]! }]),
      ),
      inputs: { x: { type: 'float', shape: [1, size] } },
      outputs: ['y'],
    });
    return { ...importOnnx(model), matrices };
  };

  const constantsOf = ({ nodes }: Program): number => nodes.filter(({ kind }) => kind === 'constant').length;

  it('are put together where a dispute takes an answer less for it, and nowhere else', () => {
    // 32 nodes are opened in one answer.
    expect(constantsOf(chain(15).program), '31 nodes').to.equal(15);
    const { program, labels } = chain(20);
    expect(constantsOf(program), '41 nodes, and 22 with one constant').to.equal(1);
    expect(labels).to.include('weights (20 constants)');
    expect(constantsOf(chain(36).program), 'too many nodes however they are put together').to.equal(36);
  });

  it('give the same bits together', async () => {
    const { program, weights, matrices } = chain(20);
    const size = Math.sqrt(matrices[0]!.length);
    const x = noise(size, 99);
    const expected = matrices.reduce((row, matrix) => {
      return row.map((_, column) =>
        row.reduce((sum, one, i) => Math.fround(sum + Math.fround(one * matrix[i * size + column]!)), 0),
      );
    }, x);
    const session = await wasmEngine.load(program, weights);
    const [y] = await session.run([new Uint8Array(x.buffer)]);
    await session.close();
    expect(floatsIn(y!.bytes)).to.deep.equal(expected);
  });

  it('are known by their words, wherever in memory they lie', () => {
    const random = new Random(5);
    for (const length of [1, 2, 3, 4, 7, 64, 1001]) {
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      const expected = summaryOf(bytes);
      for (let offset = 1; offset < 5; offset++) {
        const moved = new Uint8Array(length + offset).subarray(offset);
        moved.set(bytes);
        expect(summaryOf(moved)).to.deep.equal(expected);
      }
      bytes[length - 1]! ^= 1;
      expect(summaryOf(bytes).fingerprint, `${length} bytes`).to.not.equal(expected.fingerprint);
    }
    expect(summaryOf(Uint32Array.of(7, 7, 7)).uniform).to.equal(7);
    expect(summaryOf(Int8Array.of(-1, -1)).uniform).to.equal(0xffffffff);
    expect(summaryOf(Uint32Array.of(7, 7, 8)).uniform).to.equal(undefined);
    expect(summaryOf(new Uint32Array(0)).uniform).to.equal(undefined);
  });
});
