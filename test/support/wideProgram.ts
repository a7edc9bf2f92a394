import {
  byteLengthOf,
  type Coordinate,
  type DType,
  type LoopNode,
  type Operand,
  slotsOf,
} from '../../src/program/node.ts';
import { EXTREMES } from '../scalar/vectors.ts';
import { affine, instruction, ProgramBuilder, view } from './programs.ts';
import { fitting, type Random, randomCode } from './randomProgram.ts';

/** Programs that look like models: wide rows, products, windows with strides, pads and divisors, and gathers. */

/** Words of which most are extreme: NaN with payloads, zeros of both signs, subnormals, infinities. */
function extremeBytes(random: Random, count: number): Uint8Array {
  const words = Uint32Array.from({ length: Math.ceil(count / 4) }, () =>
    random.chance(60)
      ? random.pick(EXTREMES)
      : random.chance(50)
        ? 0x3f800000 + random.below(1 << 24)
        : random.word(),
  );
  return new Uint8Array(words.buffer).slice(0, count);
}

/** A coordinate of one or two indices, with whatever a window can have. */
const windowed = (random: Random, index: number, fold: number): Coordinate =>
  affine(
    [
      [index, random.pick([1, 1, 1, 2, 3, -1])],
      [fold, random.pick([1, 1, 2, -1, 0])],
    ],
    {
      offset: random.pick([0, 0, -1, -2, 1, 5]),
      divisor: random.pick([1, 1, 1, 2, 3]),
      exact: random.chance(30),
    },
  );

const ACCUMULATIONS = ['f32.add', 'f32.max', 'f32.min', 'f32.mul', 'i32.add', 'i32.xor', 'f32.sub'] as const;
const PRODUCTS = ['f32.mul', 'f32.mul', 'f32.mul', 'i32.mul', 'f32.add'] as const;

/** rows × lanes outputs, a fold of window × depth; the operands differ in which of these they follow. */
function wideLoop(random: Random, builder: ProgramBuilder): LoopNode {
  const shape = [random.between(1, 3), random.between(1, 9), random.between(1, 37)];
  const fold = random.pick([[], [random.between(1, 5)], [random.between(1, 3), random.between(1, 9)], [0]]);
  const dtypes: readonly DType[] = ['f32', 'f32', 'f32', 'i32', 'i8', 'u8'];
  const operands: Operand[] = [];
  const index = 3 + random.below(Math.max(1, fold.length));
  const operand = (dtype: DType, dims: Operand['view']): void => {
    const extents = dims.map(({ extent }) => extent);
    const node = builder.constant(
      dtype,
      extents,
      extremeBytes(random, byteLengthOf({ dtype, shape: extents })),
    );
    operands.push({ node, dtype, fill: random.pick([0, 0x7fa00001, 0xff800000, random.word()]), view: dims });
  };
  const rows = view(shape[1]!, 1);
  const lanes = view(shape[2]!, 2);
  const folded = fold.length > 0 ? [view(Math.max(1, fold[index - 3]!), index)] : [];
  for (let count = random.between(1, 3); count > 0; count--) {
    const dtype = random.pick(dtypes);
    const kind = random.below(7);
    if (kind === 0) operand(dtype, [rows, ...folded]);
    else if (kind === 1) operand(dtype, [...folded, lanes]);
    else if (kind === 2) operand(dtype, [lanes, ...folded]);
    else if (kind === 3 && fold.length > 0) {
      operand(dtype, [
        { extent: random.between(1, 9), coordinate: windowed(random, 1, index) },
        { extent: random.between(1, 40), coordinate: windowed(random, 2, index) },
      ]);
    } else if (kind === 4) {
      const table = random.between(1, 9);
      const indices = builder.constant(
        'u8',
        [shape[2]!],
        random.bytes(shape[2]!).map((byte) => byte % (table + 2)),
      );
      operands.push({ node: indices, dtype: 'u8', fill: 0, view: [lanes] });
      const by = operands.length - 1;
      operand(dtype, [
        { extent: table, coordinate: { kind: 'gathered', operand: by } },
        ...(random.chance(50) ? [lanes] : []),
      ]);
    } else if (kind === 5) {
      // Pixels and their channels in one coordinate, as the compiler makes of an image.
      const channels = shape[2]!;
      const terms = [
        [1, channels * random.pick([1, 2, -1])] as const,
        [2, random.pick([1, 1, 1, 2])] as const,
      ];
      const windows = fold.length > 0 ? [[index, channels * random.pick([1, 2, 0])] as const] : [];
      const offset = channels * random.between(-3, 3) + random.pick([0, 0, 1]);
      const extent = channels * random.between(1, 8);
      operand(dtype, [
        { extent, coordinate: affine([...terms, ...windows], { offset, exact: random.chance(20) }) },
      ]);
    } else operand(dtype, [rows, lanes]);
  }
  const constants = [random.pick(EXTREMES)];
  const s = slotsOf({ shape, fold, operands, constants });
  const [first, last] = [s.operands, s.operands + operands.length - 1];
  const step = random.chance(70)
    ? {
        code: [
          instruction(random.pick(PRODUCTS), first, last),
          instruction(random.pick(ACCUMULATIONS), s.accumulator, s.results),
        ],
        result: s.results + 1,
      }
    : randomCode(random, s.results, random.between(1, 6));
  const post = random.chance(40)
    ? { code: [], result: 0 }
    : randomCode(random, s.results, random.between(1, 6));
  return fitting(random, {
    kind: 'loop',
    dtype: random.pick(['f32', 'f32', 'i32', 'i8', 'u8'] as const),
    shape,
    fold,
    init: random.pick([0, 0, 0xff800000, 0x7fa00001, random.word()]),
    constants,
    operands,
    step,
    post,
    grain: 1,
    checkpoint: false,
  });
}

export function wideProgram(random: Random) {
  const builder = new ProgramBuilder();
  const input = builder.input('f32', [4]);
  const nodes = random.times(4, () => builder.node(wideLoop(random, builder)));
  return { ...builder.finish([...nodes, input]), inputs: [extremeBytes(random, 16)] };
}
