import type { Target } from '../passes/target.ts';

/** WebAssembly with SIMD128, compiled for a processor with 16 vector registers. */
export const SIMD128: Target = {
  lanes: 4,
  // At most 9 accumulators: the other registers hold their operands.
  rowsByVectors: [1, 8, 4, 3, 2],
  rowVectors: 2,
  maxTileCode: 900,
  maxElementwiseCode: 320,
  maxUnrolledCode: 240,
  maxUnrolledSteps: 9,
  hasPairDot: true,
  // Half of a small second-level cache, and a part of it.
  cache: { block: 262_144, band: 65_536 },
};

/**
 * The same for programs of which parts compute one row, and others several: tiles of all of them are four vectors wide,
 * so that they read the same packed weights.
 */
export const ROWS_ALIKE: Target = { ...SIMD128, rowVectors: 4 };
