import { LIMITS } from './limits.ts';
import {
  byteLengthOf,
  type Coordinate,
  type LoopNode,
  type Node,
  type Operand,
  type Program,
  type ScalarProgram,
  slotsOf,
  withSlots,
} from './node.ts';

/**
 * A program that runs another one on several inputs at once: whatever depends on an input gets a first dimension more, of
 * `size`. An element folds alone, in its own order, so each part has the bits of a run by itself. It serves to run faster
 * only: what is committed, traced and disputed is the program itself.
 *
 * @returns undefined if a tensor would have too many dimensions or bytes
 */
export function batched(program: Program, size: number): Program | undefined {
  const isBatched: boolean[] = [];
  const nodes: Node[] = [];
  for (const node of program.nodes) {
    const depends =
      node.kind === 'input' || (node.kind === 'loop' && node.operands.some((o) => isBatched[o.node]));
    isBatched.push(depends);
    if (!depends) {
      nodes.push(node);
      continue;
    }
    const shape = [size, ...node.shape];
    const many = node.kind === 'loop' ? batchedLoop(node, size, isBatched) : { ...node, shape };
    if (!many || shape.length > LIMITS.MAX_RANK || byteLengthOf(many) > LIMITS.MAX_TENSOR_BYTES)
      return undefined;
    nodes.push(many);
  }
  // An output that depends on nothing is the same for all, and is not one for each.
  return program.outputs.every((node) => isBatched[node]) ? { ...program, nodes } : undefined;
}

function batchedLoop(loop: LoopNode, size: number, isBatched: readonly boolean[]): LoopNode | undefined {
  const shape = [size, ...loop.shape];
  const operands = loop.operands.map((operand): Operand => {
    const view = operand.view.map(({ extent, coordinate }) => ({ extent, coordinate: shifted(coordinate) }));
    if (!isBatched[operand.node]) return { ...operand, view };
    const which: Coordinate = {
      ...{ kind: 'affine', offset: 0, divisor: 1, exact: false },
      terms: [{ index: 0, coefficient: 1 }],
    };
    return { ...operand, view: [{ extent: size, coordinate: which }, ...view] };
  });
  if (operands.some(({ view }) => view.length > LIMITS.MAX_RANK)) return undefined;
  // The index of the part is a slot before the other output indices.
  const { outputIndices } = slotsOf(loop);
  const slotOf = (slot: number): number => (slot < outputIndices ? slot : slot + 1);
  const moved = ({ code, result }: ScalarProgram): ScalarProgram => ({
    code: withSlots(code, slotOf),
    result: slotOf(result),
  });
  return { ...loop, shape, operands, step: moved(loop.step), post: moved(loop.post) };
}

const shifted = (coordinate: Coordinate): Coordinate =>
  coordinate.kind === 'gathered'
    ? coordinate
    : {
        ...coordinate,
        terms: coordinate.terms.map(({ index, coefficient }) => ({ index: index + 1, coefficient })),
      };
