import { computedOf } from '../../../src/engine/engine.ts';
import { blockOf, depthOf } from '../../../src/program/blocks.ts';
import {
  byteLengthOf,
  type LoopNode,
  type Operand,
  operandUses,
  type Program,
  sizeOf,
} from '../../../src/program/node.ts';
import { OPCODE } from '../../../src/scalar/instructions.ts';

/** Facts about a program, found without running it. */

const MULTIPLICATIONS: readonly number[] = [OPCODE['f32.mul'], OPCODE['i32.mul']];

/** Terms of sums of products: steps of folds that multiply once. A longer step computes a function. */
export function productsOf({ step, shape, fold }: LoopNode): number {
  const multiplications = step.code.filter(({ opcode }) => MULTIPLICATIONS.includes(opcode)).length;
  return fold.length > 0 && multiplications === 1 ? sizeOf(shape) * sizeOf(fold) : 0;
}

const loopsOf = ({ nodes }: Program): LoopNode[] =>
  nodes.filter((node): node is LoopNode => node.kind === 'loop');

export const macsOf = (program: Program): number =>
  loopsOf(program).reduce((sum, node) => sum + productsOf(node), 0);

const LEAST_PRODUCTS = 1e6;

/** Whether the coordinates of a transposed convolution lie between elements, so that steps may be left out. */
const isSparse = ({ view }: Operand): boolean =>
  view.some(({ coordinate }) => coordinate.kind === 'affine' && coordinate.exact);

/** Whether an operand is the same for all values of one of the output indices, so that a register can keep it. */
const isReused = ({ shape }: LoopNode, { view }: Operand): boolean =>
  shape.some(
    (extent, index) =>
      extent >= 4 &&
      view.every(
        ({ coordinate }) =>
          coordinate.kind === 'affine' &&
          coordinate.terms.every((term) => term.index !== index || term.coefficient === 0),
      ),
  );

/** Matrix products and convolutions over many channels, in f32: sums of products whose factors are all reused. */
export function isMatrixLike(node: LoopNode): boolean {
  if (node.dtype !== 'f32' || productsOf(node) < LEAST_PRODUCTS) return false;
  const uses = operandUses(node);
  return (
    node.step.code.some(({ opcode }) => opcode === OPCODE['f32.mul']) &&
    node.operands.every((operand, i) => !uses[i]!.step || (isReused(node, operand) && !isSparse(operand)))
  );
}

/** Bytes that any engine must hold: constants, and the largest set of other tensors that are alive at once. */
export function leastMemory(program: Program): { weights: number; live: number } {
  const { nodes, outputs } = program;
  const last = nodes.map((_, i) => i);
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'loop') for (const operand of node.operands) last[operand.node] = i;
  }
  for (const output of outputs) last[output] = nodes.length - 1;
  let weights = 0;
  const live = new Array<number>(nodes.length).fill(0);
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'constant') weights += byteLengthOf(node);
    else for (let at = node.kind === 'input' ? 0 : i; at <= last[i]!; at++) live[at]! += byteLengthOf(node);
  }
  return { weights, live: Math.max(...live) };
}

/** Bytes of the tensors of some nodes. */
export const bytesOf = ({ nodes }: Program, indices: readonly number[]): number =>
  indices.reduce((sum, i) => sum + byteLengthOf(nodes[i]!), 0);

/** Inputs and loops of the block whose tensors have the most bytes. */
export function largestBlock(program: Program): number[] {
  const depth = depthOf(program.nodes.length);
  const computed = computedOf(program);
  const blocks = [...new Set(computed.map((i) => blockOf(i, depth)))].map((block) =>
    computed.filter((i) => blockOf(i, depth) === block),
  );
  return blocks.reduce((a, b) => (bytesOf(program, b) > bytesOf(program, a) ? b : a), []);
}
