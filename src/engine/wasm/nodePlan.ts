import {
  byteLengthOf,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  operandUses,
  sizeOf,
} from '../../program/node.ts';
import type { FunctionBody } from '../../wasm/assembler.ts';
import type { Weights } from '../engine.ts';
import { bandFor } from './bands.ts';
import type { Band, Stage } from './box.ts';
import { type Piece, piecesOf } from '../graph/interleave.ts';
import { aligned } from '../memory/offsets.ts';
import { type Access, isLinear, type Nest, nestOf, reordered, simplify } from './nest.ts';
import { type Packing, packingOf, panelsOf } from './packing.ts';
import { paired } from './pairs.ts';
import { type Banded, type Part, type Places, type Step, stepBody } from './stepWriter.ts';
import { stagePadded, stagePanels } from './staging.ts';
import type { ByteRange } from '../memory/byteRange.ts';
import { rangeRead } from './rangeRead.ts';
import {
  CACHE,
  type CacheSizes,
  LANES,
  orderOf,
  reorderedShape,
  type Shape,
  shapeOf,
  type Tile,
  type Tiling,
  tilingOf,
} from './tile.ts';

/** Where the parts of a node are in memory, bytes. */
export interface Placement extends Pick<Places, 'source' | 'target' | 'packings'> {
  /** Memory of the node's own, while it runs. */
  readonly scratch: number;
}

/**
 * One part of a node's work: a function of (from, to) that does turns `from` to `to - 1` of so many. Turns may run in
 * any order and anywhere; those of the next phase start when all of these are done.
 */
export interface Phase {
  readonly body: FunctionBody;
  readonly turns: number;
}

/** How one loop node is computed, but for where things are. */
export interface NodePlan {
  /** Constants that it reads in another order, to be written once when the program is loaded. */
  readonly packings: readonly Packing[];
  /** What it reads of tensors where they are. */
  readonly reads: readonly ByteRange[];
  /** Memory of its own while it runs: what threads have in common, then what each has for itself. */
  readonly scratchBytes: number;
  readonly threadBytes: number;
  /** Scalar instructions and reads that it takes, all phases together. */
  readonly work: number;
  /** How it is computed, in words for a profile. */
  readonly label: string;
  phases(placement: Placement): Phase[];
}

/** A constant is not packed if it would take more than so many times its bytes. */
const MAX_GROWTH = 2;

/** Gives a nest its constants packed, where their lanes are apart or what a panel holds would be. */
function packConstants(
  loop: LoopNode,
  nest: Nest,
  nodes: readonly Node[],
  { rowLoop, laneLoop, vectors }: Shape,
  before: readonly Packing[],
): { nest: Nest; packings: Packing[] } {
  const packings = [...before];
  if (laneLoop < 0) return { nest, packings };
  const uses = operandUses(loop);
  const packed = (access: Access, operand: number): Access => {
    const { node, dtype } = loop.operands[operand]!;
    const elementBytes = ELEMENT_BYTES[dtype];
    const { address, region } = access;
    const { coefficients } = address;
    if (nodes[node]!.kind !== 'constant' || !isLinear(access) || access.outside || region.kind !== 'tensor')
      return access;
    const isProduct = rowLoop >= 0 && coefficients[rowLoop] === 0 && uses[operand]!.step;
    if (coefficients[laneLoop] === 0 || (coefficients[laneLoop] === elementBytes && !isProduct))
      return access;
    const panels = panelsOf(nest, address, laneLoop, LANES * vectors, elementBytes);
    if (panels.size > MAX_GROWTH * byteLengthOf(nodes[node]!)) return access;
    packings.push(packingOf({ node, elementBytes }, nest, address, panels));
    return {
      ...access,
      address: { constant: 0, coefficients: panels.coefficients, wide: false, lane: elementBytes },
      region: { kind: 'packed', index: packings.length - 1 },
    };
  };
  const accesses = nest.accesses.map(packed);
  return { nest: { ...nest, accesses }, packings };
}

