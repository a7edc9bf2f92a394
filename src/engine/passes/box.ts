import { sizeOf } from '../../program/node.ts';
import { checksOn, scratchAccess } from '../kernel/access.ts';
import { type Form, modulo, rowMajorStrides, runLength, valueRange, wrap32 } from '../kernel/form.ts';
import {
  type Access,
  dependsOn,
  ELEMENT_SIZE,
  type Element,
  type Kernel,
  type KernelCoordinate,
  type ScratchBuffer,
  type ScratchDimension,
} from '../kernel/kernel.ts';
import type { Copied } from './scratch.ts';

/**
 * Copies of an operand by its coordinates: the box of all coordinates at which a kernel reads the operand, what lies
 * outside included. The kernel then reads the copy at an affine address, without checks and divisions.
 */

/** A box has at most this many times the elements of the operand: elements outside and between are copied too. */
const MAX_GROWTH = 6;

/** One dimension of a box. It has an index for each index of a loop, or for each value of a coordinate. */
interface BoxDimension {
  readonly extent: number;
  /** Bytes between neighbours in the tensor. */
  readonly stride: number;
  /** Index that the kernel reads. */
  readonly index: Form;
  /** The position of the coordinate that the dimension is of, and the value of one index in it. */
  readonly coordinate?: { readonly position: number; readonly unit: number };
}

/** The element type of a copy, its buffer's kind, and the number of reads that each of its elements must have. */
export interface BoxOptions {
  readonly kind: ScratchBuffer['kind'];
  readonly element: Element;
  readonly minReads: number;
}

/**
 * Copies the box of an access.
 *
 * @param position of the access
 * @param buffer number of the new scratch buffer
 * @param code of the kernel that computes the copy: its accesses are the kernel's own, made independent of loops, or the
 *   copied one alone
 * @returns undefined where a copy is not possible or not worth it
 */
export function copyBox(
  kernel: Kernel,
  position: number,
  buffer: number,
  { kind, element, minReads }: BoxOptions,
  code: Omit<Kernel, 'extents' | 'outputs' | 'accesses' | 'store'>,
  others: readonly Access[] = [],
): Copied | undefined {
  const access = kernel.accesses[position]!;
  const { coordinates } = access;
  if (access.isAlwaysOutside || access.gathers.length > 0) return undefined;
  if (coordinates.some(({ form }) => form.wide)) return undefined;

  const rest = restOf(access);
  const starts = coordinates.map((coordinate) => boxStart(coordinate, kernel.extents));
  const dimensions = [
    ...coordinates.flatMap((coordinate, i) =>
      coordinateDimensions(coordinate, i, starts[i]!, kernel.extents),
    ),
    ...rest.coefficients.flatMap((stride, loop) => loopDimension(stride, loop, kernel.extents)),
  ]
    .filter(({ extent }) => extent > 1)
    .sort((a, b) => Math.abs(b.stride) - Math.abs(a.stride));
  const extents = dimensions.map(({ extent }) => extent);
  const elements = sizeOf(extents);
  const reads = sizeOf(kernel.extents.filter((_, loop) => dependsOn(kernel, position, loop)));
  if (reads < minReads * elements || elements > MAX_GROWTH * access.elements) return undefined;

  const source = readInBox(access, dimensions, rest, starts);
  const size = ELEMENT_SIZE[element];
  const strides = rowMajorStrides(extents, size);
  // The second half of the last pair of 16-bit integers may lie behind the last element.
  const bytes = elements * size + (element === 'i16' ? size : 0);
  const own = dimensions.map(({ extent, index }): ScratchDimension => ({ extent, index }));
  return {
    buffer: {
      kind,
      fill: {
        ...code,
        extents,
        outputs: extents.length,
        accesses:
          others.length === 0
            ? [source]
            : others.map((other, i) => (i === position ? source : withoutLoops(other, extents.length))),
        store: { element, address: { constant: 0, coefficients: strides, wide: false }, bytes },
      },
      bytes,
      dimensions: own,
    },
    access: scratchAccess(access, buffer, addressIn(own, strides, kernel.extents.length)),
  };
}

