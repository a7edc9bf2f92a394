import {
  affine,
  f32Bytes,
  i32Bytes,
  instruction,
  loop,
  ProgramBuilder,
  sameShape,
  view,
} from '../support/programs.ts';

const f32Word = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;

/**
 * A program of small nodes that together use everything a node can do: padding, stride, dilation, transposed (exact)
 * and floored coordinates, gathers, folds of rank 0 to 3, an empty fold, an empty tensor, a scalar, every dtype,
 * operands read by step, by post and by both, a tensor read twice.
 */
export function tinyProgram() {
  const b = new ProgramBuilder();
  const wave = (count: number, scale: number) =>
    f32Bytes(Array.from({ length: count }, (_, i) => Math.fround(Math.sin(3 * i + 1) * scale)));

  const image = b.input('f32', [2, 5, 5]);
  const bytes = b.input('i8', [70]);
  const kernel = b.constant('f32', [3, 2, 3, 3], wave(54, 2));
  const bias = b.constant('f32', [3], wave(3, 1));
  const indices = b.constant('i32', [6], i32Bytes([0, 2, -1, 7, 1, -0x80000000]));
  const octets = b.constant(
    'u8',
    [257],
    Uint8Array.from({ length: 257 }, (_, i) => (i * 37) & 255),
  );

  // Convolution: 3x3, padding 1, stride 2, dilation 1; fold (channel, y, x).
  const convolution = b.node(
    loop({
      dtype: 'f32',
      shape: [3, 3, 3],
      fold: [2, 3, 3],
      grain: 7,
      operands: [
        {
          node: image,
          dtype: 'f32',
          fill: 0,
          view: [
            view(2, 3),
            {
              extent: 5,
              coordinate: affine(
                [
                  [1, 2],
                  [4, 1],
                ],
                { offset: -1 },
              ),
            },
            {
              extent: 5,
              coordinate: affine(
                [
                  [2, 2],
                  [5, 1],
                ],
                { offset: -1 },
              ),
            },
          ],
        },
        { node: kernel, dtype: 'f32', fill: 0, view: [view(3, 0), view(2, 3), view(3, 4), view(3, 5)] },
        { node: bias, dtype: 'f32', fill: 0, view: [view(3, 0)] },
      ],
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.add', s.accumulator, s.results),
      ],
      post: (s) => [
        instruction('f32.add', s.accumulator, s.operands + 2),
        instruction('f32.max', s.results, s.constants),
      ],
      constants: [0],
    }),
  );
  // Maximum over a 2x2 window with stride 1, outside is minus infinity.
  const pooled = b.node(
    loop({
      dtype: 'f32',
      shape: [3, 3, 3],
      fold: [2, 2],
      grain: 3,
      init: 0xff800000,
      operands: [
        {
          node: convolution,
          dtype: 'f32',
          fill: 0xff800000,
          view: [
            view(3, 0),
            {
              extent: 3,
              coordinate: affine([
                [1, 1],
                [3, 1],
              ]),
            },
            {
              extent: 3,
              coordinate: affine([
                [2, 1],
                [4, 1],
              ]),
            },
          ],
        },
      ],
      step: (s) => [instruction('f32.max', s.accumulator, s.operands)],
    }),
  );
  // Transposed, stride 2: only exact quotients count. The same tensor through two views.
  const transposed = b.node(
    loop({
      dtype: 'f32',
      shape: [7],
      fold: [4],
      grain: 3,
      operands: [
        {
          node: pooled,
          dtype: 'f32',
          fill: f32Word(0.5),
          view: [
            {
              extent: 27,
              coordinate: affine(
                [
                  [0, 1],
                  [1, -1],
                ],
                { divisor: 2, exact: true },
              ),
            },
          ],
        },
        {
          node: pooled,
          dtype: 'f32',
          fill: 0,
          view: [
            {
              extent: 27,
              coordinate: affine([
                [0, 3],
                [1, 1],
              ]),
            },
          ],
        },
      ],
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.sub', s.accumulator, s.results),
      ],
    }),
  );
  // Nearest resize: floored coordinates, below zero too.
  const resized = b.node(
    loop({
      dtype: 'f32',
      shape: [9],
      fold: [3],
      grain: 2,
      operands: [
        {
          node: transposed,
          dtype: 'f32',
          fill: f32Word(-1),
          view: [
            {
              extent: 7,
              coordinate: affine(
                [
                  [0, 2],
                  [1, 1],
                ],
                { offset: -2, divisor: 3 },
              ),
            },
          ],
        },
      ],
      step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
    }),
  );
  // Gather rows of the kernel; indices are negative and too large as well. Folded, and the last fold index moves two
  // coordinates: a diagonal.
  const gathered = b.node(
    loop({
      dtype: 'f32',
      shape: [6],
      fold: [3],
      grain: 2,
      operands: [
        { node: indices, dtype: 'i32', fill: 0, view: [view(6, 0)] },
        {
          node: kernel,
          dtype: 'f32',
          fill: f32Word(100),
          view: [
            { extent: 3, coordinate: { kind: 'gathered', operand: 0 } },
            { extent: 2, coordinate: affine([]) },
            view(3, 1),
            view(3, 1),
          ],
        },
      ],
      step: (s) => [instruction('f32.add', s.accumulator, s.operands + 1)],
    }),
  );
  // i8: a reduction that wraps, over the input and a byte constant; an operand that step and post share.
  const summed = b.node(
    loop({
      dtype: 'i8',
      shape: [2, 3],
      fold: [35],
      grain: 16,
      init: 5,
      operands: [
        { node: bytes, dtype: 'i8', fill: 0, view: [view(2, 0), view(35, 2)] },
        {
          node: octets,
          dtype: 'u8',
          fill: 9,
          view: [
            {
              extent: 257,
              coordinate: affine([
                [1, 100],
                [2, 3],
              ]),
            },
          ],
        },
        {
          node: octets,
          dtype: 'u8',
          fill: 0,
          view: [{ extent: 257, coordinate: affine([[0, 255]], { offset: 1 }) }],
        },
      ],
      step: (s) => [
        instruction('i32.mul', s.operands, s.operands + 1),
        instruction('i32.add', s.accumulator, s.results),
        instruction('i32.xor', s.results + 1, s.operands + 2),
      ],
      post: (s) => [instruction('i32.sub', s.accumulator, s.operands + 2)],
    }),
  );
  // u8 from i8: what is negative is loaded sign-extended, and stored by its low byte.
  b.node(
    loop({
      dtype: 'u8',
      shape: [6],
      operands: [{ node: summed, dtype: 'i8', fill: 0, view: [view(6, 0)] }],
      step: (s) => [instruction('i32.shr_s', s.operands, s.constants)],
      constants: [1],
    }),
  );
  // Elementwise exp by its series, with the loop's indices as operands: (1 + x/64)^64, plus the index.
  b.node(
    loop({
      dtype: 'f32',
      shape: [3, 3],
      constants: [f32Word(1 / 64), f32Word(1)],
      operands: [sameShape(resized, 'f32', [3, 3])],
      post: (s) => [
        instruction('f32.mul', s.operands, s.constants),
        instruction('f32.add', s.results, s.constants + 1),
        ...[1, 2, 3, 4, 5, 6].map((i) => instruction('f32.mul', s.results + i, s.results + i)),
        instruction('f32.from_i32', s.outputIndices + 1),
        instruction('f32.add', s.results + 7, s.results + 8),
      ],
    }),
  );
  // Arg-max over the fold with select: the fold index is a word.
  b.node(
    loop({
      dtype: 'i32',
      shape: [],
      fold: [9],
      grain: 4,
      init: 0,
      operands: [
        { node: resized, dtype: 'f32', fill: 0, view: [view(9, 0)] },
        { node: resized, dtype: 'f32', fill: 0, view: [{ extent: 9, coordinate: affine([]) }] },
      ],
      step: (s) => [
        instruction('f32.lt', s.operands + 1, s.operands),
        instruction('select', s.results, s.foldIndices, s.accumulator),
      ],
    }),
  );
  // A fold without steps: post of the initial word.
  const noSteps = b.node(
    loop({
      dtype: 'f32',
      shape: [2],
      fold: [3, 0],
      init: f32Word(2),
      operands: [
        { node: gathered, dtype: 'f32', fill: 0, view: [{ extent: 6, coordinate: affine([[0, 5]]) }] },
      ],
      post: (s) => [instruction('f32.div', s.accumulator, s.operands)],
    }),
  );
  // An empty tensor, and a sum over it.
  const empty = b.node(loop({ dtype: 'f32', shape: [0, 4], operands: [] }));
  b.node(
    loop({
      dtype: 'f32',
      shape: [4],
      fold: [0],
      operands: [{ node: empty, dtype: 'f32', fill: 0, view: [view(0, 1), view(4, 0)] }],
      step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
    }),
  );
  // A copy without code: every bit of a NaN's payload stays.
  const copied = b.node(
    loop({
      dtype: 'f32',
      shape: [2],
      constants: [0x7fa00001],
      operands: [sameShape(noSteps, 'f32', [2])],
      post: (s) => [instruction('select', s.outputIndices, s.operands, s.constants)],
    }),
  );
  // Broadcasting of a scalar, reversed order.
  const scalar = b.constant('f32', [], f32Bytes([1.5]));
  b.node(
    loop({
      dtype: 'f32',
      shape: [2, 70],
      operands: [
        {
          node: copied,
          dtype: 'f32',
          fill: 0,
          view: [{ extent: 2, coordinate: affine([[0, -1]], { offset: 1 }) }],
        },
        { node: scalar, dtype: 'f32', fill: 0, view: [] },
        {
          node: bytes,
          dtype: 'i8',
          fill: 0,
          view: [{ extent: 70, coordinate: affine([[1, -1]], { offset: 69 }) }],
        },
      ],
      post: (s) => [
        instruction('f32.from_i32', s.operands + 2),
        instruction('f32.mul', s.results, s.operands + 1),
        instruction('f32.min', s.results + 1, s.operands),
      ],
    }),
  );
  return b.finish();
}

export const tinyInputs = (): Uint8Array[] => [
  f32Bytes(Array.from({ length: 50 }, (_, i) => Math.fround(Math.cos(5 * i) * 3))),
  Uint8Array.from({ length: 70 }, (_, i) => (i * 29 + 7) & 255),
];
