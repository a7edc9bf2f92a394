import { type DType, sizeOf } from '../../program/node.ts';
import { type Axis, axesOf, evaluateIndex, type Index } from '../ir/indices.ts';
import { elementCount, permutationOf, type Tensor, type Words, wordsFor } from '../ir/tensor.ts';
import { addressing, collapse, type LoopCoordinate, type LoopDimension, strideOf } from './address.ts';
import { type OperandConstant, packConstants } from './pack.ts';
import { isWhole, stridedOf, takeStrided } from './strided.ts';
import { summaryOf } from './summary.ts';
import {
  type Dimension,
  isPlain,
  type LinearTerm,
  type ReadingTerm,
  type Resolution,
  type ResolvedCoordinate,
  termsOf,
} from './terms.ts';

/** A loop that no node can be. */
export interface TooLarge {
  /** A clause on what it needs more of than a node may have, such as `300 instructions, of 255 allowed`. */
  readonly excess: string;
}

export const isTooLarge = (result: object): result is TooLarge => 'excess' in result;

/** One loop before its operands have node numbers and its terms have slots. */
export interface Loop {
  readonly dtype: DType;
  readonly output: readonly Axis[];
  readonly fold: readonly Axis[];
  readonly init: number;
  /** `undefined` without a fold: one step that yields the initial accumulator. */
  readonly step: LinearTerm | undefined;
  readonly post: LinearTerm;
  readonly operands: readonly LoopOperand[];
  /** Reading terms by the operand that serves them, or the literal that stands in for them. */
  readonly served: ReadonlyMap<LinearTerm, number | { readonly word: number }>;
}

export type OperandSource = { readonly tensor: Tensor } | { readonly constant: OperandConstant };

export interface LoopOperand {
  readonly source: OperandSource;
  readonly dtype: DType;
  readonly view: readonly LoopDimension[];
  readonly fill: number;
}

/** Entries of a table for an index that no address can express. */
const TABLE_ENTRIES = 2 ** 20;
/** Constants are laid out for the loop that reads them unless that makes them this many times as large. */
const CONSTANT_GROWTH = 4;
const CONSTANT_FREE_ELEMENTS = 16_384;

/**
 * Lays a resolved tensor out as a loop: output axes in memory order, fold axes so that the main operand is read
 * from end to end, constants in the order the loop wants them, dimensions merged where nothing tells them apart.
 */
