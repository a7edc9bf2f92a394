/** Loops of a tile and its size: `rows` indices of the row loop times `vectors` SIMD vectors along the lane loop. */
export interface TileShape {
  /** An output loop; -1 if the tile has one row. */
  readonly rowLoop: number;
  /** An output loop; -1 for a kernel without output loops. */
  readonly laneLoop: number;
  readonly rows: number;
  /** 0 for one element, computed without vectors. */
  readonly vectors: number;
}

/** A part of a loop: indices from `start` to `end - 1`, `step` of them in one iteration. */
export interface LoopRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** A tile with the loops around it: one iteration of all loops computes the tile. */
export interface Tile extends TileShape {
  /** Lanes that exist along the lane loop; the other lanes of the last vector are computed and not stored. */
  readonly lanes: number;
  /** The part of each loop that these tiles cover. */
  readonly ranges: readonly LoopRange[];
  /** Fold indices of the unrolled steps of one iteration, relative to where the fold loops are, in fold order. */
  readonly steps: readonly (readonly number[])[];
}

/** Tiles that cover the outputs of a kernel, each element once, and the division of their work. */
export interface Tiling {
  readonly tiles: readonly Tile[];
  /** The output loop that is split into work items; -1 if there is one item only. */
  readonly splitLoop: number;
  /** Indices of the split loop in one work item; the last item may have fewer. */
  readonly unit: number;
  /** Number of work items. */
  readonly items: number;
  /** Work items in one cache block: what they read stays in the cache while all lanes are computed. */
  readonly block: number;
}

/** Row bands: scratch buffers hold what `size` indices of a loop read, and are filled again for the next `size`. */
export interface Band {
  readonly loop: number;
  readonly size: number;
  /** Indices of the loop in one work item; `size` is a multiple of it. */
  readonly unit: number;
}
