import { byteLengthOf, type DType, type LoopNode, type Operand, slotsOf } from '../../src/program/node.ts';
import { EXTREMES } from '../scalar/vectors.ts';
import { affine, instruction, ProgramBuilder } from './programs.ts';
import { fitting, type Random, randomCode } from './randomProgram.ts';

/** Programs of one layer as compilers write them: products, convolutions of every kind, pools, sums of rows. */

/** Words as they are in models, some of them extreme. */
function layerBytes(random: Random, count: number): Uint8Array {
  const extremes = random.pick([0, 0, 5, 60]);
  const words = Uint32Array.from({ length: Math.ceil(count / 4) }, () =>
    random.chance(extremes)
      ? random.pick(EXTREMES)
      : (0x3f000000 + random.below(1 << 24)) | (random.below(2) << 31),
  );
  return new Uint8Array(words.buffer).slice(0, count);
}

type Terms = readonly (readonly [index: number, coefficient: number])[];

interface Parts {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly fold: readonly number[];
  readonly operands: readonly Operand[];
}

/** The loop that folds the product of its first two operands, or its only operand, with some code after it. */
function layer(random: Random, { dtype, shape, fold, operands }: Parts): LoopNode {
  const constants = [random.pick(EXTREMES), 0, 0x40c00000, 128];
  const s = slotsOf({ shape, fold, operands, constants });
  const isInteger = operands[0]!.dtype !== 'f32';
  const [multiply, add] = isInteger ? (['i32.mul', 'i32.add'] as const) : (['f32.mul', 'f32.add'] as const);
  const combine =
    operands.length > 1 ? add : isInteger ? add : random.pick(['f32.max', 'f32.min', 'f32.add'] as const);
  // Bytes may have their zero point taken off, the rows' or the lanes'.
  const zero = isInteger && operands.length > 1 && random.chance(50) ? random.below(2) : undefined;
  const [left, right] = [s.operands, s.operands + 1].map((slot, i) => (i === zero ? s.results : slot)) as [
    number,
    number,
  ];
  const centre =
    zero === undefined ? [] : [instruction('i32.sub', s.operands + zero, s.constants + random.pick([1, 3]))];
  const product = random.chance(50) ? instruction(multiply, left, right) : instruction(multiply, right, left);
  const code = operands.length > 1 ? [...centre, product] : [];
  const value = operands.length > 1 ? s.results + code.length - 1 : s.operands;
  const step = [
    ...code,
    random.chance(50)
      ? instruction(combine, s.accumulator, value)
      : instruction(combine, value, s.accumulator),
  ];
  const clip = [
    instruction('f32.max', s.accumulator, s.constants + 1),
    instruction('f32.min', s.constants + 2, s.results),
  ];
  const post = random.pick([
    { code: [], result: 0 },
    { code: clip, result: s.results + 1 },
    { code: [instruction('f32.min', 0, s.constants)], result: s.results },
    randomCode(random, s.results, random.between(1, 6)),
  ]);
  return fitting(random, {
    kind: 'loop',
    dtype,
    shape,
    fold,
    init: random.pick([0, 0, 0, 0, 0x80000000, 0xff800000, 0x7fa00001]),
    constants,
    operands,
    step: { code: step, result: s.results + step.length - 1 },
    post,
    grain: 1,
    checkpoint: false,
  });
}

/** Makes operands over new constants or, for what is dynamic, copies of them. */
function operandsOf(random: Random, build: ProgramBuilder, dtype: DType) {
  const make = (
    dims: readonly [extent: number, terms: Terms, options?: Parameters<typeof affine>[1]][],
    fill = 0,
  ): Operand => {
    const shape = dims.map(([extent]) => extent);
    const constant = build.constant(dtype, shape, layerBytes(random, byteLengthOf({ dtype, shape })));
    const view = dims.map(([extent, terms, options]) => ({ extent, coordinate: affine(terms, options) }));
    if (random.chance(50)) return { node: constant, dtype, fill, view };
    const same = {
      node: constant,
      dtype,
      fill: 0,
      view: shape.map((extent, i) => ({ extent, coordinate: affine([[i, 1]]) })),
    };
    const s = slotsOf({ shape, fold: [], operands: [same], constants: [] });
    const copy: LoopNode = {
      kind: 'loop',
      dtype,
      shape,
      fold: [],
      init: 0,
      constants: [],
      operands: [same],
      step: { code: [], result: 0 },
      post: { code: [], result: s.operands },
      grain: 1,
      checkpoint: false,
    };
    return { node: build.node(copy), dtype, fill, view };
  };
  return make;
}

const KINDS = ['product', 'convolution', 'depthwise', 'transposed', 'pool', 'rows'] as const;

