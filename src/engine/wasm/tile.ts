import { type LoopNode, operandUses } from '../../program/node.ts';
import { type Access, type Form, type Nest, rangeOf } from './nest.ts';

/** Which loops a tile is of, and its size: rows times vectors of four lanes. */
export interface Shape {
  /** The output loops that turn by more than one index; -1 for none. */
  readonly rowLoop: number;
  readonly laneLoop: number;
  readonly rows: number;
  /** 0 for one element, without vectors. */
  readonly vectors: number;
}

/** What one turn of a nest's loops computes: several rows, and along the lanes several vectors or one element. */
export interface Tile extends Shape {
  /** Lanes that there are; those that would fill the last vector are not stored. */
  readonly lanes: number;
  /** Where each loop starts, ends, and how far it goes at a turn. */
  readonly ranges: readonly Range[];
  /** The fold indices of the steps of one turn, from where the loops are, in the order of the fold. */
  readonly steps: readonly (readonly number[])[];
}

export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Tiles that cover a nest's outputs, each element once, and how their work is divided into turns. */
export interface Tiling {
  readonly tiles: readonly Tile[];
  /** The output loop whose range is divided; -1 for none. A turn is so many of its indices; the last may be fewer. */
  readonly turnLoop: number;
  readonly unit: number;
  readonly turns: number;
  /** Turns whose operands stay in the cache while all lanes are computed. */
  readonly block: number;
}

export const LANES = 4;

/** Instructions of a tile above which it is made smaller: code that is compiled for longer than it runs. */
const MAX_TILE_CODE = 900;

/** Instructions of several steps of a tile, written one after the other. */
const MAX_UNROLLED_CODE = 240;

/** Steps of a fold that are all written out. */
const MAX_UNROLLED_STEPS = 9;

/** Bytes that stay in a cache: half of a small second-level cache, or so. */
export interface CacheSizes {
  /** Of the rows' operands that one block of turns reads. */
  readonly block: number;
  /** Of a copy that is read soon after it was written. */
  readonly band: number;
}

export const CACHE: CacheSizes = { block: 262_144, band: 65_536 };

/** A block reads more where it reads so much for its lanes that this comes from far away. */
const WIDE_BLOCK_BYTES = 2_097_152;
const FAR_BYTES = 1_048_576;

/** With fewer turns than this, another loop is divided into turns if it gives more. */
export const ENOUGH_TURNS = 8;

const formsOf = ({ address, checks, quotients }: Access): Form[] => [
  address,
  ...checks.map(({ form }) => form),
  ...quotients.map(({ form }) => form),
];

/** Whether what an operand reads depends on the index of a loop. */
export function dependsOn(nest: Nest, operand: number, loop: number): boolean {
  if (loop < 0) return false;
  const access = nest.accesses[operand]!;
  return (
    formsOf(access).some(({ coefficients }) => coefficients[loop] !== 0) ||
    access.gatherings.some((gathering) => dependsOn(nest, gathering.operand, loop))
  );
}

/** Rows of a tile by its vectors: as many accumulators as 16 registers hold beside what they are made of. */
const ROWS = [1, 8, 4, 3, 2];

/** The tile that suits a nest. */
export function shapeOf(loop: LoopNode, nest: Nest): Shape {
  const laneLoop = nest.outputs - 1;
  if (laneLoop < 0) return { rowLoop: -1, laneLoop, rows: 1, vectors: 0 };
  const wanted = Math.ceil(nest.extents[laneLoop]! / LANES);
  const length = loop.step.code.length + loop.post.code.length + 2;
  const none = { rowLoop: -1, laneLoop, rows: 1, vectors: 1 };
  if (nest.extents.length === nest.outputs) {
    return { ...none, vectors: Math.max(1, Math.min(4, wanted, Math.floor(ELEMENTWISE_CODE / length))) };
  }
  const rowLoop = rowLoopOf(loop, nest, laneLoop);
  if (rowLoop >= 0) {
    const vectors = wanted === 3 ? 3 : Math.min(2, wanted);
    const rows = Math.min(ROWS[vectors]!, nest.extents[rowLoop]!);
    return rows * vectors * length > MAX_TILE_CODE ? none : { rowLoop, laneLoop, rows, vectors };
  }
  const vectors = Math.min(4, wanted);
  return vectors * length > MAX_TILE_CODE ? none : { ...none, vectors };
}

