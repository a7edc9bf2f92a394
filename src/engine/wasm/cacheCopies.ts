import { byteLengthOf, ELEMENT_BYTES, type LoopNode, type Node, sizeOf } from '../../program/node.ts';
import type { CacheWrite, ProgramPart } from '../cached.ts';
import { rowMajorStrides } from '../kernel/form.ts';
import { lower } from '../kernel/lower.ts';
import { type Layout, sourceIn } from '../memory/layout.ts';
import { optimize } from '../passes/optimize.ts';
import type { Work } from '../threads/schedule.ts';
import { type KernelFunction, kernelFunction } from './emit/kernelFunction.ts';
import { SIMD128 } from './target.ts';

/** The work that copies the rows of a loop to their cache, after the loop. */
export interface CacheCopy extends KernelFunction {
  readonly rows: number;
  readonly work: Work;
}

/** @param layout in which caches and their new rows have places of their own */
export function cacheCopies(
  nodes: readonly Node[],
  parts: readonly ProgramPart[],
  layout: Layout,
): CacheCopy[] {
  return parts.flatMap(({ first, writes }) =>
    writes.map((write): CacheCopy => {
      const { cache, rows, inner } = write;
      const { loop, strides } = copyLoop(nodes, write);
      const kernel = optimize(
        lower({ loop, strides, first: 0 }, nodes, byteLengthOf(nodes[cache]!)),
        SIMD128,
      );
      const made = kernelFunction(kernel, `cache${rows}`, {
        source: sourceIn(layout),
        target: layout.tensors[cache]!,
        moved: { by: layout.tensors[first]!, bytes: inner * ELEMENT_BYTES[loop.dtype] },
        packed: [],
        scratch: [],
        threadBytes: 0,
      });
      return { ...made, rows, work: { name: made.body.name, items: made.items, cost: sizeOf(loop.shape) } };
    }),
  );
}

/** A loop that copies rows, and the distances of the copies in the cache. */
function copyLoop(nodes: readonly Node[], { cache, rows, outer, inner }: CacheWrite) {
  const read = nodes[rows]!;
  const count = sizeOf(read.shape) / (outer * inner);
  const shape = [outer, count, inner];
  const terms = rowMajorStrides(shape, 1).map((coefficient, index) => ({ index, coefficient }));
  const loop: LoopNode = {
    kind: 'loop',
    dtype: read.dtype,
    shape,
    fold: [],
    init: 0,
    constants: [],
    operands: [
      {
        node: rows,
        dtype: read.dtype,
        view: [
          {
            extent: sizeOf(shape),
            coordinate: { kind: 'affine', offset: 0, divisor: 1, exact: false, terms },
          },
        ],
        fill: 0,
      },
    ],
    step: { code: [], result: 0 },
    post: { code: [], result: 1 },
    grain: 1,
    checkpoint: false,
  };
  return { loop, strides: [sizeOf(nodes[cache]!.shape) / outer, inner, 1] };
}
