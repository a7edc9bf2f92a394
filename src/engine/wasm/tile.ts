import { type LoopNode, operandUses } from '../../program/node.ts';
import type { Access, Form, Nest } from './nest.ts';

/** What one turn of a nest's loops computes: several rows, and along the lanes several vectors or one element. */
export interface Tile {
  /** The output loops that turn by more than one index; -1 for none. */
  readonly rowLoop: number;
  readonly laneLoop: number;
  readonly rows: number;
  /** Vectors of four lanes; 0 for one element, without vectors. */
  readonly vectors: number;
  /** Where each loop starts, ends, and how far it goes at a turn. */
  readonly ranges: readonly Range[];
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
}

export const LANES = 4;

/** Instructions of a tile above which it is made smaller: code that is compiled for longer than it runs. */
const MAX_TILE_CODE = 300;

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

const range = (start: number, end: number, step: number): Range => ({ start, end, step });

/** Rows and vectors of the main tile. */
function shapeOf(loop: LoopNode, nest: Nest, laneLoop: number): Pick<Tile, 'rowLoop' | 'rows' | 'vectors'> {
  const none = { rowLoop: -1, rows: 1, vectors: 1 };
  const length = loop.step.code.length + loop.post.code.length + 2;
  if (nest.extents.length === nest.outputs) return none;
  const most = Math.floor(nest.extents[laneLoop]! / LANES);
  const uses = operandUses(loop);
  const folds = nest.extents.map((_, i) => i).slice(nest.outputs);
  // A product: something read in the fold is the same for all rows, but not for all lanes.
  const isShared = (row: number) =>
    loop.operands.some(
      (_, o) =>
        uses[o]!.step &&
        dependsOn(nest, o, laneLoop) &&
        !dependsOn(nest, o, row) &&
        folds.some((fold) => dependsOn(nest, o, fold)),
    );
  for (let row = laneLoop - 1; row >= 0; row--) {
    if (!isShared(row)) continue;
    const rows = Math.min(4, nest.extents[row]!);
    const vectors = Math.min(2, most);
    return rows * vectors * length > MAX_TILE_CODE ? none : { rowLoop: row, rows, vectors };
  }
  const vectors = Math.min(4, most);
  return vectors * length > MAX_TILE_CODE ? none : { rowLoop: -1, rows: 1, vectors };
}

/** The tiles of a nest, and turns along its first loop. */
export function tilingOf(loop: LoopNode, nest: Nest): Tiling {
  const tiles = tilesOf(loop, nest);
  const [first] = tiles as [Tile];
  if (nest.outputs === 0) return { tiles, turnLoop: -1, unit: 1, turns: 1 };
  const unit = first.ranges[0]!.step;
  return { tiles, turnLoop: 0, unit, turns: Math.ceil(nest.extents[0]! / unit) };
}

function tilesOf(loop: LoopNode, nest: Nest): Tile[] {
  const whole = nest.extents.map((extent) => range(0, extent, 1));
  const laneLoop = nest.outputs - 1;
  const lanes = nest.extents[laneLoop] ?? 0;
  if (laneLoop < 0 || lanes < LANES) {
    return [{ rowLoop: -1, laneLoop: -1, rows: 1, vectors: 0, ranges: whole }];
  }
  const { rowLoop, rows, vectors } = shapeOf(loop, nest, laneLoop);
  const laneParts: (Range & { vectors: number })[] = [];
  const mainEnd = lanes - (lanes % (LANES * vectors));
  const vectorEnd = lanes - (lanes % LANES);
  laneParts.push({ ...range(0, mainEnd, LANES * vectors), vectors });
  if (vectorEnd > mainEnd) {
    laneParts.push({
      ...range(mainEnd, vectorEnd, vectorEnd - mainEnd),
      vectors: (vectorEnd - mainEnd) / LANES,
    });
  }
  if (lanes > vectorEnd) laneParts.push({ ...range(vectorEnd, lanes, 1), vectors: 0 });
  const rowParts: (Range & { rows: number })[] = [];
  if (rowLoop < 0) {
    rowParts.push({ ...range(0, 1, 1), rows: 1 });
  } else {
    const extent = nest.extents[rowLoop]!;
    const end = extent - (extent % rows);
    rowParts.push({ ...range(0, end, rows), rows });
    if (extent > end) rowParts.push({ ...range(end, extent, extent - end), rows: extent - end });
  }
  return rowParts.flatMap((row) =>
    laneParts.map((lane) => ({
      rowLoop,
      laneLoop,
      rows: row.rows,
      vectors: lane.vectors,
      ranges: whole.map((one, i) => {
        if (i === rowLoop) return range(row.start, row.end, row.step);
        if (i === laneLoop) return range(lane.start, lane.end, lane.step);
        return one;
      }),
    })),
  );
}