/** How a nest is computed, in words. */
function labelOf(
  { extents, outputs }: Nest,
  { tiles, block, turns }: Tiling,
  counts: Record<string, number>,
) {
  const [tile] = tiles as [Tile];
  const rest = tiles.at(-1)!.lanes % LANES;
  return [
    `loops ${extents.slice(0, outputs).join('×')} fold ${extents.slice(outputs).join('×')}`,
    `tile ${tile.rows}×${tile.vectors}`,
    ...(tile.steps.length > 1 ? [`${tile.steps.length} steps`] : []),
    ...(rest > 0 && tile.vectors > 0 ? [`${rest} lanes left`] : []),
    ...(block < turns ? [`${Math.ceil(turns / block)} blocks`] : []),
    ...Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : [])),
  ].join(', ');
}

function stagePart({ loop, nest, shape }: Stage, target: number): Part {
  const simple = shape ? nest : simplify(nest);
  return { loop, nest: simple, tiling: tilingOf(loop, simple, shape ?? shapeOf(loop, simple)), target };
}

/** @param vectors of the tile that reads it, along its lanes */
function bandedPart({ loop, nest, band }: Stage, target: number, vectors: number): Banded {
  const simple = simplify(nest);
  const dimension = simple.banded!.coefficients.indexOf(1);
  const shape = band!.course.isLanes
    ? { rowLoop: -1, laneLoop: dimension, rows: 1, vectors: band!.width > 1 ? 1 : vectors }
    : shapeOf(loop, simple);
  const tiling = tilingOf(loop, simple, shape, { loop: dimension });
  return { loop, nest: simple, tiling, target, band: band! };
}

/** Where stages copy to: as a whole to memory that threads have in common, bands to memory of each thread's own. */
interface Room {
  readonly places: readonly { readonly offset: number; readonly isOwn: boolean }[];
  readonly common: number;
  readonly own: number;
}

function roomFor(stages: readonly Stage[]): Room {
  let [common, own] = [0, 0];
  const places = stages.map(({ bytes, band }) => {
    const isOwn = band !== undefined;
    const offset = isOwn ? own : common;
    if (isOwn) own += aligned(bytes);
    else common += aligned(bytes);
    return { offset, isOwn };
  });
  return { places, common, own };
}

/** What computes one piece of a node, the stages of its operands first. */
interface PiecePlan {
  readonly steps: readonly Step[];
  /** Those of the pieces before it, too. */
  readonly packings: readonly Packing[];
  readonly room: Room;
  /** Elements of its stages. */
  readonly copied: number;
  readonly label: string;
}

/** The nest of a piece with all that it reads where that will be; its loops are in the order of its tensor. */
interface Prepared {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly shape: Shape;
  readonly packings: readonly Packing[];
  readonly stages: readonly Stage[];
  readonly counts: Record<string, number>;
}

function prepare(piece: Piece, nodes: readonly Node[], earlier: readonly Packing[], band?: Band): Prepared {
  const plain = nestOf(piece.loop, piece.strides, piece.first);
  const pairs = paired(piece.loop, plain, nodes, earlier.length, band);
  const loop = pairs?.loop ?? piece.loop;
  const pairStages = pairs ? [pairs.stage] : [];
  const padded = stagePadded(loop, pairs?.nest ?? plain, pairStages.length, band);
  const shape = shapeOf(loop, padded.nest);
  const before = pairs ? [...earlier, pairs.packing] : earlier;
  const { nest: withConstants, packings } = packConstants(loop, padded.nest, nodes, shape, before);
  const boxes = [...pairStages, ...padded.stages];
  const panels = stagePanels(loop, withConstants, shape, boxes.length);
  return {
    ...{ loop, nest: panels.nest, shape, packings },
    stages: [...boxes, ...panels.stages],
    counts: {
      packed: packings.length - earlier.length,
      'in pairs': pairs ? 1 : 0,
      padded: padded.stages.length,
      'in panels': panels.stages.length,
    },
  };
}

