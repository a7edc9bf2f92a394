import { concat } from '../merkle/tree.ts';
import { firstOutside, inputLength, isDouble, type ModelTensor } from '../onnx/index.ts';

/** Tensors that a model does not take. The message is one line. */
export class InvalidInput extends Error {
  override name = 'InvalidInput';
}

/**
 * Packs and checks the input of a request before anything is sent: the chain takes any bytes, and replaces a value outside
 * an input's range by the nearest one inside.
 *
 * @param inputs of the compiled model
 * @param tensors one for each input, in its dtype and shape, little-endian and row-major
 * @returns all tensors, end to end
 * @throws InvalidInput if there are too few or too many tensors, for one of another length, or for a value outside the range
 *   of its input
 * @example
 * ```ts
 * const { inputs } = importOnnx(readFileSync('digits.onnx')); // image: u8 [1, 1, 28, 28]
 * const input = packInput(inputs, [new Uint8Array(28 * 28)]);
 * ```
 */
export function packInput(
  inputs: readonly Pick<ModelTensor, 'name' | 'dtype' | 'onnxType' | 'shape' | 'range'>[],
  tensors: readonly Uint8Array[],
): Uint8Array {
  if (tensors.length !== inputs.length) {
    throw new InvalidInput(`the model takes ${inputs.length} tensors, not ${tensors.length}`);
  }
  for (const [i, input] of inputs.entries()) {
    const { name, dtype, shape, range } = input;
    const bytes = tensors[i] as Uint8Array;
    const expected = inputLength(input);
    if (bytes.length !== expected) {
      const taken = `${isDouble(input) ? 'f64' : dtype} [${shape.join(', ')}] has ${expected}`;
      throw new InvalidInput(`input "${name}": ${bytes.length} bytes, and ${taken}`);
    }
    const outside = range && firstOutside(bytes, input, range);
    if (outside) {
      const { element, value } = outside;
      throw new InvalidInput(
        `input "${name}": element ${element} is ${value}, outside the ${range.low} … ${range.high} that it takes`,
      );
    }
  }
  return concat(tensors);
}
