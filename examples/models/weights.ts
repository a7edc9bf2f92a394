import { uniform } from '../digits/random.ts';
import type { Value } from '../onnx.ts';

/** Weights from a seed, for architectures whose trained weights no package ships. */
export class SeededWeights {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = uniform(seed);
  }

  /** Uniform numbers of mean 0 and the given standard deviation. */
  around(deviation: number, shape: readonly number[]): Value & { readonly values: Float32Array } {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const bound = Math.sqrt(3) * deviation;
    return {
      type: 'float',
      shape,
      values: Float32Array.from({ length: size }, () => bound * (2 * this.#random() - 1)),
    };
  }
}
