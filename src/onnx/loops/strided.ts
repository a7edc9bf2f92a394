import { sizeOf } from '../../program/node.ts';
import type { Axis } from '../ir/indices.ts';
import type { Words } from '../ir/tensor.ts';
import { isPlain, type ResolvedCoordinate } from './terms.ts';

/** Coordinates in a constant whose address is a sum over axes: a start, and a stride for each axis. */
export interface Strided {
  readonly start: number;
  /** Stride of each axis, in the order of the given axes. */
  readonly strides: readonly number[];
}

/** The coordinates as strides; `undefined` if they divide, or if one may be outside. */
export function stridedOf(
  coordinates: readonly Exclude<ResolvedCoordinate, { gathered: unknown }>[],
  shape: readonly number[],
  axes: readonly Axis[],
): Strided | undefined {
  const strides = new Map(axes.map((axis) => [axis, 0]));
  let [start, unit] = [0, 1];
  for (let i = coordinates.length - 1; i >= 0; i--) {
    const { index, divisor } = coordinates[i]!;
    if (divisor !== 1 || !isPlain(index)) return undefined;
    let [least, greatest] = [index.offset, index.offset];
    for (const { atom, coefficient } of index.terms) {
      const axis = atom as Axis;
      const reach = coefficient * (axis.extent - 1);
      if (reach < 0) least += reach;
      else greatest += reach;
      strides.set(axis, (strides.get(axis) ?? 0) + coefficient * unit);
    }
    if (least < 0 || greatest >= shape[i]!) return undefined;
    start += index.offset * unit;
    unit *= shape[i]!;
  }
  return { start, strides: axes.map((axis) => strides.get(axis)!) };
}

/** Whether the strides take all `length` words of a constant in the order in which they are stored. */
export const isWhole = ({ start, strides }: Strided, extents: readonly number[], length: number): boolean =>
  start === 0 && sizeOf(extents) === length && isInOrder(strides, extents);

/** The words at the positions of all combinations of the axes' steps, the last axis fastest. */
export function takeStrided(words: Words, { start, strides }: Strided, extents: readonly number[]): Words {
  const taken = new (words.constructor as new (size: number) => Words)(sizeOf(extents));
  let filled = 0;
  const last = extents.length - 1;
  const take = (from: number, axis: number): void => {
    const [extent, stride] = [extents[axis], strides[axis]];
    if (axis === last - 1 && stride === 1 && strides[last] !== 1) {
      takeTurned(words, from, strides[last]!, taken, filled, [extent!, extents[last]!]);
      filled += extent! * extents[last]!;
      return;
    }
    if (extent === undefined || stride === undefined) taken[filled++] = words[from]!;
    else if (axis === last) {
      for (let i = 0; i < extent; i++) taken[filled++] = words[from + i * stride]!;
    } else for (let i = 0; i < extent; i++) take(from + i * stride, axis + 1);
  };
  if (taken.length > 0) take(start, 0);
  return taken;
}

/** Rows that are written at a time: as many words as lie in one cache line. */
const TURNED_ROWS = 16;

/** Takes a matrix of [rows, columns] whose rows lie a word apart, some rows at a time, so that a cache line is read once. */
function takeTurned(
  words: Words,
  from: number,
  columnStride: number,
  taken: Words,
  to: number,
  [rows, columns]: readonly [number, number],
): void {
  for (let first = 0; first < rows; first += TURNED_ROWS) {
    const end = Math.min(rows, first + TURNED_ROWS);
    for (let column = 0; column < columns; column++) {
      const source = from + column * columnStride;
      for (let row = first; row < end; row++) taken[to + row * columns + column] = words[source + row]!;
    }
  }
}

/** Whether each step is as far as all steps of the axes after it together. */
function isInOrder(strides: readonly number[], extents: readonly number[]): boolean {
  let unit = 1;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    if (extents[axis] !== 1 && strides[axis] !== unit) return false;
    unit *= extents[axis]!;
  }
  return true;
}
