import { sizeOf } from '../../program/node.ts';
import { type Form, type Nest, stridesOf } from './nest.ts';

/** A constant's elements once more, in the order in which one nest reads them: the lanes of a tile next to each other. */
export interface Packing {
  readonly node: number;
  readonly elementBytes: 1 | 4;
  /** Bytes from the start of the constant, by the indices of the loops that matter, and the loops' extents. */
  readonly constant: number;
  readonly coefficients: readonly number[];
  readonly extents: readonly number[];
  /** The last two loops are panels and the lanes of one; this is how many lanes there are, all panels together. */
  readonly lanes: number;
  /** What it takes. */
  readonly bytes: number;
  /** Bytes, the last loop but the lanes in pairs: two steps of one lane next to each other. */
  readonly isPaired?: boolean;
}

interface Panels {
  /** The lane loop, then the others that matter. */
  readonly order: readonly number[];
  readonly width: number;
  readonly count: number;
  /** Bytes by the nest's loops. */
  readonly coefficients: readonly number[];
  /** Bytes. */
  readonly size: number;
}

/** An array of panels, each with `width` lanes next to each other for every index of the other loops that matter. */
export function panelsOf(
  nest: Nest,
  { coefficients }: Form,
  laneLoop: number,
  width: number,
  bytes: number,
): Panels {
  const others = nest.extents.map((_, i) => i).filter((i) => i !== laneLoop && coefficients[i] !== 0);
  const inside = stridesOf(
    others.map((i) => nest.extents[i]!),
    width * bytes,
  );
  const panel = sizeOf(others.map((i) => nest.extents[i]!)) * bytes;
  return {
    order: [laneLoop, ...others],
    width,
    count: Math.ceil(nest.extents[laneLoop]! / width),
    // A tile starts at a multiple of the width, so that a lane there is worth its part of the panel.
    coefficients: nest.extents.map((_, i) =>
      i === laneLoop ? panel : others.includes(i) ? inside[others.indexOf(i)]! : 0,
    ),
    size: Math.ceil(nest.extents[laneLoop]! / width) * width * panel,
  };
}

/**
 * A constant in panels.
 *
 * @param nest the loops as they count the constant's elements
 */
export function packingOf(
  { node, elementBytes }: Pick<Packing, 'node' | 'elementBytes'>,
  { extents }: Nest,
  { constant, coefficients }: Form,
  { order, width, count, size }: Panels,
): Packing {
  const [laneLoop, ...others] = order as [number, ...number[]];
  const lane = coefficients[laneLoop]!;
  return {
    node,
    elementBytes,
    constant,
    coefficients: [width * lane, ...others.map((i) => coefficients[i]!), lane],
    extents: [count, ...others.map((i) => extents[i]!), width],
    lanes: extents[laneLoop]!,
    bytes: size,
  };
}

/** Writes a packed constant to memory, at an offset; lanes that there are not are 0. */
export function pack(packing: Packing, weight: Uint8Array, memory: Uint8Array, offset: number): void {
  if (packing.isPaired) {
    packPairs(packing, weight, memory, offset);
    return;
  }
  const { elementBytes, constant, coefficients, extents, lanes, bytes } = packing;
  // A weight may lie anywhere in what it was read from; the packed one is aligned.
  const isWord = elementBytes === 4;
  const from = isWord && weight.byteOffset % 4 !== 0 ? weight.slice() : weight;
  const source = isWord ? new Uint32Array(from.buffer, from.byteOffset, from.length / 4) : from;
  const at = memory.byteOffset + offset;
  const target = isWord
    ? new Uint32Array(memory.buffer, at, bytes / 4)
    : new Uint8Array(memory.buffer, at, bytes);
  const [panels, width] = [extents[0]!, extents.at(-1)!];
  const middle = extents.slice(1, -1);
  const count = middle.reduce((size, extent) => size * extent, 1);
  const laneStep = coefficients.at(-1)!;
  let to = 0;
  for (let panel = 0; panel < panels; panel++) {
    const indices = middle.map(() => 0);
    const filled = Math.min(width, lanes - panel * width);
    let start = constant + panel * coefficients[0]!;
    for (let i = 0; i < count; i++) {
      for (let lane = 0; lane < width; lane++) {
        // Coefficients are modulo 2^32; where they lead is inside the constant.
        target[to++] = lane < filled ? source[((start + lane * laneStep) >>> 0) / elementBytes]! : 0;
      }
      for (let d = middle.length - 1; d >= 0; d--) {
        start += coefficients[d + 1]!;
        if (++indices[d]! < middle[d]!) break;
        start -= coefficients[d + 1]! * middle[d]!;
        indices[d] = 0;
      }
    }
  }
}

/** The same by pairs of steps, apart from {@link pack} because a loop more would take each constant half as long again. */
function packPairs(
  { constant, coefficients, extents, lanes, bytes }: Packing,
  weight: Uint8Array,
  memory: Uint8Array,
  offset: number,
): void {
  const target = memory.subarray(offset, offset + bytes);
  const [panels, width] = [extents[0]!, extents.at(-1)!];
  const steps = extents.at(-2)!;
  const outer = extents.slice(1, -2);
  const rows = outer.reduce((size, extent) => size * extent, 1);
  const [stepStride, laneStride] = coefficients.slice(-2) as [number, number];
  let to = 0;
  for (let panel = 0; panel < panels; panel++) {
    const indices = outer.map(() => 0);
    let start = constant + panel * coefficients[0]!;
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step += 2) {
        for (let lane = 0; lane < width; lane++) {
          for (let at = step; at < step + 2; at++) {
            const isThere = panel * width + lane < lanes && at < steps;
            target[to++] = isThere ? weight[(start + at * stepStride + lane * laneStride) >>> 0]! : 0;
          }
        }
      }
      for (let d = outer.length - 1; d >= 0; d--) {
        start += coefficients[d + 1]!;
        if (++indices[d]! < outer[d]!) break;
        start -= coefficients[d + 1]! * outer[d]!;
        indices[d] = 0;
      }
    }
  }
}
