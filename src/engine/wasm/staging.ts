import {
  type DType,
  ELEMENT_BYTES,
  type LoopNode,
  operandUses,
  sizeOf,
  slotsOf,
  withSlots,
} from '../../program/node.ts';
import { wordAsStored } from '../reference/word.ts';
import { type Band, boxStage, linear, type Stage } from './box.ts';
import { type Access, isLinear, type Nest } from './nest.ts';
import { panelsOf } from './packing.ts';
import { LANES, type Shape } from './tile.ts';

/** A copy is worth its while if each of its elements is read so many times. */
const MIN_READS = 2;

/** A loop that copies one operand as it is. */
function copyOf(loop: LoopNode, operand: number): LoopNode {
  const { node, dtype, fill } = loop.operands[operand]!;
  return {
    kind: 'loop',
    dtype,
    shape: [],
    fold: [],
    init: 0,
    constants: [],
    operands: [{ node, dtype, fill, view: [] }],
    step: { code: [], result: 0 },
    post: { code: [], result: 1 },
    grain: 1,
    checkpoint: false,
  };
}

/** The operand by its coordinates before division, with whatever it yields outside. */
function paddedStage(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  stage: number,
  band: Band | undefined,
): [Stage, Access] | undefined {
  const { dtype, fill } = loop.operands[operand]!;
  // What lies outside is a word, and a byte cannot hold any.
  if (nest.accesses[operand]!.hard.length === 0 || wordAsStored(dtype, fill) !== fill >>> 0) return undefined;
  const copying = {
    loop: copyOf(loop, operand),
    operand: 0,
    bytes: ELEMENT_BYTES[dtype],
    minReads: MIN_READS,
  };
  return boxStage(loop, nest, operand, stage, copying, band);
}

/**
 * A factor of a product as 16-bit integers, in the order of its operand's own memory. The factor's other operands
 * depend on no loop. It is the first stage of its node.
 *
 * @param slot of the factor in the step's code
 */
export function stagedFactor(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  slot: number,
  band: Band | undefined,
): { stage: Stage; access: Access } | undefined {
  const { results, outputIndices } = slotsOf(loop);
  const moved = (at: number) => (at >= results ? at - results + outputIndices : at);
  const factor: LoopNode = {
    ...loop,
    shape: [],
    fold: [],
    step: { code: [], result: 0 },
    post: {
      code: withSlots(loop.step.code, moved),
      result: moved(slot),
    },
  };
  const made = boxStage(loop, nest, operand, 0, { loop: factor, operand, bytes: 2, minReads: 1 }, band);
  return made && { stage: made[0], access: made[1] };
}

/** Rows for which a tile's lanes must be read before they are worth being put next to each other. */
const MIN_ROWS = 8;

/** Cache lines, each of a row of its own, that are better not read again and again for what lanes need of them. */
const MIN_LINES = 192;

/** The operand in panels: for each tile's lanes, all that the fold reads of them. */
function panelStage(
  loop: LoopNode,
  nest: Nest,
  shape: Shape,
  operand: number,
  stage: number,
): [Stage, Access] | undefined {
  const { rowLoop, laneLoop, vectors } = shape;
  const access = nest.accesses[operand]!;
  const { address, region } = access;
  const dtype: DType = loop.operands[operand]!.dtype;
  const bytes = ELEMENT_BYTES[dtype];
  if (!isLinear(access) || access.outside || region.kind !== 'tensor' || rowLoop < 0) return undefined;
  if (address.coefficients[laneLoop] === 0 || address.coefficients[rowLoop] !== 0) return undefined;
  if (nest.extents[rowLoop]! < MIN_ROWS) return undefined;
  const { order, coefficients, size } = panelsOf(nest, address, laneLoop, LANES * vectors, bytes);
  const lines = sizeOf(order.slice(1).map((i) => nest.extents[i]!));
  if (address.coefficients[laneLoop] === bytes && lines < MIN_LINES) return undefined;
  return [
    {
      loop: copyOf(loop, operand),
      nest: {
        extents: order.map((i) => nest.extents[i]!),
        outputs: order.length,
        accesses: [
          {
            ...access,
            address: { ...address, coefficients: order.map((i) => address.coefficients[i]!) },
          },
        ],
        store: { constant: 0, coefficients: order.map((i) => coefficients[i]!), wide: false, lane: bytes },
        indexSlots: new Map(),
      },
      shape: { rowLoop: -1, laneLoop: 0, rows: 1, vectors },
      bytes: size,
      courses: [],
    },
    linear(0, coefficients, stage, bytes),
  ];
}

/**
 * The nest with what its fold reads often copied by stages of its own.
 *
 * @param from how many stages there are before
 */
function staged(
  loop: LoopNode,
  nest: Nest,
  from: number,
  make: (operand: number, stage: number) => [Stage, Access] | undefined,
): { nest: Nest; stages: Stage[] } {
  const uses = operandUses(loop);
  const stages: Stage[] = [];
  const accesses = nest.accesses.map((access, o) => {
    // One that post reads too would be read at fold index 0, or is not worth it.
    if (!uses[o]!.step || uses[o]!.post) return access;
    const made = make(o, from + stages.length);
    if (!made) return access;
    stages.push(made[0]);
    return made[1];
  });
  return { nest: { ...nest, accesses }, stages };
}

export const stagePadded = (loop: LoopNode, nest: Nest, from: number, band?: Band) =>
  staged(loop, nest, from, (operand, stage) => paddedStage(loop, nest, operand, stage, band));

export const stagePanels = (loop: LoopNode, nest: Nest, shape: Shape, from: number) =>
  staged(loop, nest, from, (operand, stage) => panelStage(loop, nest, shape, operand, stage));
