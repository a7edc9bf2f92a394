import type { GpuDevice } from '../../../../src/engine/webgpu/device.ts';
import { type DType, ELEMENT_BYTES } from '../../../../src/program/node.ts';
import { instruction, loop, ProgramBuilder, view } from '../../programs.ts';
import { Random } from '../../randomProgram.ts';
import { floats } from '../products.ts';
import { openMachine, timeOf } from './machine.ts';

/** Matrices in memory that are multiplied in one run, so that a cache does not hold them all. They have the same elements. */
const MATRICES = 8;

/** Weights of a product of one row. */
export type WeightKind = 'f32' | 'i8' | 'nibbles';

/**
 * Milliseconds of one product of a row [size] by a matrix of constants [size, size], each row of which is one sum.
 * Bytes and 4-bit weights are multiplied by a row of bytes, as integers.
 */
export async function oneRowProduct(device: GpuDevice, size: number, kind: WeightKind): Promise<number> {
  const random = new Random(9);
  const build = new ProgramBuilder();
  const dtype: DType = kind === 'f32' ? 'f32' : 'i8';
  const family = kind === 'f32' ? 'f32' : 'i32';
  const x = build.input(dtype, [1, size]);
  const bytes = kind === 'f32' ? floats(random, size * size, 0) : random.bytes(size * size);
  const weight = kind === 'nibbles' ? bytes.map((byte) => (byte & 15) - 8) : bytes;
  const outputs = Array.from({ length: MATRICES }, () => {
    const w = build.constant(dtype, [size, size], weight);
    return build.node(
      loop({
        dtype: family,
        shape: [1, size],
        fold: [size],
        operands: [
          { node: x, dtype, fill: 0, view: [view(1, 0), view(size, 2)] },
          { node: w, dtype, fill: 0, view: [view(size, 1), view(size, 2)] },
        ],
        step: (s) => [
          instruction(`${family}.mul`, s.operands, s.operands + 1),
          instruction(`${family}.add`, s.accumulator, s.results),
        ],
      }),
    );
  });
  const { program, weights } = build.finish(outputs);
  const { machine, close } = await openMachine(device, program, weights);
  const row = kind === 'f32' ? floats(random, size, 0) : random.bytes(size * ELEMENT_BYTES[dtype]);
  const ms = await timeOf(() => machine.run([row]));
  close();
  return ms / MATRICES;
}
