import { modelOf } from '../../src/merkle/model.ts';
import { f32Bytes, matMul, ProgramBuilder } from './programs.ts';

/** One of several models of the same size: a product with 2400 bytes of weights that the seed decides. */
export function variantModel(seed: number) {
  const build = new ProgramBuilder();
  const x = build.input('f32', [2, 200]);
  const numbers = Array.from({ length: 600 }, (_, i) => Math.sin(i + seed));
  build.node(matMul(x, build.constant('f32', [200, 3], f32Bytes(numbers)), 2, 200, 3));
  const { program, weights } = build.finish();
  return { model: modelOf(program), weights };
}
