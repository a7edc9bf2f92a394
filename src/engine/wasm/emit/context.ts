import type { Code, ValueType } from '../../../wasm/assembler.ts';
import type { Slots } from '../../kernel/code.ts';
import { type Access, hasFold, type Kernel, slotLayout } from '../../kernel/kernel.ts';
import type { Tile, Tiling } from '../../kernel/tiling.ts';
import { SIMD128 } from '../target.ts';
import { WasmValues } from './values.ts';

/** A place in memory: an offset, plus the value of a local if given. */
export interface Origin {
  readonly offset: number;
  readonly base?: number | undefined;
}

/** A kernel and the surroundings that its code is written for. */
export interface EmitSurroundings {
  readonly kernel: Kernel;
  /** The place that an access's addresses count from. */
  readonly source: (access: Access) => Origin;
  readonly target: Origin;
  /** Locals of the function so far; code appends its own. */
  readonly locals: ValueType[];
  /** Locals that hold the range of work items, [from, to). */
  readonly from: number;
  readonly to: number;
}

/** One vector of a tile, or one element, at one unrolled step. */
export interface Point {
  readonly row: number;
  readonly vector: number;
  /** -1 for the whole vector. */
  readonly lane: number;
  /** Position among the unrolled steps. */
  readonly step: number;
}

/** An expression, and the number of loops that must be around it. */
export interface Placed {
  readonly code: Code;
  readonly level: number;
}

/** The state that all parts of writing one tile share. */
export class TileContext {
  readonly around: EmitSurroundings;
  readonly kernel: Kernel;
  readonly tiling: Tiling;
  readonly tile: Tile;
  readonly slots: Slots;
  readonly values: WasmValues;
  /** Number of loops; code at this level is inside all of them. */
  readonly depth: number;
  /** The level of the code that follows the fold. */
  readonly postLevel: number;
  /** Local for the end of the work items of this tile. */
  readonly lastItem: number;

  constructor(around: EmitSurroundings, tile: Tile) {
    const { kernel, locals } = around;
    this.around = around;
    this.kernel = kernel;
    this.tiling = kernel.tiling!;
    this.tile = tile;
    this.slots = slotLayout(kernel);
    this.depth = kernel.extents.length;
    this.postLevel = this.depth + 1;
    this.values = new WasmValues(locals, this.depth + 2);
    this.lastItem = this.values.newLocal('i32');
  }

  get hasFold(): boolean {
    return hasFold(this.kernel);
  }

  /** Lanes of a point's vector that exist. */
  lanesAt({ vector }: Point): number {
    return Math.min(SIMD128.lanes, this.tile.lanes - SIMD128.lanes * vector);
  }

  /** Whether a call covers only some work items of this loop. */
  isSplit(loop: number): boolean {
    return loop === this.tiling.splitLoop && !this.isRest(loop);
  }

  /** Whether this tile covers indices of a loop that are left over from whole work items. */
  isRest(loop: number): boolean {
    const { start, step } = this.tile.ranges[loop]!;
    return start > 0 || step < this.tiling.unit;
  }
}
