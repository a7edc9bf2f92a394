import { sizeOf } from '../../program/node.ts';
import { type Form, rowMajorStrides } from '../kernel/form.ts';
import { type Access, type Course, ELEMENT_SIZE, type Kernel, type ScratchBuffer } from '../kernel/kernel.ts';
import type { Band } from '../kernel/tiling.ts';
import { addressIn } from './box.ts';
import { courseAlong } from './course.ts';
import { isWordwise } from './widenCopies.ts';

/** Shrinks scratch buffers to one row band, wherever the kernel moves along one of their dimensions. */
export function bandScratch(kernel: Kernel): Kernel {
  const { band } = kernel;
  if (!band) return kernel;
  const banded = kernel.scratch.map((buffer) => shrink(buffer, kernel, band));
  return {
    ...kernel,
    scratch: banded.map(({ buffer }) => buffer),
    accesses: kernel.accesses.map((access): Access => {
      const { source } = access;
      const addressOf = source.kind === 'scratch' ? banded[source.buffer]!.addressOf : undefined;
      return addressOf ? { ...access, address: addressOf(access.address) } : access;
    }),
  };
}

/** A buffer for one band, and the new addresses at which the kernel reads it, counted as if all of it were there. */
function shrink(
  buffer: ScratchBuffer,
  { extents: loops }: Kernel,
  band: Band,
): { readonly buffer: ScratchBuffer; readonly addressOf?: (before: Form) => Form } {
  const course = courseAlong(buffer, loops, band.loop);
  if (!course) return { buffer };
  const { fill, dimensions } = buffer;
  const { element } = fill.store;
  const size = ELEMENT_SIZE[element];
  const held = fill.extents.map((extent, d) =>
    d === course.dimension ? Math.min(extent, bandIndices(course, band, isWordwise(fill))) : extent,
  );
  const strides = rowMajorStrides(held, size);
  const bytes = sizeOf(held) * size + (element === 'i16' ? size : 0);
  const before = addressIn(dimensions, rowMajorStrides(fill.extents, size), loops.length);
  const address = addressIn(dimensions, strides, loops.length);
  const inner = loops.length - 1;
  const coefficients = held.map((_, d) => (d === course.dimension ? 1 : 0));
  return {
    buffer: {
      ...buffer,
      fill: {
        ...fill,
        store: { element, address: { constant: 0, coefficients: strides, wide: false }, bytes },
        bandIndex: { constant: 0, coefficients, wide: false },
      },
      bytes,
      band: { course, stride: strides[course.dimension]!, width: 1 },
    },
    addressOf: ({ constant }) => {
      // An access of a group reads some steps of the innermost loop further on.
      const ahead = constant - before.constant;
      const perByte = ahead === 0 ? 0 : address.coefficients[inner]! / before.coefficients[inner]!;
      return { ...address, constant: address.constant + ahead * perByte };
    },
  };
}

/** Size of a vector, bytes. */
const VECTOR = 16;

/**
 * Indices of its dimension that a band has room for. Bytes of lanes that are copied as words come by whole vectors, which
 * may begin before the band.
 */
function bandIndices({ step, span, isLanes }: Course, { size, unit }: Band, isWords: boolean): number {
  const read = step * (size - 1) + span;
  if (!isLanes || !isWords) return read;
  return Math.ceil((unit % VECTOR === 0 ? read : read + VECTOR - 1) / VECTOR) * VECTOR;
}
