import { encodeNode } from '../../src/program/codec.ts';
import { leafCost } from '../../src/program/cost.ts';
import { LIMITS } from '../../src/program/limits.ts';
import {
  byteLengthOf,
  type Coordinate,
  type DType,
  type LoopNode,
  type Node,
  type Operand,
  operandUses,
  type ScalarProgram,
  sizeOf,
  slotsOf,
} from '../../src/program/node.ts';
import { INSTRUCTIONS } from '../../src/scalar/instructions.ts';
import { EXTREMES, randomWords } from '../scalar/vectors.ts';
import { ProgramBuilder } from './programs.ts';

const DTYPE_NAMES: readonly DType[] = ['f32', 'i32', 'i8', 'u8'];

/** Seeded choices. */
export class Random {
  readonly #next: () => number;
  constructor(seed: number) {
    this.#next = randomWords(seed);
  }
  word = (): number => this.#next();
  /** From 0 to n - 1. */
  below = (n: number): number => this.#next() % n;
  /** From `low` to `high`, both included. */
  between = (low: number, high: number): number => low + this.below(high - low + 1);
  pick = <T>(list: readonly T[]): T => list[this.below(list.length)] as T;
  chance = (percent: number): boolean => this.below(100) < percent;
  bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.below(256));
  times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
}

/** A shape with as many elements, in other dimensions. */
function reshape(random: Random, shape: readonly number[]): number[] {
  if (sizeOf(shape) === 0 || shape.length > 5) return [...shape];
  const view = shape.flatMap((extent) => {
    const divisors = [2, 3, 5, 7].filter((divisor) => extent % divisor === 0);
    if (divisors.length === 0 || random.chance(60)) return [extent];
    const divisor = random.pick(divisors);
    return [extent / divisor, divisor];
  });
  return random.chance(30) ? [sizeOf(shape)] : view;
}

function coordinateOf(
  random: Random,
  indices: number,
  extent: number,
  operands: readonly Operand[],
): Coordinate {
  const integers = operands.flatMap(({ dtype }, i) => (dtype === 'f32' ? [] : [i]));
  if (integers.length > 0 && random.chance(25)) return { kind: 'gathered', operand: random.pick(integers) };
  const terms = random.times(indices === 0 ? 0 : random.pick([0, 1, 1, 1, 2, 3]), () => ({
    index: random.below(indices),
    // 0 - extent, not -extent: a program has no -0.
    coefficient: random.pick([1, 1, 1, 1, -1, 2, 3, 0, 0 - extent]),
  }));
  return {
    kind: 'affine',
    offset: random.pick([0, 0, 0, 1, -1, -2, extent - 1]),
    divisor: random.pick([1, 1, 1, 1, 2, 3]),
    exact: random.chance(30),
    terms,
  };
}

export function randomCode(random: Random, results: number, length: number): ScalarProgram {
  const code = random.times(length, (i) => {
    const { opcode, arity } = random.pick(INSTRUCTIONS);
    const reference = (at: number) => (at < arity ? random.below(results + i) : 0);
    return { opcode, a: reference(0), b: reference(1), c: reference(2) };
  });
  return {
    code,
    result: random.chance(70) && length > 0 ? results + length - 1 : random.below(results + length),
  };
}

/** Keeps post, and what it reads, off the fold indices. */
function withoutFoldsInPost(loop: LoopNode): LoopNode {
  const { foldIndices, results } = slotsOf(loop);
  const allowed = (slot: number) => (slot >= foldIndices && slot < results ? 0 : slot);
  const post = {
    code: loop.post.code.map(({ opcode, a, b, c }) => ({
      opcode,
      a: allowed(a),
      b: allowed(b),
      c: allowed(c),
    })),
    result: allowed(loop.post.result),
  };
  const uses = operandUses({ ...loop, post });
  const operands = loop.operands.map((operand, i) => ({
    ...operand,
    view: operand.view.map(({ extent, coordinate }) => ({
      extent,
      coordinate:
        coordinate.kind === 'affine' && uses[i]?.post
          ? { ...coordinate, terms: coordinate.terms.filter(({ index }) => index < loop.shape.length) }
          : coordinate,
    })),
  }));
  return { ...loop, post, operands };
}