export function layerProgram(random: Random) {
  const build = new ProgramBuilder();
  const input = build.input('f32', [1]);
  const dtype = random.pick(['f32', 'f32', 'f32', 'u8', 'i8'] as const);
  const out: DType = dtype === 'f32' ? 'f32' : random.pick(['i32', 'u8', 'i8', 'f32'] as const);
  const make = operandsOf(random, build, dtype);
  const kind = random.pick(KINDS);
  const parts = (shape: number[], fold: number[], operands: Operand[]): Parts => ({
    dtype: out,
    shape,
    fold,
    operands,
  });
  const fill =
    dtype === 'f32' ? random.pick([0, 0, 0x80000000, 0x7fc00000]) : random.pick([0, 0, 100, 0xffffff80]);
  let node: Parts;
  if (kind === 'product') {
    const [b, m, n, k] = [
      random.pick([1, 1, 2, 3]),
      random.between(1, 21),
      random.between(1, 27),
      random.between(1, 25),
    ];
    const batched = random.chance(50);
    const rows = make(
      [...(batched ? [[b, [[0, 1]]] as const] : []), [m, [[1, 1]]], [k, [[3, 1]]]].map(
        (d) => d as [number, Terms],
      ),
    );
    const columns = random.chance(50)
      ? make([
          [n, [[2, 1]]],
          [k, [[3, 1]]],
        ])
      : make([
          [k, [[3, 1]]],
          [n, [[2, 1]]],
        ]);
    node = parts([b, m, n], [k], [rows, columns]);
  } else if (kind === 'rows') {
    const [m, k] = [random.between(1, 40), random.between(1, 40)];
    node = parts(
      [m],
      [k],
      [
        make([
          [m, [[0, 1]]],
          [k, [[1, 1]]],
        ]),
      ],
    );
  } else {
    const [height, width] = [random.between(1, 9), random.between(1, 12)];
    const channels = random.pick([1, 2, 3, 4, 5, 8, 12, 20, 36]);
    const filters = kind === 'depthwise' || kind === 'pool' ? channels : random.between(1, 26);
    const [kh, kw] = [random.between(1, 3), random.between(1, 5)];
    const stride = random.pick(kind === 'transposed' ? [1, 2, 2, 3] : [1, 1, 2, 3]);
    const dilation = random.pick([1, 1, 2]);
    const [top, left] = [random.below(kh), random.below(kw + 1)];
    const rows = Math.max(1, random.between(height - 2, height + 1));
    const columns = Math.max(1, random.between(width - 2, width + 2));
    // Output indices: row, column, filter; fold indices: tap row, tap column, channel.
    const isDeep = kind === 'convolution' || kind === 'transposed';
    const channel: Terms = isDeep ? [[5, 1]] : [[2, 1]];
    const scaled = (terms: Terms, by: number): Terms =>
      terms.map(([index, coefficient]) => [index, coefficient * by]);
    const [y, x]: [Terms, Terms] =
      kind === 'transposed'
        ? [
            [
              [0, 1],
              [3, -1],
            ],
            [
              [1, 1],
              [4, -1],
            ],
          ]
        : [
            [
              [0, stride],
              [3, dilation],
            ],
            [
              [1, stride],
              [4, dilation],
            ],
          ];
    const divisor = kind === 'transposed' ? stride : 1;
    const exact = divisor > 1;
    const image =
      divisor === 1 && random.chance(60)
        ? make(
            [
              [height, y, { offset: -top }],
              [width * channels, [...scaled(x, channels), ...channel], { offset: -left * channels }],
            ],
            fill,
          )
        : make(
            [
              [height, y, { offset: -top, divisor, exact }],
              [width, x, { offset: -left, divisor, exact }],
              [channels, channel],
            ],
            fill,
          );
    const filter = isDeep
      ? random.chance(50)
        ? make([
            [filters, [[2, 1]]],
            [
              kh * kw * channels,
              [
                [3, kw * channels],
                [4, channels],
                [5, 1],
              ],
            ],
          ])
        : make([
            [kh, [[3, 1]]],
            [kw, [[4, 1]]],
            [channels, [[5, 1]]],
            [filters, [[2, 1]]],
          ])
      : make([
          [filters, [[2, 1]]],
          [
            kh * kw,
            [
              [3, kw],
              [4, 1],
            ],
          ],
        ]);
    const fold = isDeep ? [kh, kw, channels] : [kh, kw];
    node = parts([rows, columns, filters], fold, kind === 'pool' ? [image] : [image, filter]);
  }
  const last = build.node(layer(random, node));
  return { ...build.finish([last, input]), inputs: [layerBytes(random, 4)] };
}
