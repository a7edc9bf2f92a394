import {
  byteLengthOf,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { viewAccess } from './access.ts';
import { type ScalarCode, scalarCode } from './code.ts';
import type { Form } from './form.ts';
import type { Access, Kernel, Source } from './kernel.ts';

/** A loop, and the place of its elements in its node's tensor. */
export interface Piece {
  readonly loop: LoopNode;
  /** Distance of neighbours along each output dimension, in elements of the tensor. */
  readonly strides: readonly number[];
  /** The place of the first element. */
  readonly first: number;
}

/** The output and fold indices that a loop's code uses as values, by slot. */
function indexSlots(loop: LoopNode): number[] {
  const { outputIndices, results } = slotsOf(loop);
  const used = new Set(
    [loop.step, loop.post].flatMap(({ code, result }) => [
      result,
      ...code.flatMap(({ a, b, c }) => [a, b, c]),
    ]),
  );
  return [...used].filter((slot) => slot >= outputIndices && slot < results).sort((a, b) => a - b);
}

/**
 * The kernel of a loop that has at least one element.
 *
 * @param nodes of the program
 * @param bytes of the node's tensor
 */
export function lower({ loop, strides, first }: Piece, nodes: readonly Node[], bytes: number): Kernel {
  const isFoldEmpty = sizeOf(loop.fold) === 0;
  const fold = isFoldEmpty ? loop.fold.map(() => 1) : loop.fold;
  const extents = [...loop.shape, ...fold];
  const from = slotsOf(loop);
  const used = indexSlots(loop);
  const indices = used.map((slot): Form => {
    const coefficients = extents.map((_, i) => (i === slot - from.outputIndices ? 1 : 0));
    return { constant: 0, coefficients, wide: false };
  });
  /** Slots of a loop count all indices; those of a kernel only indices that are used. */
  const slot = (at: number): number => {
    if (at < from.outputIndices) return at;
    return at < from.results
      ? from.outputIndices + used.indexOf(at)
      : at - from.results + from.outputIndices + used.length;
  };
  const code = (program: LoopNode['step']): ScalarCode => scalarCode(program, slot);
  const elementBytes = ELEMENT_BYTES[loop.dtype];
  return {
    extents,
    outputs: loop.shape.length,
    isFoldEmpty,
    init: loop.init,
    constants: loop.constants,
    accesses: loop.operands.map(({ node, dtype, fill, view }): Access => {
      const read = nodes[node]!;
      const source: Source = {
        kind: 'tensor',
        node,
        isConstant: read.kind === 'constant',
        start: 0,
        end: byteLengthOf(read),
      };
      const elements = sizeOf(view.map(({ extent }) => extent));
      return { source, element: dtype, fill, elements, ...viewAccess(view, ELEMENT_BYTES[dtype], extents) };
    }),
    indices,
    step: code(loop.step),
    post: code(loop.post),
    store: {
      element: loop.dtype,
      address: {
        constant: first * elementBytes,
        coefficients: [...strides.map((stride) => stride * elementBytes), ...fold.map(() => 0)],
        wide: false,
      },
      bytes,
    },
    scratch: [],
    packed: [],
  };
}