export function layOut(root: Tensor, resolution: Resolution): Loop | TooLarge {
  const output = permutationOf(root)
    .flatMap((i) => (resolution.output[i] as Dimension).axes)
    .filter(hasSteps);
  const given = resolution.fold?.dimensions.flatMap(({ axes }) => axes).filter(hasSteps) ?? [];
  const step = resolution.fold?.step;
  const readings = readingsOf([...(step ? [step] : []), resolution.result]);
  const fold = resolution.fold?.ordered ? given : reorder(given, step ? readingsOf([step]) : []);
  const axes = [...output, ...fold];

  const served = new Map<LinearTerm, number | { word: number }>();
  const operands: { source: OperandSource; dtype: DType; view: LoopDimension[]; fill: number }[] = [];
  const constants: { at: number; constant: OperandConstant }[] = [];
  const serve = (constant: OperandConstant): number => {
    constants.push({ at: operands.length, constant });
    operands.push({ source: { constant }, dtype: constant.dtype, view: [], fill: 0 });
    return operands.length - 1;
  };
  /** A constant table for an index that no address can express. */
  const tabulate = (index: Index): LoopCoordinate | TooLarge => {
    const used = axes.filter((axis) => axesOf(index).has(axis));
    const entries = sizeOf(used.map(({ extent }) => extent));
    if (entries > TABLE_ENTRIES)
      return { excess: `a table of ${entries} entries, of ${TABLE_ENTRIES} allowed` };
    const words = tabulated('i32', used, (stepOf) => evaluateIndex(index, stepOf));
    return {
      gathered: serve(madeOf(words, { dtype: 'i32', axes: used, length: entries, extents: undefined })),
    };
  };
  const placed = (coordinate: ResolvedCoordinate): LoopCoordinate | TooLarge => {
    if ('gathered' in coordinate) {
      const by = served.get(coordinate.gathered);
      if (typeof by === 'number') return { gathered: by };
      return { offset: (by?.word ?? 0) | 0, divisor: 1, exact: false, coefficients: new Map() };
    }
    return isPlain(coordinate.index)
      ? affine(coordinate.index, coordinate.divisor, coordinate.exact)
      : tabulate(coordinate.index);
  };
  for (const reading of readings) {
    const { tensor } = reading;
    const constant = tensor.source.kind === 'constant' ? layOutConstant(reading, axes) : undefined;
    if (constant) {
      const { uniform } = constant.summary;
      served.set(reading, uniform === undefined ? serve(constant) : { word: uniform });
      continue;
    }
    const flat = flatCoordinate(reading);
    if (flat) {
      served.set(reading, operands.length);
      const extent = sizeOf(tensor.shape);
      operands.push({
        source: { tensor },
        dtype: tensor.type.dtype,
        view: [{ extent, coordinate: flat }],
        fill: 0,
      });
      continue;
    }
    const coordinates: LoopCoordinate[] = [];
    for (const coordinate of reading.coordinates) {
      const laidOut = placed(coordinate);
      if (isTooLarge(laidOut)) return laidOut;
      coordinates.push(laidOut);
    }
    const view = permutationOf(tensor).map((i) => ({
      extent: tensor.shape[i] as number,
      coordinate: coordinates[i] as LoopCoordinate,
    }));
    served.set(reading, operands.length);
    operands.push({
      source: { tensor },
      dtype: tensor.type.dtype,
      view: addressing(view, reading.fill !== undefined),
      fill: reading.fill ?? 0,
    });
  }
  packConstants(constants, output).forEach(({ at, constant, view }) => {
    operands[at] = { source: { constant }, dtype: constant.dtype, view: [view], fill: 0 };
  });

  const valued = new Set(
    termsOf([...(step ? [step] : []), resolution.result]).flatMap((term) =>
      term.kind === 'axis' ? [term.axis] : [],
    ),
  );
  const views = operands.map(({ view }) => view);
  return {
    dtype: root.type.dtype,
    output: collapse(output, views, valued),
    fold: collapse(fold, views, valued),
    init: resolution.fold?.init ?? 0,
    step,
    post: resolution.result,
    operands,
    served,
  };
}

const affine = (index: Index, divisor = 1, exact = false): Exclude<LoopCoordinate, { gathered: number }> => ({
  offset: index.offset,
  divisor,
  exact,
  coefficients: new Map(index.terms.map(({ atom, coefficient }) => [atom as Axis, coefficient])),
});

/**
 * The position in memory as one coordinate, where the coordinates take apart a position that is itself plain, as those of
 * a reshape between dimensions that do not divide each other; `undefined` if the coordinates themselves will do.
 */
function flatCoordinate({ tensor, coordinates, fill, position }: ReadingTerm): LoopCoordinate | undefined {
  const isSimple = coordinates.every((coordinate) => 'gathered' in coordinate || isPlain(coordinate.index));
  if (isSimple || fill !== undefined || !position || !isPlain(position)) return undefined;
  return permutationOf(tensor).every((dimension, i) => dimension === i) ? affine(position) : undefined;
}

const hasSteps = (axis: Axis): boolean => axis.extent !== 1;

const readingsOf = (roots: readonly LinearTerm[]): ReadingTerm[] =>
  termsOf(roots).filter((term): term is ReadingTerm => term.kind === 'reading');

