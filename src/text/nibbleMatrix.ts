import type { TensorValue } from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { GREATEST_LEVEL, ROUNDER, roundRows } from './byteMatrix.ts';
import { BLOCK, eachPiece, type FloatMatrix, type StoredBlocks } from './floatMatrix.ts';

/**
 * A matrix in 4 bits, [rows, columns]: each number is its level, 0 to 15, times the step of its block of columns, and the
 * block's least value added. A step is an integer factor times the scale of its row, so that a product is a sum of
 * integers, and a much shorter one of least values.
 */
export interface NibbleMatrix {
  /** [rows, blocks, {@link BLOCK}], each level in a byte. */
  readonly nibbles: TensorValue;
  /** [rows, blocks, 1] */
  readonly factors: TensorValue;
  /** [rows] */
  readonly scales: TensorValue;
  /** [rows, blocks] */
  readonly leasts: TensorValue;
}

const MOST = 15;

/** The greatest factor with which no sum of a row leaves 32 bits: levels of 8 bits times levels of 4 bits times factors. */
const greatestFactor = (columns: number): number =>
  Math.min(2 ** 16 - 1, Math.floor((2 ** 31 - 1) / (GREATEST_LEVEL * MOST * columns)));

/**
 * Levels and least values as they are stored, where the matrix comes in 4 bits, and steps as near as a factor can be:
 * within a part in some thousands of the row's greatest one. Other numbers are rounded to 16 levels from the least to the
 * greatest of their block.
 */
export function inNibbles(matrix: FloatMatrix): NibbleMatrix {
  const [rows, columns] = matrix.shape as [number, number];
  const blocks = columns / BLOCK;
  const levels = new Uint8Array(rows * columns);
  const factors = new Int32Array(rows * blocks);
  const scales = new Float32Array(rows);
  const leasts = new Float32Array(rows * blocks);
  const greatestLevel = greatestFactor(columns);
  /** @param steps of the blocks of some rows */
  const setFactors = (steps: Float32Array, first: number): void =>
    roundRows(steps, { width: blocks, greatestLevel, first }, factors, scales);
  if (matrix.stored) {
    eachPiece(matrix, matrix.stored, (stored, first) => {
      levels.set(stored.levels, first * columns);
      leasts.set(stored.leasts, first * blocks);
      setFactors(stored.steps, first);
    });
  } else {
    eachPiece(matrix, undefined, (numbers, first, count) => {
      const { steps, leasts: found } = spans(numbers, count * blocks);
      leasts.set(found, first * blocks);
      setFactors(steps, first);
      for (let i = 0; i < count * columns; i++) {
        const block = first * blocks + Math.floor(i / BLOCK);
        const step = factors[block]! * scales[Math.floor(block / blocks)]!;
        if (step > 0)
          levels[first * columns + i] = Math.min(
            MOST,
            (numbers[i]! - leasts[block]!) / step + ROUNDER - ROUNDER,
          );
      }
    });
  }
  return {
    nibbles: { type: TYPES.uint8, shape: [rows, blocks, BLOCK], values: levels },
    factors: { type: TYPES.int32, shape: [rows, blocks, 1], values: factors },
    scales: { type: TYPES.float, shape: [rows], values: scales },
    leasts: { type: TYPES.float, shape: [rows, blocks], values: leasts },
  };
}

/** The least number of each block, and the step by which 15 of them reach the greatest. */
function spans(numbers: ArrayLike<number>, blocks: number): Omit<StoredBlocks, 'levels'> {
  const [steps, leasts] = [new Float32Array(blocks), new Float32Array(blocks)];
  for (let block = 0; block < blocks; block++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
      low = Math.min(low, numbers[i]!);
      high = Math.max(high, numbers[i]!);
    }
    leasts[block] = low;
    steps[block] = (high - low) / MOST;
  }
  return { steps, leasts };
}
