import {
  type Coordinate,
  type DType,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  type Operand,
  sizeOf,
} from '../../src/program/node.ts';
import type { InstructionName } from '../../src/scalar/instructions.ts';
import type { Step } from '../../src/scalar/machine.ts';
import { affine, instruction, loop, ProgramBuilder } from './programs.ts';
import type { Random } from './random.ts';

const DTYPE_NAMES: readonly DType[] = ['f32', 'i32', 'i8', 'u8'];

const BINARY: readonly InstructionName[] = [
  'f32.add',
  'f32.sub',
  'f32.mul',
  'f32.div',
  'f32.max',
  'i32.add',
  'i32.mul',
  'i32.xor',
  'i32.sub',
  'i32.shl',
];

/** Shapes whose tensors lie around the size of a chunk, and smaller and empty ones. */
function randomShape(random: Random): number[] {
  return random.pick<() => number[]>([
    () => [],
    () => [0, 3],
    () => [1],
    () => [random.between(2, 9)],
    () => [64],
    () => [65],
    () => [random.between(1, 6), random.between(1, 6)],
    () => [2, 128],
    () => [257],
    () => [random.between(1, 3), random.between(1, 12), random.between(1, 12)],
  ])();
}

const randomFold = (random: Random): number[] =>
  random.pick<() => number[]>([
    () => [],
    () => [0],
    () => [1],
    () => [random.between(2, 12)],
    () => [random.between(1, 4), random.between(1, 5)],
    () => [random.between(30, 150)],
  ])();

/** Any valid view of `node`: indices with random coefficients, fills, divisions and gathers. */
function randomOperand(
  random: Random,
  nodes: readonly Node[],
  indices: number,
  earlier: readonly Operand[],
): Operand {
  const node = random.below(nodes.length);
  const { dtype, shape } = nodes[node]!;
  const extents = random.chance(0.3) ? [sizeOf(shape)] : shape;
  const gatherable = earlier.flatMap((operand, i) => (operand.dtype === 'f32' ? [] : [i]));
  const coordinate = (): Coordinate => {
    if (gatherable.length > 0 && random.chance(0.2))
      return { kind: 'gathered', operand: random.pick(gatherable) };
    const used = Array.from({ length: indices }, (_, i) => i).filter(() => random.chance(0.6));
    return affine(
      used.map((index) => [index, random.between(-2, 3)] as const),
      { offset: random.between(-2, 4), divisor: random.pick([1, 1, 1, 2, 3]), exact: random.chance(0.3) },
    );
  };
  const view = extents.map((extent) => ({ extent, coordinate: coordinate() }));
  return { node, dtype, fill: random.chance(0.5) ? 0 : random.word(), view };
}

function randomLoop(random: Random, nodes: readonly Node[]): LoopNode {
  const shape = randomShape(random);
  const fold = randomFold(random);
  // Operands of post come first, so that all may gather from those.
  const forPost: Operand[] = [];
  for (let i = random.below(3); i > 0; i--) {
    forPost.push(randomOperand(random, nodes, shape.length, forPost));
  }
  const operands = [...forPost];
  for (let i = random.below(3); i > 0; i--) {
    operands.push(randomOperand(random, nodes, shape.length + fold.length, operands));
  }
  const chain = (first: number, values: readonly number[], results: number): Step[] =>
    values.map((slot, i) => instruction(random.pick(BINARY), i === 0 ? first : results + i - 1, slot));
  return loop({
    dtype: random.pick(DTYPE_NAMES),
    shape,
    fold,
    init: random.chance(0.5) ? 0 : random.word(),
    constants: [random.word()],
    operands,
    grain: random.pick([1, 1, 2, 3, 7, 64]),
    step: (s) => {
      const reads = operands.map((_, i) => s.operands + i);
      const indices = fold.map((_, i) => s.foldIndices + i);
      return chain(s.accumulator, [...reads, ...indices, s.constants], s.results);
    },
    post: (s) => {
      const reads = forPost.map((_, i) => s.operands + i);
      return chain(s.accumulator, random.chance(0.3) ? [] : [...reads, s.constants], s.results);
    },
  });
}

/** A valid program of a few nodes, with its weights and random inputs. */
export function randomProgram(random: Random) {
  const build = new ProgramBuilder();
  const inputs: Uint8Array[] = [];
  const bytesFor = (dtype: DType, shape: readonly number[]) =>
    random.bytes(sizeOf(shape) * ELEMENT_BYTES[dtype]);
  const count = random.between(2, 9);
  for (let i = 0; i < count; i++) {
    const kind =
      i === 0 ? 'input' : random.pick(['input', 'constant', 'loop', 'loop', 'loop', 'loop'] as const);
    const dtype = random.pick(DTYPE_NAMES);
    const shape = randomShape(random);
    if (kind === 'input') {
      build.input(dtype, shape);
      inputs.push(bytesFor(dtype, shape));
    } else if (kind === 'constant') {
      build.constant(dtype, shape, bytesFor(dtype, shape));
    } else {
      build.node(randomLoop(random, build.nodes));
    }
  }
  return { ...build.finish(), inputs };
}
