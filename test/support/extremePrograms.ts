import { encodeNode } from '../../src/program/codec.ts';
import { LIMITS } from '../../src/program/limits.ts';
import {
  byteLengthOf,
  type Coordinate,
  type DType,
  type LoopNode,
  type Node,
  type Operand,
  sizeOf,
  slotsOf,
} from '../../src/program/node.ts';
import { checkDescriptor } from '../../src/program/validate.ts';
import { EXTREMES } from '../scalar/vectors.ts';
import { ProgramBuilder } from './programs.ts';
import { fitting, type Random, randomCode } from './randomProgram.ts';

/**
 * Nodes at the ends of what their fields can hold: terms of ±2^31, divisors to 2^32 - 1, rank 8, gathers of gathers.
 * {@link randomLoop} stays near what compilers write; here it is what anybody may publish.
 */

const DTYPES: readonly DType[] = ['f32', 'i32', 'i8', 'u8'];
const I32_MAX = 2 ** 31 - 1;
const I32_MIN = -(2 ** 31);
const U32_MAX = 2 ** 32 - 1;

const EXTENTS = [0, 1, 1, 2, 3, 5, 7, 64, 255, 256, 257];
const HUGE_EXTENTS = [2 ** 15, 2 ** 16, 2 ** 20, 2 ** 28, 2 ** 30, I32_MAX, 2 ** 31, U32_MAX];
const GRAINS = [0, 1, 1, 2, 3, 16, 31, 32, 33, 60, 64, 100, 1000, 2 ** 16, I32_MAX, 2 ** 31, U32_MAX];
const SIGNED = [
  0,
  1,
  -1,
  2,
  -2,
  3,
  63,
  64,
  255,
  256,
  -256,
  2 ** 15,
  2 ** 24,
  2 ** 30,
  I32_MAX,
  I32_MIN,
  I32_MIN + 1,
];
const DIVISORS = [1, 1, 1, 2, 3, 255, 256, 2 ** 16, I32_MAX, 2 ** 31, U32_MAX];

/** A random number of something: mostly few, at times more than any limit. */
const several = (random: Random, limit: number): number =>
  random.pick([0, 1, 1, 2, 3, random.below(limit + 3)]);

/** A coordinate of any numbers at all. */
function wildCoordinate(random: Random, indices: number, operand: number): Coordinate {
  if (random.chance(20)) {
    const earlier = random.below(Math.max(1, operand));
    return { kind: 'gathered', operand: random.chance(90) ? earlier : random.below(20) };
  }
  return {
    kind: 'affine',
    exact: random.chance(30),
    offset: random.pick(SIGNED),
    divisor: random.chance(5) ? 0 : random.pick(DIVISORS),
    terms: random.times(several(random, LIMITS.MAX_TERMS), () => ({
      index: random.chance(97) ? random.below(Math.max(1, indices)) : random.below(256),
      coefficient: random.pick(SIGNED),
    })),
  };
}

/** Code that may read slots which are not there. */
function wildCode(random: Random, results: number, length: number) {
  const { code, result } = randomCode(random, Math.max(1, Math.min(results, 200)), length);
  const chosen = random.chance(30) ? random.below(Math.max(1, results)) : result;
  return { code, result: random.chance(8) ? random.below(256) : chosen };
}

/** A loop that breaks any rule, several or none. Its numbers fit their fields, so it can be encoded. */
export function wildLoop(random: Random): LoopNode {
  const extents = random.chance(75) ? EXTENTS : [...EXTENTS, ...HUGE_EXTENTS];
  const dimensions = () => random.times(several(random, LIMITS.MAX_RANK), () => random.pick(extents));
  const [shape, fold] = [dimensions(), dimensions()];
  const operands = random.times(
    several(random, LIMITS.MAX_OPERANDS),
    (i): Operand => ({
      node: random.chance(97) ? random.pick([0, 1, 8]) : random.pick([9, 10, U32_MAX]),
      dtype: random.pick(DTYPES),
      fill: random.word(),
      view: random.times(several(random, LIMITS.MAX_RANK), () => ({
        extent: random.pick(extents),
        coordinate: wildCoordinate(random, shape.length + fold.length, i),
      })),
    }),
  );
  const constants = random.times(several(random, LIMITS.MAX_CONSTANTS), () => random.word());
  const { results } = slotsOf({ shape, fold, operands, constants });
  return {
    kind: 'loop',
    dtype: random.pick(DTYPES),
    shape,
    fold,
    init: random.word(),
    constants,
    operands,
    step: wildCode(random, results, several(random, LIMITS.MAX_CODE)),
    post: wildCode(random, results, several(random, LIMITS.MAX_CODE)),
    grain: random.pick(GRAINS),
    checkpoint: random.chance(50),
  };
}

const affine = (
  random: Random,
  offset: number,
  divisor: number,
  terms: readonly (readonly [index: number, coefficient: number])[],
): Coordinate => ({
  kind: 'affine',
  exact: random.chance(40),
  offset: Math.max(I32_MIN, Math.min(I32_MAX, offset)),
  divisor,
  terms: terms.map(([index, coefficient]) => ({ index, coefficient })),
});

/** Zero less a number: a program has no -0. */
const negative = (x: number): number => 0 - x;