/** The loop with what no valid loop has taken out, and with a grain that its cost allows. */
export function fitting(random: Random, node: LoopNode): LoopNode {
  const loop = withoutFoldsInPost(node);
  const grain = Math.max(1, random.pick([1, 2, 5, sizeOf(loop.fold)]));
  const cost = leafCost({ ...loop, grain }, encodeNode(loop).length);
  const fits =
    cost.witnessBytes <= LIMITS.MAX_LEAF_WITNESS_BYTES && cost.computeGas <= LIMITS.MAX_LEAF_COMPUTE_GAS;
  return fits ? { ...loop, grain } : loop;
}

const smallExtent = (random: Random): number => random.pick([1, 2, 3, 4, 5, 7]);

/** A valid loop over earlier nodes, with every kind of coordinate and any code. */
export function randomLoop(
  random: Random,
  nodes: readonly Node[],
  shape: readonly number[] = random.times(random.below(4), () => smallExtent(random)),
): LoopNode {
  const extent = () => smallExtent(random);
  const fold = random.times(random.pick([0, 1, 1, 2, 3]), () => (random.chance(3) ? 0 : extent()));
  if (random.chance(30) && fold.length > 0) fold[fold.length - 1] = random.between(60, 150);
  const operands: Operand[] = [];
  for (let count = random.below(4); count > 0; count--) {
    const node = random.below(nodes.length);
    const { dtype, shape: read } = nodes[node] as Node;
    const view = reshape(random, read).map((e) => ({
      extent: e,
      coordinate: coordinateOf(random, shape.length + fold.length, e, operands),
    }));
    operands.push({ node, dtype, fill: random.pick([0, 1, random.word()]), view });
  }
  const constants = random.times(random.below(3), () => random.pick(EXTREMES));
  const dtype = random.pick(DTYPE_NAMES);
  const { results } = slotsOf({ shape, fold, operands, constants });
  return fitting(random, {
    kind: 'loop',
    dtype,
    shape,
    fold,
    init: random.pick([0, 0x3f800000, random.word()]),
    constants,
    operands,
    step: randomCode(random, results, random.below(6)),
    post: randomCode(random, results, random.below(5)),
    grain: 1,
    checkpoint: false,
  });
}

/** A valid program of some inputs and constants and `loops` loops, the bytes of its inputs with it. */
export function randomProgram(seed: number, loops: number) {
  const random = new Random(seed);
  const builder = new ProgramBuilder();
  const inputs: Uint8Array[] = [];
  for (const dtype of DTYPE_NAMES) {
    const shape = random.times(random.between(0, 3), () => random.pick([1, 2, 3, 4, 6, 10, 64]));
    // Words that are small, any, or extreme.
    const kind = random.below(3);
    const bytes = Uint8Array.from({ length: byteLengthOf({ dtype, shape }) }, (_, i) =>
      kind === 0 && i % 4 > 0 ? 0 : random.below(256) & (kind === 0 ? 7 : 255),
    );
    if (random.chance(50)) {
      builder.input(dtype, shape);
      inputs.push(bytes);
    } else {
      builder.constant(dtype, shape, bytes);
    }
  }
  for (let i = 0; i < loops; i++) builder.node(randomLoop(random, builder.nodes));
  return { ...builder.finish(), inputs };
}

/** Shapes whose tensors lie around the size of a chunk, and smaller and empty ones. */
const boundaryShape = (random: Random): number[] =>
  random.pick([
    [],
    [0, 3],
    [1],
    [random.between(2, 9)],
    [64],
    [65],
    [random.between(1, 6), random.between(1, 6)],
    [2, 128],
    [257],
    [random.between(1, 3), random.between(1, 12), random.between(1, 12)],
  ]);

/** A valid program of a few nodes, in any order and of any kind, with tensors of boundary sizes. */
export function boundaryProgram(random: Random) {
  const builder = new ProgramBuilder();
  const inputs: Uint8Array[] = [];
  for (let count = random.between(2, 9); count > 0; count--) {
    const kind = random.pick(['input', 'constant', 'loop', 'loop', 'loop', 'loop'] as const);
    const shape = boundaryShape(random);
    if (kind === 'loop' && builder.nodes.length > 0) {
      builder.node(randomLoop(random, builder.nodes, shape));
      continue;
    }
    const dtype = random.pick(DTYPE_NAMES);
    const bytes = random.bytes(byteLengthOf({ dtype, shape }));
    if (kind === 'constant') {
      builder.constant(dtype, shape, bytes);
    } else {
      builder.input(dtype, shape);
      inputs.push(bytes);
    }
  }
  return { ...builder.finish(), inputs };
}
