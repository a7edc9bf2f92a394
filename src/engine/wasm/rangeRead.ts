import { byteLengthOf, ELEMENT_BYTES, type Node, type Operand } from '../../program/node.ts';
import type { ByteRange } from '../memory/byteRange.ts';
import { type Access, isLinear, type Nest, rangeOf } from './nest.ts';

/** Above this size, addresses modulo 2^32 do not tell which of two bytes comes first. */
const MAX_BYTES = 2 ** 31;

/** The bytes of its tensor that an operand reads: from the first to the last if its address is linear, else all. */
export function rangeRead(
  { node, dtype }: Operand,
  access: Access,
  { extents }: Nest,
  nodes: readonly Node[],
): ByteRange {
  const bytes = byteLengthOf(nodes[node]!);
  const { low, high } = rangeOf(access.address.constant, access.address.coefficients, extents);
  const isKnown = isLinear(access) && low >= 0 && high < bytes && bytes <= MAX_BYTES;
  return isKnown ? { node, start: low, end: high + ELEMENT_BYTES[dtype] } : { node, start: 0, end: bytes };
}