/** Instructions of the vectors of a tile without a fold. */
const ELEMENTWISE_CODE = 320;

/** The row loop of a product: something read in the fold is the same for all its rows, but not for all lanes. */
function rowLoopOf(loop: LoopNode, nest: Nest, laneLoop: number): number {
  const uses = operandUses(loop);
  const folds = nest.extents.map((_, i) => i).slice(nest.outputs);
  for (let row = laneLoop - 1; row >= 0; row--) {
    const isShared = loop.operands.some(
      (_, o) =>
        uses[o]!.step &&
        dependsOn(nest, o, laneLoop) &&
        !dependsOn(nest, o, row) &&
        folds.some((fold) => dependsOn(nest, o, fold)),
    );
    if (isShared) return row;
  }
  return -1;
}

/** Whether lanes read what rows share, and rows what lanes share. */
export function isProduct(loop: LoopNode, nest: Nest, { rowLoop, laneLoop }: Shape): boolean {
  const uses = operandUses(loop);
  return rowLoop >= 0 && loop.operands.some((_, o) => uses[o]!.step && !dependsOn(nest, o, laneLoop));
}

/**
 * The order of loops for a tile of a product: lanes outermost, so that what they read stays in the cache for all rows,
 * and rows innermost of the outputs. Elsewhere the loop of which bands are is outermost.
 *
 * @param banded -1 if there is none
 */
export function orderOf(loop: LoopNode, nest: Nest, shape: Shape, banded = -1): number[] {
  const { rowLoop, laneLoop } = shape;
  const order = nest.extents.map((_, i) => i);
  if (!isProduct(loop, nest, shape))
    return banded < 0 ? order : [banded, ...order.filter((i) => i !== banded)];
  const others = order.slice(0, nest.outputs).filter((i) => i !== rowLoop && i !== laneLoop);
  return [laneLoop, ...others, rowLoop, ...order.slice(nest.outputs)];
}

/** The shape of a nest's tile, once the nest's loops are in another order (`reordered` in `nest.ts`). */
export const reorderedShape = (shape: Shape, order: readonly number[]): Shape => ({
  ...shape,
  rowLoop: order.indexOf(shape.rowLoop),
  laneLoop: order.indexOf(shape.laneLoop),
});

const range = (start: number, end: number, step: number): Range => ({ start, end, step });

/** Parts of [0, extent) by `step`, and what is left. */
function partsOf(extent: number, step: number): Range[] {
  const end = extent - (extent % step);
  return [
    ...(end > 0 ? [range(0, end, step)] : []),
    ...(extent > end ? [range(end, extent, extent - end)] : []),
  ];
}

/** How many steps of each fold loop are written out, innermost last. */
function unrolling(loop: LoopNode, nest: Nest, { rows, vectors }: Shape): number[] {
  const extents = nest.extents.slice(nest.outputs);
  const counts = extents.map(() => 1);
  const length = rows * Math.max(1, vectors) * (loop.step.code.length + 1);
  let steps = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    const fits = (count: number) => extents[i]! % count === 0 && steps * count * length <= MAX_UNROLLED_CODE;
    if (steps * extents[i]! <= MAX_UNROLLED_STEPS && fits(extents[i]!)) {
      counts[i] = extents[i]!;
      steps *= extents[i]!;
      continue;
    }
    if (steps === 1) counts[i] = [4, 3, 2].find(fits) ?? 1;
    break;
  }
  return counts;
}

/** All indices below some counts, in their order. */
const indicesBelow = (counts: readonly number[]): number[][] =>
  counts.reduce<number[][]>(
    (lists, count) => lists.flatMap((list) => Array.from({ length: count }, (_, i) => [...list, i])),
    [[]],
  );

