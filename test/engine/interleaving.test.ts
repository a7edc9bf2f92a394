import { importOnnx } from '../../src/onnx/index.ts';
import { modelBytes, noise, runCompiled, single } from '../support/onnx.ts';

/** Transposed convolutions taken apart by the remainders of their outputs: {@link runCompiled} compares the engines. */

describe('transposed convolutions on the fast engine', () => {
  for (const filters of [1, 2, 3, 4, 8]) {
    it(`have the reference's bits with ${filters} filters, whatever the stride`, async () => {
      for (const kernel of [1, 2, 3, 5]) {
        for (const stride of [2, 3]) {
          for (const rank of [1, 2]) {
            const [x, w] = [
              noise([2, 3, ...[4, 5].slice(0, rank)], 1),
              noise([3, filters, ...new Array<number>(rank).fill(kernel)], 2),
            ];
            const attributes = { strides: new Array<number>(rank).fill(stride) };
            const spec = single('ConvTranspose', [x, w], { attributes, constants: [1] });
            await runCompiled(importOnnx(modelBytes(spec)), [x]);
          }
        }
      }
    });
  }
});
