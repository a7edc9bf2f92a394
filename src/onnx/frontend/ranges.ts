import { ELEMENT_BYTES } from '../../program/node.ts';
import { ensure, ImportError, quoted, within } from '../errors.ts';
import { f32, i32 } from '../ir/expression.ts';
import { reading, type Tensor } from '../ir/tensor.ts';
import type { GraphValue } from '../read/graph.ts';
import type { Builder } from '../tensors/builder.ts';
import { contains, type ElementType, I32_RANGE, isNarrowed, type Range, rangeOfType } from '../types.ts';
import { type InputType, isDouble } from './inputWords.ts';

/**
 * Bounds on the values of inputs. A bound is part of the program: the node that reads the input replaces a value
 * outside by the nearest one inside, so that every calldata has an answer, and the model's id commits to the bound.
 */

/** An input's values lie between these, both included. */
export type Ranges = ReadonlyMap<string, Range>;

/**
 * Numbers at either end of int32 that an input of 64-bit (or unsigned 32-bit) integers is assumed not to take, if what
 * is computed from it may not fit otherwise: room for an offset. More takes a range that somebody gives.
 */
const ASSUMED_MARGIN = 2 ** 16;

/** Imports that are tried with more and more inputs narrowed so. */
export const MAX_NARROWINGS = 6;

const numberOf = (range: Range): string => `${range.low}..${range.high}`;

/** @throws ImportError for a range of no input, or one that the input's type does not hold */
export function checkRanges(
  inputs: readonly GraphValue[],
  given: Readonly<Record<string, Range>>,
): Map<string, Range> {
  const ranges = new Map<string, Range>();
  for (const [name, range] of Object.entries(given)) {
    const input = inputs.find((one) => one.name === name);
    if (!input) {
      const names = inputs.map((one) => quoted(one.name)).join(', ');
      throw new ImportError(`--range ${quoted(name)}: the model's inputs are ${names}`);
    }
    within(`--range ${quoted(name)}`, () => checkRange(input.type, range));
    ranges.set(name, range);
  }
  return ranges;
}

function checkRange(type: ElementType, range: Range): void {
  ensure(range.low <= range.high, `in ${numberOf(range)} the first number is the greater one`);
  if (type.family === 'float') {
    const isHeld = [range.low, range.high].every((end) => Number.isFinite(Math.fround(end)));
    ensure(isHeld, `${numberOf(range)} is not a range of float32`);
    return;
  }
  const isWhole = Number.isInteger(range.low) && Number.isInteger(range.high);
  ensure(
    isWhole,
    `${numberOf(range)} is not a range of whole numbers, and the input is of type ${type.name}`,
  );
  ensure(contains(rangeOfType(type), range), `${numberOf(range)} is more than ${type.name} holds`);
  ensure(
    contains(I32_RANGE, range),
    `${numberOf(range)} is more than int32 holds, in which ${type.name} is given`,
  );
}

/**
 * The ranges and assumed ones for further inputs, because numbers that are computed from them may not fit.
 *
 * @param names of the inputs that those numbers depend on
 * @returns `undefined` if there is no further input that can be narrowed
 */
export function narrowed(
  ranges: Ranges,
  names: readonly string[],
  inputs: readonly GraphValue[],
): Map<string, Range> | undefined {
  const more = inputs.filter(
    ({ name, type }) => names.includes(name) && !ranges.has(name) && isNarrowed(type),
  );
  const assumed = ({ type }: GraphValue): Range => ({
    low: type.signed ? I32_RANGE.low + ASSUMED_MARGIN : 0,
    high: I32_RANGE.high - ASSUMED_MARGIN,
  });
  return more.length === 0
    ? undefined
    : new Map([...ranges, ...more.map((one) => [one.name, assumed(one)] as const)]);
}

/** The input with every value outside the range replaced by the nearest one inside; NaN stays NaN. */
export function limited(builder: Builder, input: Tensor, { low, high }: Range): Tensor {
  const { type, shape, name, range: held } = input;
  const at = (indices: Parameters<typeof reading>[1]) => reading(input, indices);
  if (!held) {
    return builder.define({
      type,
      shape,
      name,
      body: (indices) => f32.min(f32.max(at(indices), f32.of(low)), f32.of(high)),
    });
  }
  if (contains({ low, high }, held)) return input;
  return builder.define({
    type,
    shape,
    name,
    range: { low, high },
    body: (indices) => {
      const raised = low > held.low ? i32.max(at(indices), i32.of(low)) : at(indices);
      return high < held.high ? i32.min(raised, i32.of(high)) : raised;
    },
  });
}

/** An element of an input that its range does not hold. */
export interface Outside {
  readonly element: number;
  readonly value: number;
}

/**
 * The first element outside a range; NaN is outside every one.
 *
 * @param bytes elements as the input is given by them, little-endian
 */
export function firstOutside(
  bytes: Uint8Array,
  input: Pick<InputType, 'dtype' | 'onnxType'>,
  { low, high }: Range,
): Outside | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = isDouble(input) ? 8 : ELEMENT_BYTES[input.dtype];
  for (let element = 0; element < bytes.length / width; element++) {
    const at = element * width;
    const value = isDouble(input) ? view.getFloat64(at, true) : readElement(view, at, input.dtype);
    if (!(value >= low && value <= high)) return { element, value };
  }
  return undefined;
}

function readElement(view: DataView, at: number, dtype: ElementType['dtype']): number {
  if (dtype === 'f32') return view.getFloat32(at, true);
  if (dtype === 'i32') return view.getInt32(at, true);
  return dtype === 'i8' ? view.getInt8(at) : view.getUint8(at);
}