/** The address in a buffer at which a kernel reads it. */
export function addressIn(
  dimensions: readonly ScratchDimension[],
  strides: readonly number[],
  loops: number,
): Form {
  const sum = (value: (index: Form) => number): number =>
    dimensions.reduce((total, { index }, d) => total + value(index) * strides[d]!, 0);
  return {
    constant: sum(({ constant }) => constant),
    coefficients: Array.from({ length: loops }, (_, loop) => sum(({ coefficients }) => coefficients[loop]!)),
    wide: false,
  };
}

/** The part of an address that does not come from the access's coordinates. */
function restOf({ address, coordinates }: Access): Form {
  const affine = coordinates.filter(({ divisor }) => divisor === 1);
  return {
    constant: wrap32(
      address.constant - affine.reduce((sum, { form, stride }) => sum + form.constant * stride, 0),
    ),
    coefficients: address.coefficients.map((coefficient, i) =>
      wrap32(coefficient - affine.reduce((sum, { form, stride }) => sum + form.coefficients[i]! * stride, 0)),
    ),
    wide: false,
  };
}

/** The least value of a coordinate, rounded down to a whole run; the length of its runs. */
interface BoxStart {
  readonly base: number;
  readonly run: number;
}

function boxStart({ form, extent, divisor }: KernelCoordinate, extents: readonly number[]): BoxStart {
  const { low } = valueRange(form, extents);
  const run = divisor === 1 ? runLength(form, extent, extents) : 1;
  return { base: Math.floor(low / run) * run, run };
}

/** Two dimensions of a coordinate: its runs, each inside or outside as a whole, and the values of a run. */
function coordinateDimensions(
  { form, stride }: KernelCoordinate,
  position: number,
  { base, run }: BoxStart,
  extents: readonly number[],
): BoxDimension[] {
  const { high } = valueRange(form, extents);
  const start = form.constant - base;
  const within = modulo(start, run);
  const index = (constant: number, coefficient: (c: number) => number): Form => ({
    constant,
    coefficients: form.coefficients.map(coefficient),
    wide: false,
  });
  return [
    {
      extent: Math.floor(high / run) - base / run + 1,
      stride: stride * run,
      index: index((start - within) / run, (c) => (c % run === 0 ? c / run : 0)),
      coordinate: { position, unit: run },
    },
    {
      extent: run,
      stride,
      index: index(within, (c) => (c % run === 0 ? 0 : c)),
      coordinate: { position, unit: 1 },
    },
  ];
}

/** The dimension of a loop that the address depends on besides coordinates. */
function loopDimension(stride: number, loop: number, extents: readonly number[]): BoxDimension[] {
  if (stride === 0) return [];
  const coefficients = extents.map((_, i) => (i === loop ? 1 : 0));
  return [{ extent: extents[loop]!, stride, index: { constant: 0, coefficients, wide: false } }];
}

/** The access as the kernel that fills the box reads it: over the box's dimensions instead of the kernel's loops. */
function readInBox(
  access: Access,
  dimensions: readonly BoxDimension[],
  rest: Form,
  starts: readonly BoxStart[],
): Access {
  const { coordinates } = access;
  const extents = dimensions.map(({ extent }) => extent);
  const moved = coordinates.map((whole, position): KernelCoordinate => {
    const coefficients = dimensions.map(({ coordinate }) =>
      coordinate?.position === position ? coordinate.unit : 0,
    );
    return { ...whole, form: { constant: starts[position]!.base, coefficients, wide: false } };
  });
  const isAffine = (position: number): boolean => coordinates[position]!.divisor === 1;
  return {
    ...access,
    address: {
      constant: wrap32(
        coordinates.reduce(
          (sum, { stride }, i) => sum + (isAffine(i) ? starts[i]!.base * stride : 0),
          rest.constant,
        ),
      ),
      coefficients: dimensions.map(({ coordinate, stride }) =>
        coordinate === undefined || isAffine(coordinate.position) ? wrap32(stride) : 0,
      ),
      wide: false,
    },
    checks: moved.flatMap((coordinate) => checksOn(coordinate, extents)),
    quotients: moved.flatMap(({ form, divisor, stride }) =>
      divisor === 1 ? [] : [{ form, divisor, stride }],
    ),
    coordinates: moved,
  };
}

/** An access that depends on no loop, or is not read, among other loops. */
const withoutLoops = (access: Access, loops: number): Access => ({
  ...access,
  address: { ...access.address, coefficients: new Array<number>(loops).fill(0) },
  checks: [],
  quotients: [],
  gathers: [],
  coordinates: [],
});
