import { valueRange } from '../kernel/form.ts';
import type { Course, ScratchBuffer } from '../kernel/kernel.ts';

export type { Course } from '../kernel/kernel.ts';

/**
 * The course of a loop along a scratch buffer.
 *
 * @param extents of the loops of the kernel that reads the buffer
 * @returns undefined unless the loop moves forwards along exactly one dimension. Along the last dimension, which holds the
 *   SIMD lanes, it must be the loop of exactly these
 */
export function courseAlong(
  { dimensions }: ScratchBuffer,
  extents: readonly number[],
  loop: number,
): Course | undefined {
  const [dimension, ...others] = dimensions.flatMap(({ index }, d) =>
    index.coefficients[loop] !== 0 ? [d] : [],
  );
  if (dimension === undefined || others.length > 0) return undefined;
  const { index, extent } = dimensions[dimension]!;
  const { constant, coefficients } = index;
  const step = coefficients[loop]!;
  const rest = coefficients.map((coefficient, i) => (i === loop ? 0 : coefficient));
  const { low, high } = valueRange({ constant, coefficients: rest }, extents);
  const isLast = dimension === dimensions.length - 1;
  const isLanes = isLast && step === 1 && low === high && extent === extents[loop];
  if (step < 0 || (isLast && !isLanes)) return undefined;
  return { dimension, extent, first: low, step, span: high - low + 1, isLanes };
}

/** Indices of its dimension that a course reads for `size` indices of the loop. */
export const heldIndices = ({ extent, step, span }: Course, size: number): number =>
  Math.min(extent, step * (size - 1) + span);
