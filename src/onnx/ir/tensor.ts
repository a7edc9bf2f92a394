import { type DType, ELEMENT_BYTES, sizeOf } from '../../program/node.ts';
import { I32_RANGE, type Range } from '../types.ts';
import type { IndexCoordinate, Reading, Tensor, Words } from './definitions.ts';

export type { Misfit, Tensor, TensorSource, Words } from './definitions.ts';

/** A view of elements in a buffer. @param from first byte @param count number of elements */
export function wordsIn(buffer: ArrayBufferLike, dtype: DType, from: number, count: number): Words {
  if (dtype === 'i8') return new Int8Array(buffer, from, count);
  return dtype === 'u8' ? new Uint8Array(buffer, from, count) : new Uint32Array(buffer, from, count);
}

/** Room for so many elements. */
export const wordsFor = (dtype: DType, count: number): Words =>
  wordsIn(new ArrayBuffer(ELEMENT_BYTES[dtype] * count), dtype, 0, count);

export const reading = (tensor: Tensor, coordinates: readonly IndexCoordinate[], fill?: number): Reading => {
  if (coordinates.length !== tensor.shape.length) {
    throw new TypeError(`${tensor.name}: ${coordinates.length} indices for rank ${tensor.shape.length}`);
  }
  return { kind: 'reading', tensor, coordinates, fill: fill === undefined ? undefined : fill >>> 0 };
};

export const elementCount = (tensor: Tensor): number => sizeOf(tensor.shape);

/** Bounds of an integer tensor; those of i32 if it has none. */
export const boundsOf = ({ range }: Tensor): Range => range ?? I32_RANGE;

export const isConstant = (tensor: Tensor): boolean => tensor.source.kind === 'constant';

/** Words of a constant. */
export const wordsOf = (tensor: Tensor): Words | undefined =>
  tensor.source.kind === 'constant' ? tensor.source.words : undefined;

/** Dimensions in the order in which a stored tensor has them in memory, outermost first. */
export function permutationOf({ shape, channelsLast, order, source }: Tensor): number[] {
  if (order) return [...order];
  const identity = shape.map((_, i) => i);
  if (!channelsLast || source.kind !== 'computed' || shape.length < 3) return identity;
  return [0, ...identity.slice(2), 1];
}
