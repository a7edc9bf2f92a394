import { type LoopNode, sizeOf } from '../../program/node.ts';
import { type Access, checksOf, type Form, type Hard, type Nest, rangeOf, runOf, stridesOf } from './nest.ts';
import { dependsOn, type Shape } from './tile.ts';

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
  /** Of the copy, or of what is copied of it at a time. */
  readonly bytes: number;
  /** By loops of the nest that reads it; none for those that lead nowhere, or not forwards in one dimension. */
  readonly courses: readonly (Course | undefined)[];
  /** If only a band is there at a time. */
  readonly band?: StageBand;
}

interface StageBand {
  /** Along which it is. */
  readonly course: Course;
  /** Bytes from one index of its dimension to the next. */
  readonly stride: number;
  /** Indices of its dimension for each of the copy's loop. */
  readonly width: number;
}

/** What a loop reads of one dimension of a copy: at index i, from `first + step * i` on, `span` indices. */
export interface Course {
  readonly dimension: number;
  readonly extent: number;
  readonly first: number;
  readonly step: number;
  readonly span: number;
  /** The dimension is that of the copy's lanes, and has the loop's indices. */
  readonly isLanes: boolean;
}

/** So many indices of a loop are computed at a time, after what they read has been copied; each time some units. */
export interface Band {
  readonly loop: number;
  readonly size: number;
  readonly unit: number;
}

/** Elements of a copy for each element of the tensor: what lies outside and between is copied too. */
const MAX_GROWTH = 6;

const wrap = (value: number): number => Number(BigInt.asIntN(32, BigInt(value)));

/** One dimension of a copy: an index of its own for each of a loop's indices, or for each value of a coordinate. */
interface Dimension {
  readonly extent: number;
  /** Bytes in the tensor. */
  readonly stride: number;
  readonly loop?: number;
  readonly hard?: number;
  /** Of a coordinate's, whether its indices are runs; what one is worth in the coordinate. */
  readonly isRun?: boolean;
  readonly unit: number;
}

/** The values of a coordinate, in runs that are inside or outside as a whole. */
function dimensionsOf(hard: Hard, at: number, extents: readonly number[]) {
  const { form, extent, divisor, stride } = hard;
  const { low, high } = rangeOf(form.constant, form.coefficients, extents);
  const run = divisor === 1 ? runOf(form, extent, extents) : 1;
  const first = Math.floor(low / run);
  const dimensions: Dimension[] = [
    { extent: Math.floor(high / run) - first + 1, stride: stride * run, hard: at, isRun: true, unit: run },
    { extent: run, stride, hard: at, unit: 1 },
  ];
  return { base: first * run, run, dimensions };
}

/** What a copy computes of an operand, where that is among its own operands, and how it is stored. */
export interface Copying {
  readonly loop: LoopNode;
  readonly operand: number;
  readonly bytes: 1 | 2 | 4;
  readonly minReads: number;
}

/**
 * A copy of the box of all coordinates that the operand is read at.
 *
 * @param index of the stage
 */
export function boxStage(
  loop: LoopNode,
  nest: Nest,
  operand: number,
  index: number,
  copying: Copying,
  band: Band | undefined,
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
  ].filter(({ extent }) => extent > 1);
  dimensions.sort((a, b) => Math.abs(b.stride) - Math.abs(a.stride));
  const extents = dimensions.map(({ extent }) => extent);
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

  const paths = dimensions.map((dimension) => pathOf(dimension, hard, coordinates, nest));
  const courses = nest.extents.map((_, i) => courseOf(i, paths, extents, nest));
  const course = band && courses[band.loop];
  const isWords = bytes === 1 && isWordwise(source, extents);
  const held = extents.map((extent, d) =>
    course?.dimension === d ? Math.min(extent, heldOf(course, band!, isWords)) : extent,
  );
  const strides = stridesOf(held, bytes);
  const sumOf = (of: (path: Path) => number): number =>
    paths.reduce((sum, path, d) => sum + of(path) * strides[d]!, 0);
  const stage: Stage = {
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
      ...(course ? { banded: indexOf(course.dimension, extents.length) } : {}),
    },
    // The second half of the last pair may lie behind the last element.
    bytes: sizeOf(held) * bytes + (bytes === 2 ? bytes : 0),
    courses,
    ...(course ? { band: { course, stride: strides[course.dimension]!, width: 1 } } : {}),
  };
  const read = linear(
    sumOf(({ start }) => start),
    nest.extents.map((_, i) => sumOf(({ steps }) => steps[i]!)),
    index,
  );
  return [isWords ? inWords(stage) : stage, read];
}

/** Bytes of a word, and of a vector. */
const [WORD, VECTOR] = [4, 16];