/** Indices of an output loop that a tile goes by. */
export const unitAlong = ({ rowLoop, rows, laneLoop, vectors }: Shape, loop: number): number =>
  loop === rowLoop ? rows : loop === laneLoop ? LANES * vectors : 1;

/**
 * The tiles of a nest by its tile's shape, and their turns.
 *
 * @param division of which loop turns are, and how many are a block, where that is given; the cache that blocks are for
 */
export function tilingOf(
  loop: LoopNode,
  nest: Nest,
  shape: Shape,
  {
    loop: divided,
    block: size,
    cache = CACHE,
  }: { readonly loop?: number; readonly block?: number; readonly cache?: CacheSizes } = {},
): Tiling {
  const { rowLoop, laneLoop, rows, vectors } = shape;
  const unrolled = unrolling(loop, nest, shape);
  const steps = indicesBelow(unrolled);
  const ranges = nest.extents.map((extent, i) => range(0, extent, unrolled[i - nest.outputs] ?? 1));
  const rowParts = rowLoop < 0 ? [range(0, 1, 1)] : partsOf(nest.extents[rowLoop]!, rows);
  const laneParts = laneLoop < 0 ? [range(0, 1, 1)] : partsOf(nest.extents[laneLoop]!, LANES * vectors);
  const tiles = rowParts.flatMap((row) =>
    laneParts.map(
      (lane): Tile => ({
        rowLoop,
        laneLoop,
        rows: row.step,
        vectors: laneLoop < 0 ? 0 : Math.ceil(lane.step / LANES),
        lanes: lane.step,
        ranges: ranges.map((one, i) => (i === rowLoop ? row : i === laneLoop ? lane : one)),
        steps,
      }),
    ),
  );
  const turnsAlong = (i: number) => Math.ceil(nest.extents[i]! / unitAlong(shape, i));
  const outputs = nest.extents.map((_, i) => i).slice(0, nest.outputs);
  const isProduct = laneLoop === 0 && outputs.length > 1;
  // A product's lanes come first, and their operands are to be read once.
  const candidates = isProduct ? outputs.slice(1) : outputs;
  const found =
    divided ??
    candidates.find((i) => turnsAlong(i) >= ENOUGH_TURNS) ??
    candidates.reduce((most, i) => (most < 0 || turnsAlong(i) > turnsAlong(most) ? i : most), -1);
  if (found < 0) return { tiles, turnLoop: found, unit: 1, turns: 1, block: 1 };
  const block =
    size ?? (isProduct ? blockOf(nest, found, turnsAlong(found), cache.block) : turnsAlong(found));
  const isOneBlock = divided === undefined && isProduct && found === rowLoop && block >= turnsAlong(found);
  // Turns of lanes read what they need of the lanes' operands, and all rows; turns of rows would all read all lanes.
  const turnLoop = isOneBlock && turnsAlong(laneLoop) >= ENOUGH_TURNS ? laneLoop : found;
  const turns = turnsAlong(turnLoop);
  return {
    tiles,
    turnLoop,
    unit: unitAlong(shape, turnLoop),
    turns,
    block: turnLoop === found ? block : turns,
  };
}

/** Turns for which what rows read of all operands fits the cache. */
function blockOf(nest: Nest, turnLoop: number, turns: number, blockBytes: number): number {
  const bytes = nest.accesses.map(({ address }) => {
    const { low, high } = rangeOf(0, address.coefficients, nest.extents);
    return high - low;
  });
  const most = (isOf: (operand: number) => boolean) =>
    Math.max(1, ...bytes.map((size, o) => (isOf(o) ? size : 0)));
  const rows = most((o) => dependsOn(nest, o, turnLoop));
  const lanes = most((o) => !dependsOn(nest, o, turnLoop));
  return Math.max(1, Math.floor(((lanes > FAR_BYTES ? WIDE_BLOCK_BYTES : blockBytes) * turns) / rows));
}
