import { numbersOf } from '../../../examples/models/model.ts';
import type { TensorData } from '../../../src/engine/engine.ts';
import type { ModelTensor } from '../../../src/onnx/index.ts';
import type { Numbers } from './onnxruntime.ts';

/**
 * Tolerance between onnxruntime's floats and ours, as a share of the greatest number of the tensor, or of 1 if that is
 * less: it adds in another order, and each order rounds differently. Integers must be equal.
 */
export const TOLERANCE = 1e-4;

export const sameBits = (a: readonly TensorData[], b: readonly TensorData[]): boolean =>
  a.length === b.length && a.every(({ bytes }, i) => Buffer.compare(bytes, b[i]!.bytes) === 0);

/** The greatest difference of one tensor's elements as {@link TOLERANCE} counts it; infinite if integers differ. */
function differenceOf(mine: TensorData, theirs: Numbers | undefined): number {
  const numbers = numbersOf(mine);
  if (theirs?.length !== numbers.length) return Number.POSITIVE_INFINITY;
  let [greatest, difference] = [1, 0];
  for (const [i, a] of numbers.entries()) {
    const b = Number(theirs[i]);
    if (Number.isFinite(b)) greatest = Math.max(greatest, Math.abs(b));
    if (Object.is(a, b) || a === b) continue;
    if (mine.dtype !== 'f32' || !Number.isFinite(a - b)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a - b));
  }
  return difference / greatest;
}

/** The greatest difference of any output. */
export const difference = (
  outputs: readonly ModelTensor[],
  mine: readonly TensorData[],
  theirs: Readonly<Record<string, Numbers>>,
): number => Math.max(...outputs.map(({ name }, i) => differenceOf(mine[i]!, theirs[name])));