/** Whether four bytes next to each other are always copied to four next to each other, and the loop of them stays one. */
function isWordwise({ address, checks, quotients }: Access, extents: readonly number[]): boolean {
  const last = extents.length - 1;
  return (
    address.coefficients[last] === 1 &&
    extents[last]! > WORD &&
    extents[last]! % WORD === 0 &&
    [...checks, ...quotients].every(({ form }) => form.coefficients[last] === 0)
  );
}

/** Indices of a dimension that a band has room for. Words of lanes come by whole vectors, which may begin before it. */
function heldOf({ step, span, isLanes }: Course, { size, unit }: Band, isWords: boolean): number {
  const read = step * (size - 1) + span;
  if (!isLanes || !isWords) return read;
  return Math.ceil((unit % VECTOR === 0 ? read : read + VECTOR - 1) / VECTOR) * VECTOR;
}

/** A copy of bytes, four of its last dimension at a time. */
function inWords({ loop, nest, band, ...stage }: Stage): Stage {
  const last = nest.extents.length - 1;
  const widened = (form: Form): Form => ({
    ...form,
    coefficients: form.coefficients.map((coefficient, i) => (i === last ? WORD * coefficient : coefficient)),
  });
  const fill = Math.imul(loop.operands[0]!.fill & 255, 0x01010101) >>> 0;
  return {
    ...stage,
    loop: { ...loop, dtype: 'i32', operands: [{ ...loop.operands[0]!, dtype: 'i32', fill }] },
    nest: {
      ...nest,
      extents: nest.extents.map((extent, i) => (i === last ? extent / WORD : extent)),
      accesses: nest.accesses.map((access) => ({
        ...access,
        address: widened(access.address),
        hard: access.hard.map((one) => ({ ...one, form: widened(one.form) })),
      })),
      store: widened(nest.store),
    },
    ...(band ? { band: { ...band, width: band.course.dimension === last ? WORD : 1 } } : {}),
  };
}

const indexOf = (dimension: number, dimensions: number): Form => ({
  constant: 0,
  coefficients: Array.from({ length: dimensions }, (_, i) => (i === dimension ? 1 : 0)),
  wide: false,
});

/** Where the nest's loops lead in one dimension of a copy. */
interface Path {
  readonly start: number;
  readonly steps: readonly number[];
}

/** A coordinate's runs and the places in a run go by loops of their own: what is within a run never leaves it. */
function pathOf(
  { loop, hard: at, isRun }: Dimension,
  hard: readonly Hard[],
  coordinates: readonly { readonly base: number; readonly run: number }[],
  { extents }: Nest,
): Path {
  if (at === undefined) return { start: 0, steps: extents.map((_, i) => (i === loop ? 1 : 0)) };
  const { constant, coefficients } = hard[at]!.form;
  const { base, run } = coordinates[at]!;
  const start = constant - base;
  const place = ((start % run) + run) % run;
  return isRun
    ? { start: (start - place) / run, steps: coefficients.map((c) => (c % run === 0 ? c / run : 0)) }
    : { start: place, steps: coefficients.map((c) => (c % run === 0 ? 0 : c)) };
}

/** The course of a loop along a copy. */
function courseOf(
  loop: number,
  paths: readonly Path[],
  extents: readonly number[],
  nest: Nest,
): Course | undefined {
  const led = paths.map((_, d) => d).filter((d) => paths[d]!.steps[loop] !== 0);
  const [dimension] = led;
  if (dimension === undefined || led.length > 1) return undefined;
  const { start, steps } = paths[dimension]!;
  const step = steps[loop]!;
  const others = steps.map((one, i) => (i === loop ? 0 : one));
  const { low, high } = rangeOf(start, others, nest.extents);
  const extent = extents[dimension]!;
  const isLast = dimension === extents.length - 1;
  const isLanes = isLast && step === 1 && low === high && extent === nest.extents[loop];
  if (step < 0 || (isLast && !isLanes)) return undefined;
  return { dimension, extent, first: low, step, span: high - low + 1, isLanes };
}

const withoutLoops = (access: Access, extents: readonly number[]): Access => ({
  ...access,
  address: { ...access.address, coefficients: extents.map(() => 0) },
  checks: [],
  quotients: [],
  gatherings: [],
  hard: [],
});

/** A read of what a stage has copied. */
export const linear = (
  constant: number,
  coefficients: readonly number[],
  stage: number,
  lane?: number,
): Access => ({
  outside: false,
  address: { constant, coefficients, wide: false, ...(lane === undefined ? {} : { lane }) },
  checks: [],
  quotients: [],
  gatherings: [],
  hard: [],
  region: { kind: 'staged', stage },
});