/** A valid coordinate whose parts are extreme, and whose value is inside the extent often enough. */
function extremeCoordinate(
  random: Random,
  extents: readonly number[],
  extent: number,
  operands: readonly Operand[],
): Coordinate {
  const integers = operands.flatMap(({ dtype }, i) => (dtype === 'f32' ? [] : [i]));
  if (integers.length > 0 && random.chance(25)) return { kind: 'gathered', operand: random.pick(integers) };
  if (extents.length === 0) {
    return affine(
      random,
      random.pick([0, 1, -1, extent - 1, extent, I32_MAX, I32_MIN]),
      random.pick([1, 2, U32_MAX]),
      [],
    );
  }
  const [index, other] = [random.below(extents.length), random.below(extents.length)];
  const large = random.pick([I32_MAX, 2 ** 30, 65_537, 1_000_003, I32_MIN + 1, 7]);
  switch (random.below(5)) {
    case 0:
      // Large terms that cancel.
      return affine(random, random.pick([0, 0, 1, -1]), 1, [
        [index, large],
        [index, negative(large)],
        [index, random.pick([1, -1, 2])],
        [other, random.pick([0, 1])],
      ]);
    case 1: {
      // A divisor that undoes a coefficient, and what lies right beside its multiples.
      const divisor = Math.abs(large);
      const offset = random.pick([0, 0, 1, -1, divisor - 1, 1 - divisor]);
      return affine(random, offset, divisor, [
        [index, divisor],
        [other, random.pick([0, 1, -1])],
      ]);
    }
    case 2:
      // An end of int32, over about as large a divisor.
      return affine(
        random,
        random.pick([I32_MAX, I32_MIN]),
        random.pick([I32_MAX, 2 ** 31, U32_MAX, 2 ** 30, 3]),
        [[index, random.pick([1, -1, I32_MAX, I32_MIN])]],
      );
    case 3: {
      // From far outside to inside at the last step.
      const coefficient = random.pick([1_000_003, -1_000_003, 2 ** 26, -(2 ** 26)]);
      const last = Math.max(0, (extents[index] as number) - 1);
      return affine(random, negative(coefficient * last) + random.below(Math.max(1, extent)), 1, [
        [index, coefficient],
      ]);
    }
    default:
      return affine(
        random,
        random.pick([0, 0, 1, -1, extent - 1]),
        random.pick([1, 1, 1, 2, 3, 256]),
        random.times(random.pick([1, 1, 2, LIMITS.MAX_TERMS]), () => [
          random.below(extents.length),
          random.pick([1, 1, -1, 2, 3, 0, negative(extent)]),
        ]),
      );
  }
}

/** The tensor seen through dimensions of one more, up to the highest rank, or flat. */
function viewExtents(random: Random, shape: readonly number[]): number[] {
  if (sizeOf(shape) > 0 && random.chance(20)) return [sizeOf(shape)];
  const extents = [...shape];
  while (extents.length < LIMITS.MAX_RANK && random.chance(30)) {
    extents.splice(random.below(extents.length + 1), 0, 1);
  }
  return extents;
}

/** Dimensions up to the highest rank, of at most so many elements altogether. */
function manyDimensions(random: Random, ranks: readonly number[], most: number): number[] {
  let left = most;
  return random.times(random.pick(ranks), () => {
    if (random.chance(2)) return 0;
    const extent = random.pick([1, 1, 2, 3, 4, 5, 9]);
    if (extent > left) return 1;
    left = Math.floor(left / extent);
    return extent;
  });
}

function extremeLoop(random: Random, nodes: readonly Node[]): LoopNode {
  const shape = manyDimensions(random, [0, 1, 2, 3, 4, LIMITS.MAX_RANK], 100);
  const fold = manyDimensions(random, [0, 1, 1, 2, 3, 4, LIMITS.MAX_RANK], 60);
  if (random.chance(20)) fold.splice(0, fold.length, random.between(60, 300));
  const operands: Operand[] = [];
  for (let count = random.pick([1, 1, 2, 3, 5, 8]); count > 0; count--) {
    const node = random.below(nodes.length);
    const { dtype, shape: read } = nodes[node] as Node;
    const view = viewExtents(random, read).map((extent) => ({
      extent,
      coordinate: extremeCoordinate(random, [...shape, ...fold], extent, operands),
    }));
    operands.push({ node, dtype, fill: random.pick([0, 1, random.word()]), view });
  }
  const constants = random.times(random.below(4), () => random.pick(EXTREMES));
  const { results } = slotsOf({ shape, fold, operands, constants });
  return fitting(random, {
    kind: 'loop',
    dtype: random.pick(DTYPES),
    shape,
    fold,
    init: random.pick([0, 0x3f800000, random.word()]),
    constants,
    operands,
    step: randomCode(random, results, random.between(1, 8)),
    post: randomCode(random, results, random.below(6)),
    grain: 1,
    checkpoint: false,
  });
}

/** Loops drawn for one that is valid. */
const TRIES = 20;

/** A valid program of inputs and constants of every dtype and up to `loops` extreme loops, with its inputs' bytes. */
export function extremeProgram(random: Random, loops: number) {
  const builder = new ProgramBuilder();
  const inputs: Uint8Array[] = [];
  for (const dtype of DTYPES) {
    const shape = random.times(random.between(0, 3), () => random.pick([1, 2, 3, 4, 6, 10, 64, 100]));
    // Of small numbers some are places inside a tensor.
    const isSmall = random.chance(33);
    const bytes = Uint8Array.from({ length: byteLengthOf({ dtype, shape }) }, (_, i) =>
      isSmall ? (i % 4 === 0 ? random.below(8) : 0) : random.below(256),
    );
    if (random.chance(50)) {
      builder.input(dtype, shape);
      inputs.push(bytes);
    } else {
      builder.constant(dtype, shape, bytes);
    }
  }
  const model = { nodeCount: loops + DTYPES.length, inputs: [], outputs: [], answers: [] };
  for (let i = 0, drawn = 0; i < loops && drawn < loops * TRIES; drawn++) {
    const node = extremeLoop(random, builder.nodes);
    if (checkDescriptor(encodeNode(node), builder.nodes.length, model)) continue;
    builder.node(node);
    i++;
  }
  return { ...builder.finish(), inputs };
}
