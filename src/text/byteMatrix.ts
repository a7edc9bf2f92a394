import type { TensorValue } from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { eachPiece, type FloatMatrix } from './floatMatrix.ts';
import { Slabs } from './slabs.ts';

/** A matrix in 8 bits, [rows, columns]: each number is its level, -127 to 127, times the scale of its row. */
export interface ByteMatrix {
  readonly levels: TensorValue;
  readonly scales: TensorValue;
}

/** The greatest level. -128 is left out, so that a number and its opposite have opposite levels. */
export const GREATEST_LEVEL = 127;

/** Added to a number of less than 2^51 and taken away, it leaves the nearest integer, ties to even (IEEE 754, §4.3.1). */
export const ROUNDER = 1.5 * 2 ** 52;

/**
 * Rounds rows of numbers to levels from `-greatestLevel` to `greatestLevel`, times the scale of each row.
 *
 * @param numbers [rows, width]
 * @param first row of `levels` and `scales` in which the first of them is written
 */
export function roundRows(
  numbers: ArrayLike<number>,
  { width, greatestLevel, first }: Readonly<Record<'width' | 'greatestLevel' | 'first', number>>,
  levels: Int8Array | Int32Array,
  scales: Float32Array,
): void {
  for (let row = 0; row < numbers.length / width; row++) {
    const [start, end] = [row * width, (row + 1) * width];
    let greatest = 0;
    for (let i = start; i < end; i++) greatest = Math.max(greatest, Math.abs(numbers[i]!));
    const scale = Math.fround(greatest / greatestLevel);
    scales[first + row] = scale;
    // Of a row of zeros the scale is 0, and so are the levels.
    const to = first * width;
    for (let i = start; i < end && scale > 0; i++) levels[to + i] = numbers[i]! / scale + ROUNDER - ROUNDER;
  }
}

/**
 * Rounds each row to levels between its greatest magnitude and the opposite of that.
 *
 * @param slabs memory for the levels
 */
export function inBytes(matrix: FloatMatrix, slabs = new Slabs()): ByteMatrix {
  const { shape } = matrix;
  const [rows, columns] = shape as [number, number];
  const levels = slabs.take(rows * columns);
  const scales = new Float32Array(rows);
  eachPiece(matrix, undefined, (numbers, first) => {
    roundRows(numbers, { width: columns, greatestLevel: GREATEST_LEVEL, first }, levels, scales);
  });
  return {
    levels: { type: TYPES.int8, shape, values: levels },
    scales: { type: TYPES.float, shape: [rows], values: scales },
  };
}
