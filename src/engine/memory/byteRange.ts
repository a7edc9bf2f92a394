import { aligned, alignedBelow } from './offsets.ts';

/** Bytes of a node's tensor: `start` to `end - 1`. */
export interface ByteRange {
  readonly node: number;
  readonly start: number;
  readonly end: number;
}

/** The union of byte ranges, by node: sorted, disjoint, each starting at a multiple of the alignment of blocks. */
export function mergeRanges(ranges: readonly ByteRange[]): Map<number, ByteRange[]> {
  const union = new Map<number, ByteRange[]>();
  for (const { node, start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const merged = union.get(node) ?? [];
    union.set(node, merged);
    const last = merged.at(-1);
    if (last && alignedBelow(start) <= aligned(last.end))
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, end) };
    else merged.push({ node, start: alignedBelow(start), end });
  }
  return union;
}
