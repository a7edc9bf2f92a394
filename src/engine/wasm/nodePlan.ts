import {
  byteLengthOf,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  operandUses,
  sizeOf,
} from '../../program/node.ts';
import {
  append,
  appendRepeat,
  appendWhen,
  type FunctionBody,
  get,
  i32Const,
  set,
  type ValueType,
} from '../../wasm/assembler.ts';
import type { Weights } from '../engine.ts';
import { type Piece, piecesOf } from './interleaving.ts';
import { type Access, isLinear, type Nest, nestOf, reordered, simplify } from './nest.ts';
import { type Packing, packingOf, panelsOf } from './packing.ts';
import { paired } from './pairs.ts';
import { type Stage, stagePadded, stagePanels } from './staging.ts';
import { type Stretch, stretchOf } from './stretch.ts';
import { LANES, orderOf, type Shape, shapeOf, type Tile, type Tiling, tilingOf } from './tile.ts';
import { TileWriter } from './tileWriter.ts';

/** Where the parts of a node are in memory, bytes. */
export interface Placement {
  /** Of a byte of another node's tensor, within what the plan reads. */
  readonly source: (node: number, byte: number) => number;
  /** Of the node's own tensor. */
  readonly target: number;
  /** Of each packing of the plan. */
  readonly packings: readonly number[];
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
  readonly reads: readonly Stretch[];
  readonly scratchBytes: number;
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

/** A nest ready to be written. */
interface Part {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly tiling: Tiling;
  /** Where in scratch memory it goes; the node's tensor if left out. */
  readonly target?: number;
}

function stagePart({ loop, nest, shape, offset }: Stage): Part {
  const simple = shape ? nest : simplify(nest);
  return {
    loop,
    nest: simple,
    tiling: tilingOf(loop, simple, shape ?? shapeOf(loop, simple)),
    target: offset,
  };
}

/** What computes one piece of a node, the stages of its operands first. */
interface PiecePlan {
  readonly parts: readonly Part[];
  /** Those of the pieces before it, too. */
  readonly packings: readonly Packing[];
  readonly scratchBytes: number;
  readonly label: string;
}

function planPiece(piece: Piece, nodes: readonly Node[], earlier: readonly Packing[]): PiecePlan {
  const plain = nestOf(piece.loop, piece.strides, piece.first);
  const pairs = paired(piece.loop, plain, nodes, earlier.length);
  const loop = pairs?.loop ?? piece.loop;
  const padded = stagePadded(loop, pairs?.nest ?? plain, pairs?.stage.bytes ?? 0);
  const shape = shapeOf(loop, padded.nest);
  const before = pairs ? [...earlier, pairs.packing] : earlier;
  const { nest: withConstants, packings } = packConstants(loop, padded.nest, nodes, shape, before);
  const panels = stagePanels(loop, withConstants, shape, padded.bytes);
  const order = orderOf(loop, panels.nest, shape);
  const nest = reordered(panels.nest, order);
  const placed = {
    ...shape,
    rowLoop: order.indexOf(shape.rowLoop),
    laneLoop: order.indexOf(shape.laneLoop),
  };
  const tiling = tilingOf(loop, nest, placed);
  const stages = [...(pairs ? [pairs.stage] : []), ...padded.stages, ...panels.stages];
  return {
    parts: [...stages.map(stagePart), { loop, nest, tiling }],
    packings,
    scratchBytes: panels.bytes,
    label: labelOf(nest, tiling, {
      packed: packings.length - earlier.length,
      'in pairs': pairs ? 1 : 0,
      padded: padded.stages.length,
      'in panels': panels.stages.length,
    }),
  };
}

/** A part with the addresses of each operand counted from the first byte that it reads, and what it reads of tensors. */
function withReads(part: Part, nodes: readonly Node[]): { part: Part; reads: Stretch[] } {
  const { loop, nest } = part;
  const uses = operandUses(loop);
  const reads: Stretch[] = [];
  const accesses = nest.accesses.map((access, o): Access => {
    if (access.region.kind !== 'tensor' || access.outside || !(uses[o]!.step || uses[o]!.post)) return access;
    const stretch = stretchOf(loop.operands[o]!, access, nest, nodes);
    const { start } = stretch;
    reads.push(stretch);
    const address = { ...access.address, constant: access.address.constant - start };
    return { ...access, address, region: { kind: 'tensor', start } };
  });
  return { part: { ...part, nest: { ...nest, accesses } }, reads };
}

/**
 * @param index of the node, of all of the program's
 * @param weights what constants are, if that may be asked
 */
export function planNode(loop: LoopNode, index: number, nodes: readonly Node[], weights?: Weights): NodePlan {
  const elements = sizeOf(loop.shape);
  if (elements === 0) {
    return { packings: [], reads: [], scratchBytes: 0, work: 0, label: 'empty', phases: () => [] };
  }
  const pieces = piecesOf(loop, nodes, weights);
  const plans: PiecePlan[] = [];
  for (const piece of pieces) plans.push(planPiece(piece, nodes, plans.at(-1)?.packings ?? []));
  const reading = plans.flatMap((plan) => plan.parts).map((part) => withReads(part, nodes));
  const work = pieces.reduce((sum, { loop: { shape, fold, step, post } }) => {
    const once = sizeOf(fold) * (step.code.length + 1) + post.code.length + 1;
    return sum + sizeOf(shape) * once;
  }, 0);
  return {
    packings: plans.at(-1)!.packings,
    reads: reading.flatMap(({ reads }) => reads),
    scratchBytes: Math.max(...plans.map(({ scratchBytes }) => scratchBytes)),
    work: work + plans.reduce((sum, { scratchBytes }) => sum + scratchBytes / 4, 0),
    label: plans[0]!.label + (pieces.length > 1 ? `, ${pieces.length} interleaved` : ''),
    phases: (placement) =>
      reading.map(({ part }, i) => ({
        body: bodyOf(part, `node${index}phase${i}`, placement),
        turns: part.tiling.turns,
      })),
  };
}

/** The function of one phase: its tiles, block after block of turns. */
function bodyOf({ loop, nest, tiling, target }: Part, name: string, placement: Placement) {
  const { packings, scratch } = placement;
  const locals: ValueType[] = ['i32', 'i32'];
  const params: ValueType[] = ['i32', 'i32'];
  const [from, to, first, last] = [0, 1, 2, 3];
  const isBlocked = tiling.block < tiling.turns;
  const source = ({ region }: Access, node: number): number => {
    if (region.kind === 'packed') return packings[region.index]!;
    return region.kind === 'scratch' ? scratch + region.offset : placement.source(node, region.start);
  };
  const writing = {
    loop,
    nest,
    tiling,
    source,
    target: target === undefined ? placement.target : scratch + target,
    locals,
    from: isBlocked ? first : from,
    to: isBlocked ? last : to,
  };
  const code: number[] = [];
  const write = () => {
    for (const tile of tiling.tiles) new TileWriter(writing, tile).write(code);
  };
  if (!isBlocked) {
    write();
    return { name, params, locals, code };
  }
  const end = [...get(first), ...i32Const(tiling.block), 0x6a];
  const isLeft = [...get(first), ...get(to), 0x49];
  append(code, set(first, get(from)));
  appendWhen(code, isLeft, () =>
    appendRepeat(code, isLeft, () => {
      append(code, set(last, [...end, ...get(to), ...end, ...get(to), 0x49, 0x1b]));
      write();
      append(code, set(first, get(last)));
    }),
  );
  return { name, params, locals, code };
}
