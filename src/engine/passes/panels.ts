import { sizeOf } from '../../program/node.ts';
import { type Form, rowMajorStrides } from '../kernel/form.ts';
import type { PackedBuffer } from '../kernel/kernel.ts';

/**
 * The layout of an operand in panels, as in GotoBLAS (Goto and van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", 2008): for each tile's lanes one panel, in which the lanes lie next to each other for every index of
 * the other loops that the operand depends on.
 */
export interface Panels {
  /** The lane loop, then the other loops that the operand depends on. */
  readonly order: readonly number[];
  /** Lanes of a panel. */
  readonly width: number;
  readonly count: number;
  /** Bytes by the kernel's loops. A tile starts at a multiple of the width, so a lane counts for its share of a panel. */
  readonly coefficients: readonly number[];
  /** Size of all panels, bytes. */
  readonly bytes: number;
}

export function planPanels(
  extents: readonly number[],
  { coefficients }: Form,
  laneLoop: number,
  width: number,
  elementBytes: number,
): Panels {
  const others = extents.map((_, i) => i).filter((i) => i !== laneLoop && coefficients[i] !== 0);
  const inside = rowMajorStrides(
    others.map((i) => extents[i]!),
    width * elementBytes,
  );
  const laneBytes = sizeOf(others.map((i) => extents[i]!)) * elementBytes;
  const count = Math.ceil(extents[laneLoop]! / width);
  return {
    order: [laneLoop, ...others],
    width,
    count,
    coefficients: extents.map((_, i) =>
      i === laneLoop ? laneBytes : others.includes(i) ? inside[others.indexOf(i)]! : 0,
    ),
    bytes: count * width * laneBytes,
  };
}

/**
 * The buffer that holds a constant in panels.
 *
 * @param extents of the kernel's loops
 * @param address of the constant's elements, by the kernel's loops
 */
export function packedBuffer(
  { node, elementBytes }: Pick<PackedBuffer, 'node' | 'elementBytes'>,
  extents: readonly number[],
  { constant, coefficients }: Form,
  { order, width, count, bytes }: Panels,
): PackedBuffer {
  const [laneLoop, ...others] = order as [number, ...number[]];
  const lane = coefficients[laneLoop]!;
  return {
    node,
    elementBytes,
    constant,
    coefficients: [width * lane, ...others.map((i) => coefficients[i]!), lane],
    extents: [count, ...others.map((i) => extents[i]!), width],
    lanes: extents[laneLoop]!,
    bytes,
  };
}
