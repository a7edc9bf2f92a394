import type { Weights } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import type { Program } from '../../src/program/node.ts';
import type { Runner } from '../../src/store/runner.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { type Fault, plantFaults } from '../../src/trace/fault.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { lyingRunner } from './lyingRunner.ts';
import { f32Bytes, instruction, loop, matMul, ProgramBuilder, sameShape } from './programs.ts';

/** A small model for whole games: 2×200 times 200×3, then ReLU. Its nodes: input, weights, product, output. */
export function layers(): { program: Program; weights: Weights } {
  const builder = new ProgramBuilder();
  const x = builder.input('f32', [2, 200]);
  const w = builder.constant('f32', [200, 3], f32Bytes(Array.from({ length: 600 }, (_, i) => Math.sin(i))));
  const product = builder.node(matMul(x, w, 2, 200, 3));
  builder.node(
    loop({
      dtype: 'f32',
      shape: [2, 3],
      constants: [0],
      operands: [sameShape(product, 'f32', [2, 3])],
      post: (s) => [instruction('f32.max', s.operands, s.constants)],
    }),
  );
  return builder.finish();
}

/** Inputs that differ by their seed and whose outputs are not all zero. */
export const layersInput = (seed: number): Uint8Array =>
  f32Bytes(Array.from({ length: 400 }, (_, i) => Math.cos(i + 1000 * seed)));

/** A shelf that holds {@link layers}. */
export async function layersShelf(): Promise<Shelf> {
  const { program, weights } = layers();
  const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
  shelf.put({ model: modelOf(program), session: await referenceEngine.load(program, weights) });
  return shelf;
}

/** Runs models as `honest` does, and lies at one place about each. */
export const liar = (honest: Runner, fault: Fault): Runner =>
  lyingRunner(honest, (right) => plantFaults(right, [fault]));