function planPiece(
  piece: Piece,
  nodes: readonly Node[],
  earlier: readonly Packing[],
  cache: CacheSizes,
): PiecePlan {
  const whole = prepare(piece, nodes, earlier);
  const band = bandFor(whole, cache);
  const { loop, nest, shape, packings, stages, counts } = band ? prepare(piece, nodes, earlier, band) : whole;
  const order = orderOf(loop, nest, shape, band?.loop);
  const ordered = reordered(nest, order);
  const tiling = tilingOf(loop, ordered, reorderedShape(shape, order), {
    cache,
    ...(band && { loop: order.indexOf(band.loop), block: band.size / band.unit }),
  });
  const bands = stages.flatMap((stage, i) => (stage.band ? [bandedPart(stage, i, shape.vectors)] : []));
  const copies = stages.flatMap((stage, i) => (stage.band ? [] : [{ bands: [], part: stagePart(stage, i) }]));
  return {
    steps: [...copies, { bands, part: { loop, nest: ordered, tiling } }],
    packings,
    room: roomFor(stages),
    copied: stages.reduce((sum, { nest: { extents } }) => sum + sizeOf(extents), 0),
    label: labelOf(ordered, tiling, { ...counts, 'in bands': bands.length }),
  };
}

/** A part with the addresses of each operand counted from the first byte that it reads. */
function rebased<P extends Part>(part: P, nodes: readonly Node[], reads: ByteRange[]): P {
  const { loop, nest } = part;
  const uses = operandUses(loop);
  const accesses = nest.accesses.map((access, o): Access => {
    if (access.region.kind !== 'tensor' || access.outside || !(uses[o]!.step || uses[o]!.post)) return access;
    const range = rangeRead(loop.operands[o]!, access, nest, nodes);
    const { start } = range;
    reads.push(range);
    const address = { ...access.address, constant: access.address.constant - start };
    return { ...access, address, region: { kind: 'tensor', start } };
  });
  return { ...part, nest: { ...nest, accesses } };
}

/**
 * @param index of the node, of all of the program's
 * @param weights what constants are, if that may be asked
 */
export function planNode(
  loop: LoopNode,
  index: number,
  nodes: readonly Node[],
  weights?: Weights,
  cache: CacheSizes = CACHE,
): NodePlan {
  const elements = sizeOf(loop.shape);
  if (elements === 0) {
    return {
      packings: [],
      reads: [],
      scratchBytes: 0,
      threadBytes: 0,
      work: 0,
      label: 'empty',
      phases: () => [],
    };
  }
  const pieces = piecesOf(loop, nodes, weights);
  const plans: PiecePlan[] = [];
  for (const piece of pieces) plans.push(planPiece(piece, nodes, plans.at(-1)?.packings ?? [], cache));
  const reads: ByteRange[] = [];
  const pieceSteps = plans.map(({ steps }) =>
    steps.map(({ bands, part }) => ({
      bands: bands.map((one) => rebased(one, nodes, reads)),
      part: rebased(part, nodes, reads),
    })),
  );
  const common = Math.max(...plans.map(({ room }) => room.common));
  const own = Math.max(...plans.map(({ room }) => room.own));
  const work = pieces.reduce((sum, { loop: { shape, fold, step, post } }) => {
    const once = sizeOf(fold) * (step.code.length + 1) + post.code.length + 1;
    return sum + sizeOf(shape) * once;
  }, 0);
  return {
    packings: plans.at(-1)!.packings,
    reads,
    scratchBytes: common,
    threadBytes: own,
    work: work + plans.reduce((sum, { copied }) => sum + copied, 0),
    label: plans[0]!.label + (pieces.length > 1 ? `, ${pieces.length} interleaved` : ''),
    phases: ({ scratch, ...placement }) =>
      pieceSteps.flatMap((steps, piece) => {
        const stages = plans[piece]!.room.places.map(
          ({ offset, isOwn }) => scratch + (isOwn ? common : 0) + offset,
        );
        const places = { ...placement, stages, threadBytes: own };
        return steps.map((step, i) => ({
          body: stepBody(step, `node${index}piece${piece}phase${i}`, places),
          turns: step.part.tiling.turns,
        }));
      }),
  };
}
