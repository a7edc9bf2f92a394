import { byteLengthOf, ELEMENT_BYTES, type Node, type Operand } from '../../program/node.ts';
import { aligned, alignedBelow } from './memoryPlan.ts';
import { type Access, isLinear, type Nest, rangeOf } from './nest.ts';

/** Bytes of a node's tensor: `start` to `end - 1`. */
export interface Stretch {
  readonly node: number;
  readonly start: number;
  readonly end: number;
}

/** With more bytes than this, addresses modulo 2^32 do not tell in which order they are. */
const MAX_BYTES = 2 ** 31;

/** What an operand is read within: from the first byte to the last where its address is linear, else everything. */
export function stretchOf(
  { node, dtype }: Operand,
  access: Access,
  { extents }: Nest,
  nodes: readonly Node[],
): Stretch {
  const bytes = byteLengthOf(nodes[node]!);
  const { low, high } = rangeOf(access.address.constant, access.address.coefficients, extents);
  const isKnown = isLinear(access) && low >= 0 && high < bytes && bytes <= MAX_BYTES;
  return isKnown ? { node, start: low, end: high + ELEMENT_BYTES[dtype] } : { node, start: 0, end: bytes };
}

/** What some stretches cover, by node: in order, disjoint, from multiples of what blocks start at. */
export function coverOf(stretches: readonly Stretch[]): Map<number, Stretch[]> {
  const cover = new Map<number, Stretch[]>();
  for (const { node, start, end } of [...stretches].sort((a, b) => a.start - b.start)) {
    const merged = cover.get(node) ?? [];
    cover.set(node, merged);
    const last = merged.at(-1);
    if (last && alignedBelow(start) <= aligned(last.end))
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, end) };
    else merged.push({ node, start: alignedBelow(start), end });
  }
  return cover;
}
