/** The properties of a machine that passes need to know. Each code generator has a target of its own. */
export interface Target {
  /** Lanes of a SIMD vector of 32-bit words. */
  readonly lanes: number;
  /**
   * Rows of a tile by its number of vectors along the lanes: as many accumulators as fit the registers together with
   * the operands they are computed from.
   */
  readonly rowsByVectors: readonly number[];
  /** Vectors along the lanes of a tile of several rows, most. */
  readonly rowVectors: number;
  /** Most instructions of one tile: larger code takes longer to compile than to run. */
  readonly maxTileCode: number;
  /** Most instructions of a tile without a fold. */
  readonly maxElementwiseCode: number;
  /** Most instructions of all unrolled steps of a tile. */
  readonly maxUnrolledCode: number;
  /** Fold loops of at most this many steps are unrolled as a whole. */
  readonly maxUnrolledSteps: number;
  /** Whether one instruction multiplies pairs of 16-bit integers and adds neighbours. */
  readonly hasPairDot: boolean;
  readonly cache: CacheSizes;
}

/** Cache budgets, bytes. */
export interface CacheSizes {
  /** Bytes for the row operands that one cache block of work items reads. */
  readonly block: number;
  /** Bytes for a scratch buffer that is read soon after it is written. */
  readonly band: number;
}
