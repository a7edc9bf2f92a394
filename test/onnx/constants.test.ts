import { expect } from 'chai';
import { encodeOnnx } from '../../examples/onnx.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
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
});
