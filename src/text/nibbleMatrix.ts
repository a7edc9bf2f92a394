import type { TensorValue } from '../onnx/read/graph.ts';
import { TYPES } from '../onnx/types.ts';

/**
 * A matrix in 4 bits, [rows, columns]: each number is its level, -8 to 7, times the factor of its block of columns, 1 to
 * 255, times the scale of its row. With factors that are integers a whole product is a sum of integers.
 */
export interface NibbleMatrix {
  /** [rows, blocks, {@link BLOCK}], each level in a byte. */
  readonly nibbles: TensorValue;
  /** [rows, blocks, 1] */
  readonly factors: TensorValue;
  readonly scales: TensorValue;
}

/** Columns of a block. */
export const BLOCK = 32;

const GREATEST_FACTOR = 255;

/** How many steps from 0 to the greatest magnitude of a block: with more of them it is cut, and all others are nearer. */
const STEPS = [7, 7.5, 8] as const;

/** Added to a number of less than 2^51 and taken away, it leaves the nearest integer, ties to even (IEEE 754, §4.3.1). */
const ROUNDER = 1.5 * 2 ** 52;

/** Rounds the numbers of each block to 16 levels, by the factor that leaves the least sum of squared errors. */
export function inNibbles({ shape, values }: TensorValue): NibbleMatrix {
  const [rows, columns] = shape as [number, number];
  const blocks = columns / BLOCK;
  const levels = new Int8Array(rows * columns);
  const factors = new Uint8Array(rows * blocks).fill(1);
  const scales = new Float32Array(rows);
  const tried = new Int8Array(BLOCK);
  for (let row = 0; row < rows; row++) {
    let greatest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++)
      greatest = Math.max(greatest, Math.abs(values[i]!));
    const scale = Math.fround(greatest / (STEPS[0] * GREATEST_FACTOR));
    scales[row] = scale;
    for (let block = 0; block < blocks && scale > 0; block++) {
      const start = row * columns + block * BLOCK;
      let most = 0;
      for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(values[start + i]!));
      let least = Number.POSITIVE_INFINITY;
      for (const steps of STEPS) {
        const factor = Math.min(GREATEST_FACTOR, Math.max(1, most / (steps * scale) + ROUNDER - ROUNDER));
        const step = factor * scale;
        let error = 0;
        for (let i = 0; i < BLOCK; i++) {
          const value = values[start + i]!;
          const level = Math.min(7, Math.max(-8, value / step + ROUNDER - ROUNDER));
          tried[i] = level;
          error += (value - level * step) ** 2;
        }
        if (error >= least) continue;
        least = error;
        factors[row * blocks + block] = factor;
        levels.set(tried, start);
      }
    }
  }
  return {
    nibbles: { type: TYPES.int8, shape: [rows, blocks, BLOCK], values: levels },
    factors: { type: TYPES.uint8, shape: [rows, blocks, 1], values: factors },
    scales: { type: TYPES.float, shape: [rows], values: scales },
  };
}