/** Fold axes from the longest step in the main operand's memory to the shortest. */
function reorder(fold: readonly Axis[], readings: readonly ReadingTerm[]): Axis[] {
  const strides = readings
    .filter(({ tensor }) => tensor.source.kind !== 'constant')
    .map((reading) => fold.map((axis) => Math.abs(strideOf(reading, axis))));
  const reached = (row: readonly number[]): number => row.filter((stride) => stride > 0).length;
  const main = strides.reduce<number[] | undefined>(
    (best, row) => (best && reached(best) >= reached(row) ? best : row),
    undefined,
  );
  if (!main) return [...fold];
  return fold
    .map((axis, i) => ({ axis, stride: main[i] || Number.POSITIVE_INFINITY }))
    .sort((a, b) => (a.stride === b.stride ? 0 : b.stride - a.stride))
    .map(({ axis }) => axis);
}

/** Words for every combination of the axes' steps, the last axis fastest. */
function tabulated(
  dtype: DType,
  axes: readonly Axis[],
  at: (stepOf: (axis: Axis) => number) => number,
): Words {
  const words = wordsFor(dtype, sizeOf(axes.map(({ extent }) => extent)));
  const values = new Map(axes.map((axis) => [axis, 0]));
  const stepOf = (axis: Axis): number => values.get(axis) ?? 0;
  for (let i = 0; i < words.length; i++) {
    words[i] = at(stepOf);
    for (let a = axes.length - 1; a >= 0; a--) {
      const axis = axes[a] as Axis;
      const next = stepOf(axis) + 1;
      values.set(axis, next === axis.extent ? 0 : next);
      if (next !== axis.extent) break;
    }
  }
  return words;
}

type LaidOut = Pick<OperandConstant, 'dtype' | 'axes' | 'length' | 'extents'>;

/** A constant that is laid out for one loop. */
const madeOf = (words: Words, laidOut: LaidOut): OperandConstant => ({
  ...laidOut,
  words,
  summary: summaryOf(words),
  origin: words,
});

/** A constant that a loop reads as it is stored; its words are read when they are needed, and not kept. */
const asItLies = (source: { readonly words: Words }, laidOut: LaidOut): OperandConstant => ({
  ...{ ...laidOut, summary: summaryOf(source.words), origin: source },
  get words() {
    return source.words;
  },
});

/**
 * The elements that a loop reads of a constant, in the order in which it reads them; `undefined` if it is better
 * left as it is.
 */
function layOutConstant(reading: ReadingTerm, axes: readonly Axis[]): OperandConstant | undefined {
  const { tensor, coordinates, fill } = reading;
  if (tensor.source.kind !== 'constant') return undefined;
  const affine: Exclude<ResolvedCoordinate, { gathered: ReadingTerm }>[] = [];
  const used = new Set<Axis>();
  for (const coordinate of coordinates) {
    if ('gathered' in coordinate) return undefined;
    affine.push(coordinate);
    axesOf(coordinate.index, used);
  }
  const ordered = axes.filter((axis) => used.has(axis));
  const extents = ordered.map(({ extent }) => extent);
  const size = sizeOf(extents);
  if (size > Math.max(CONSTANT_FREE_ELEMENTS, CONSTANT_GROWTH * elementCount(tensor))) return undefined;
  const laidOut = { dtype: tensor.type.dtype, axes: ordered, length: size, extents: undefined };
  const strided = stridedOf(affine, tensor.shape, ordered);
  const { source } = tensor;
  if (strided && isWhole(strided, extents, elementCount(tensor))) return asItLies(source, laidOut);
  const { words } = source;
  if (strided) {
    return madeOf(takeStrided(words, strided, extents), laidOut);
  }
  const element = (stepOf: (axis: Axis) => number): number => {
    let address = 0;
    for (const [i, { index, divisor, exact }] of affine.entries()) {
      const value = evaluateIndex(index, stepOf);
      const coordinate = Math.floor(value / divisor);
      const extent = tensor.shape[i] as number;
      if (coordinate < 0 || coordinate >= extent || (exact && coordinate * divisor !== value))
        return fill ?? 0;
      address = address * extent + coordinate;
    }
    return words[address] as number;
  };
  return madeOf(tabulated(tensor.type.dtype, ordered, element), laidOut);
}
