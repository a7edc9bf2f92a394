import {
  type DType,
  ELEMENT_BYTES,
  type LoopNode,
  operandUses,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { wordAsStored } from '../reference/word.ts';
import { aligned } from './memoryPlan.ts';
import {
  type Access,
  checksOf,
  type Form,
  type Hard,
  isLinear,
  type Nest,
  rangeOf,
  runOf,
  stridesOf,
} from './nest.ts';
import { panelsOf } from './packing.ts';
import { dependsOn, LANES, type Shape } from './tile.ts';

/**
 * Operands that are copied to scratch memory first, so that the fold reads them without asking whether they are
 * inside, without dividing, and with the lanes of a tile next to each other. A copy is itself a nest: of one operand,
 * without a fold.
 */
export interface Stage {
  readonly loop: LoopNode;
  readonly nest: Nest;
  /** Lanes of the vectors that it reads and writes at a turn, where they must be so many. */
  readonly shape?: Shape;
  /** Where in the node's scratch memory, and how much of it. */
  readonly offset: number;
  readonly bytes: number;
}

/** A copy is worth its while if each of its elements is read so many times. */
const MIN_READS = 2;

/** Elements of a copy for each element of the tensor: what lies outside and between is copied too. */
const MAX_GROWTH = 6;

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

const wrap = (value: number): number => Number(BigInt.asIntN(32, BigInt(value)));

/** One dimension of a copy: an index of its own for each of a loop's indices, or for each value of a coordinate. */
interface Dimension {
  readonly extent: number;
  /** Bytes in the tensor. */
  readonly stride: number;
  readonly loop?: number;
  readonly hard?: number;
  /** What one step is worth in the coordinate. */
  readonly unit: number;
}

/** The values of a coordinate, in runs that are inside or outside as a whole. */
function dimensionsOf(hard: Hard, at: number, extents: readonly number[]) {
  const { form, extent, divisor, stride } = hard;
  const { low, high } = rangeOf(form.constant, form.coefficients, extents);
  const run = divisor === 1 ? runOf(form, extent, extents) : 1;
  const first = Math.floor(low / run);
  const dimensions: Dimension[] = [
    { extent: Math.floor(high / run) - first + 1, stride: stride * run, hard: at, unit: run },
    { extent: run, stride, hard: at, unit: 1 },
  ];
  return { base: first * run, dimensions };
}

/** The operand by its coordinates before division, with whatever it yields outside. */
function paddedStage(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  offset: number,
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
  return boxStage(loop, nest, operand, offset, copying);
}

/**
 * A factor of a product as 16-bit integers, in the order of its operand's own memory. The factor's other operands
 * depend on no loop.
 *
 * @param slot of the factor in the step's code
 */
export function stagedFactor(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  slot: number,
): { stage: Stage; access: Access } | undefined {
  const { results, outputIndices } = slotsOf(loop);
  const moved = (at: number) => (at >= results ? at - results + outputIndices : at);
  const factor: LoopNode = {
    ...loop,
    shape: [],
    fold: [],
    step: { code: [], result: 0 },
    post: {
      code: loop.step.code.map(({ opcode, a, b, c }) => ({ opcode, a: moved(a), b: moved(b), c: moved(c) })),
      result: moved(slot),
    },
  };
  const made = boxStage(loop, nest, operand, 0, { loop: factor, operand, bytes: 2, minReads: 1 });
  return made && { stage: made[0], access: made[1] };
}

/** What a copy computes of an operand, where that is among its own operands, and how it is stored. */
interface Copying {
  readonly loop: LoopNode;
  readonly operand: number;
  readonly bytes: 1 | 2 | 4;
  readonly minReads: number;
}

/** A copy of the box of all coordinates that the operand is read at. */
function boxStage(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  offset: number,
  copying: Copying,
): [Stage, Access] | undefined {
  const access = nest.accesses[operand]!;
  const { hard, address } = access;
  if (access.outside || access.gatherings.length > 0) return undefined;
  if (hard.some(({ form }) => form.wide)) return undefined;
  const { view } = loop.operands[operand]!;
  const { bytes } = copying;

  // What the address has besides: loops that are in no such coordinate.
  const plain = hard.filter(({ divisor }) => divisor === 1);
  const rest = address.coefficients.map((coefficient, i) =>
    wrap(coefficient - plain.reduce((sum, { form, stride }) => sum + form.coefficients[i]! * stride, 0)),
  );
  const restConstant = wrap(
    address.constant - plain.reduce((sum, { form, stride }) => sum + form.constant * stride, 0),
  );
  const coordinates = hard.map((one, at) => dimensionsOf(one, at, nest.extents));
  const dimensions: Dimension[] = [
    ...coordinates.flatMap((one) => one.dimensions),
    ...rest.flatMap((stride, i): Dimension[] =>
      stride === 0 ? [] : [{ extent: nest.extents[i]!, stride, loop: i, unit: 1 }],
    ),
  ].filter(({ extent, hard: at, unit }) => extent > 1 || (at !== undefined && unit > 1));
  dimensions.sort((a, b) => Math.abs(b.stride) - Math.abs(a.stride));
  const extents = dimensions.map(({ extent }) => extent);
  const strides = stridesOf(extents, bytes);
  const elements = sizeOf(extents);
  const depends = nest.extents.filter((_, i) => dependsOn(nest, operand, i));
  if (sizeOf(depends) < copying.minReads * elements) return undefined;
  if (elements > MAX_GROWTH * sizeOf(view.map(({ extent }) => extent))) return undefined;

  const coefficientsOf = (of: (dimension: Dimension) => number): Form['coefficients'] => dimensions.map(of);
  const formOf = (at: number): Form => ({
    constant: coordinates[at]!.base,
    coefficients: coefficientsOf((dimension) => (dimension.hard === at ? dimension.unit : 0)),
    wide: false,
  });
  const checks = hard.flatMap((one, at) => checksOf({ ...one, form: formOf(at) }, extents));
  const quotients = hard.flatMap(({ divisor, stride }, at) =>
    divisor === 1 ? [] : [{ form: formOf(at), divisor, stride }],
  );
  const source: Access = {
    ...access,
    address: {
      constant: wrap(
        hard.reduce(
          (sum, { divisor, stride }, at) => sum + (divisor === 1 ? coordinates[at]!.base * stride : 0),
          restConstant,
        ),
      ),
      coefficients: coefficientsOf(({ hard: at, stride }) =>
        at === undefined || hard[at]!.divisor === 1 ? wrap(stride) : 0,
      ),
      wide: false,
    },
    checks,
    quotients,
    hard: hard.map((one, at) => ({ ...one, form: formOf(at) })),
  };

  // Where a coordinate's value is in the copy: linear if its runs follow each other.
  const stepOf = (at: number): number | undefined => {
    const steps = dimensions.flatMap((dimension, d) =>
      dimension.hard === at ? [strides[d]! / dimension.unit] : [],
    );
    return steps.every((step) => step === steps[0]) ? (steps[0] ?? 0) : undefined;
  };
  const steps = hard.map((_, at) => stepOf(at));
  if (steps.some((step) => step === undefined)) return undefined;
  const place = rest.map((_, i) => {
    const own = dimensions.findIndex((dimension) => dimension.loop === i);
    return hard.reduce(
      (sum, { form }, at) => sum + form.coefficients[i]! * steps[at]!,
      own < 0 ? 0 : strides[own]!,
    );
  });
  const constant = hard.reduce(
    (sum, { form }, at) => sum + (form.constant - coordinates[at]!.base) * steps[at]!,
    0,
  );
  return [
    {
      loop: copying.loop,
      nest: {
        extents,
        outputs: extents.length,
        // The others are scalars, or are not read.
        accesses: copying.loop.operands.map((_, o) =>
          o === copying.operand ? source : withoutLoops(nest.accesses[o]!, extents),
        ),
        store: { constant: 0, coefficients: strides, wide: false },
        indexSlots: new Map(),
        ...(bytes === 2 ? { halves: true } : {}),
      },
      offset,
      // The second half of the last pair may lie behind the last element.
      bytes: elements * bytes + (bytes === 2 ? bytes : 0),
    },
    linear(constant, place, offset),
  ];
}

const withoutLoops = (access: Access, extents: readonly number[]): Access => ({
  ...access,
  address: { ...access.address, coefficients: extents.map(() => 0) },
  checks: [],
  quotients: [],
  gatherings: [],
  hard: [],
});

const linear = (
  constant: number,
  coefficients: readonly number[],
  offset: number,
  lane?: number,
): Access => ({
  outside: false,
  address: { constant, coefficients, wide: false, ...(lane === undefined ? {} : { lane }) },
  checks: [],
  quotients: [],
  gatherings: [],
  hard: [],
  region: { kind: 'scratch', offset },
});

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
  offset: number,
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
      offset,
      bytes: size,
    },
    linear(0, coefficients, offset, bytes),
  ];
}

/** The nest with what its fold reads often copied by stages of its own. */
function staged(
  loop: LoopNode,
  nest: Nest,
  from: number,
  make: (operand: number, offset: number) => [Stage, Access] | undefined,
): { nest: Nest; stages: Stage[]; bytes: number } {
  const uses = operandUses(loop);
  const stages: Stage[] = [];
  let bytes = aligned(from);
  const accesses = nest.accesses.map((access, o) => {
    // One that post reads too would be read at fold index 0, or is not worth it.
    if (!uses[o]!.step || uses[o]!.post) return access;
    const made = make(o, bytes);
    if (!made) return access;
    const [stage, instead] = made;
    stages.push(stage);
    bytes += aligned(stage.bytes);
    return instead;
  });
  return { nest: { ...nest, accesses }, stages, bytes };
}

export const stagePadded = (loop: LoopNode, nest: Nest, from: number) =>
  staged(loop, nest, from, (operand, offset) => paddedStage(loop, nest, operand, offset));

export const stagePanels = (loop: LoopNode, nest: Nest, shape: Shape, from: number) =>
  staged(loop, nest, from, (operand, offset) => panelStage(loop, nest, shape, operand, offset));
