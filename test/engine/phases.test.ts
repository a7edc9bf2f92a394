import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { ELEMENT_BYTES } from '../../src/program/node.ts';
import { EXTREMES } from '../scalar/vectors.ts';
import { layerProgram } from '../support/layerProgram.ts';
import { runInParts } from '../support/phases.ts';
import { affine, instruction, loop, matMul, ProgramBuilder, sameShape, view } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

/** Loops of random programs. */
const NESTS = process.env['ASSAY_LONG'] ? 12_000 : 400;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

const MAKERS = {
  'random programs': (seed: number) => randomProgram(seed, 8),
  'products, windows, gathers and wide rows': (seed: number) => wideProgram(new Random(seed)),
  layers: (seed: number) => layerProgram(new Random(seed)),
};

/** Every way of computing a node that a plan can choose, as its label says. */
const WAYS = [
  /tile 1×0/,
  /tile 4×2/,
  /tile \d×3/,
  /tile 8×1/,
  /tile 1×4/,
  /steps/,
  /lanes left/,
  /packed/,
  /padded/,
  /blocks/,
  /padded, 1 in bands/,
  /in pairs, 1 in bands/,
  /in pairs/,
  /interleaved/,
  /in panels/,
];

type Runnable = ReturnType<typeof layerProgram>;

/** Fails unless a program's phases, run in any parts, give every tensor the reference's bytes. */
async function expectSameInParts(runnable: Runnable, seed: number, what: string, ways: Set<RegExp>) {
  const expected = await (await referenceEngine.load(runnable.program, runnable.weights)).runAll(
    runnable.inputs,
  );
  const seen = ({ label }: { readonly label: string }) => {
    for (const way of WAYS) if (way.test(label)) ways.add(way);
  };
  // A smaller cache makes small programs take the ways of large ones.
  const cache = seed % 3 > 0 ? { block: 128, band: 64 } : SIMD128.cache;
  const actual = await runInParts(runnable, runnable.inputs, new Random(seed), seen, 0, cache);
  const differing = expected.findIndex((tensor, i) => Buffer.compare(tensor, actual[i]!) !== 0);
  if (differing < 0) return;
  expect.fail(
    `${what}, seed ${seed}: node ${differing} differs: ${JSON.stringify(runnable.program.nodes[differing])}`,
  );
}

describe('phases of a node', () => {
  const ways = new Set<RegExp>();

  for (const [what, make] of Object.entries(MAKERS)) {
    it(`give the bits of the reference in any parts and order: ${what}`, async function () {
      this.timeout(LONG_MS);
      let nests = 0;
      for (let seed = 100_001; nests < NESTS; seed++) {
        const runnable = make(seed);
        await expectSameInParts(runnable, seed, what, ways);
        nests += runnable.program.nodes.filter(({ kind }) => kind === 'loop').length;
      }
    });
  }

  it('were computed in every way that there is', () => {
    expect(WAYS.filter((way) => !ways.has(way))).to.deep.equal([]);
  });

  it('give the bits of the reference where rows are taken in blocks', async () => {
    const build = new ProgramBuilder();
    const random = new Random(5);
    const [m, k, n] = [45, 2_100, 9];
    const a = build.input('f32', [m, k]);
    const constant = build.constant('f32', [k, n], random.bytes(4 * k * n));
    const asked = build.input('f32', [k, n]);
    for (const b of [constant, asked]) build.node(matMul(a, b, m, k, n));
    const runnable = { ...build.finish(), inputs: [random.bytes(4 * m * k), random.bytes(4 * k * n)] };
    const labels: string[] = [];
    const actual = await runInParts(runnable, runnable.inputs, random, ({ label }) => labels.push(label));
    expect(labels[0]).to.match(/2 blocks, 1 packed/);
    expect(labels[1]).to.match(/2 blocks, 1 in panels/);
    const expected = await (await referenceEngine.load(runnable.program, runnable.weights)).runAll(
      runnable.inputs,
    );
    expected.forEach((tensor, i) => {
      expect(Buffer.compare(actual[i]!, tensor), `node ${i}`).to.equal(0);
    });
  });

  it("give the reference's bits where padded operands are copied in bands", async () => {
    const random = new Random(7);
    const kinds = new Set<string>();
    for (const [dtype, [height, width, channels], kernel, stride, isMerged] of [
      ['f32', [7, 6, 8], 3, 1, false],
      ['f32', [7, 6, 8], 3, 1, true],
      ['f32', [7, 6, 20], 3, 1, true],
      ['f32', [7, 6, 36], 3, 1, false],
      ['f32', [7, 6, 36], 5, 2, true],
      ['u8', [3, 13, 4], 2, 1, true],
      ['u8', [7, 6, 8], 3, 1, true],
      ['u8', [7, 6, 20], 3, 1, false],
      ['u8', [7, 6, 38], 3, 1, true],
      ['u8', [7, 6, 60], 5, 2, true],
    ] as const) {
      const build = new ProgramBuilder();
      const bytes = ELEMENT_BYTES[dtype] * height * width * channels;
      const x = build.input(dtype, [height * width * channels]);
      const row = {
        extent: height,
        coordinate: affine(
          [
            [0, stride],
            [3, 1],
          ],
          { offset: -1 },
        ),
      };
      const column = (by: number) =>
        affine([[1, stride * by], [4, by], ...(by > 1 ? [[2, 1] as const] : [])], { offset: -by });
      const image = isMerged
        ? [row, { extent: width * channels, coordinate: column(channels) }]
        : [row, { extent: width, coordinate: column(1) }, view(channels, 2)];
      const shape = [Math.ceil(height / stride), Math.ceil(width / stride), channels];
      const taps = build.constant('f32', [kernel ** 2, channels], random.bytes(4 * kernel ** 2 * channels));
      build.node(
        loop({
          dtype: dtype === 'f32' ? 'f32' : 'i32',
          shape,
          fold: [kernel, kernel],
          operands: [
            { node: x, dtype, fill: dtype === 'f32' ? 0x3f800000 : 200, view: image },
            {
              node: taps,
              dtype: 'f32',
              fill: 0,
              view: [
                {
                  extent: kernel ** 2,
                  coordinate: affine([
                    [3, kernel],
                    [4, 1],
                  ]),
                },
                view(channels, 2),
              ],
            },
          ],
          step: (s) => [
            instruction(dtype === 'f32' ? 'f32.mul' : 'i32.mul', s.operands, s.operands + 1),
            instruction(dtype === 'f32' ? 'f32.add' : 'i32.add', s.accumulator, s.results),
          ],
        }),
      );
      const runnable = { ...build.finish(), inputs: [random.bytes(bytes)] };
      const [expected] = (
        await (await referenceEngine.load(runnable.program, runnable.weights)).runAll(runnable.inputs)
      ).slice(-1);
      for (const band of [64, bytes]) {
        const labels: string[] = [];
        const seen = ({ label }: { readonly label: string }) => labels.push(label);
        const actual = await runInParts(runnable, runnable.inputs, random, seen, 0, {
          ...SIMD128.cache,
          band,
        });
        expect(labels[0]).to.match(/blocks.*1 in bands/);
        // The loop that bands are of is the outermost.
        kinds.add(labels[0]!.startsWith(`loops ${channels}×`) ? 'lanes' : 'rows');
        expect(Buffer.compare(actual.at(-1)!, expected!), labels[0]).to.equal(0);
      }
    }
    expect([...kinds].sort()).to.deep.equal(['lanes', 'rows']);
  });

  it('clamp every extreme word as the reference does, by bounds of every kind', async () => {
    const build = new ProgramBuilder();
    const words = Uint32Array.from(EXTREMES);
    const x = build.input('f32', [words.length]);
    for (const bound of EXTREMES) {
      for (const name of ['f32.max', 'f32.min'] as const) {
        build.node(
          loop({
            dtype: 'f32',
            shape: [words.length],
            operands: [sameShape(x, 'f32', [words.length])],
            constants: [bound],
            post: (s) => [instruction(name, s.operands, s.constants)],
          }),
        );
      }
    }
    await expectSameInParts(
      { ...build.finish(), inputs: [new Uint8Array(words.buffer)] },
      1,
      'clamp',
      new Set(),
    );
  });

  it('fold bytes in pairs, odd numbers of them too', async () => {
    const random = new Random(11);
    for (const [m, k, n] of [
      [9, 7, 11],
      [4, 8, 8],
      [5, 1, 4],
      [8, 3, 13],
      [1, 2, 4],
      [1, 7, 5],
      [1, 24, 16],
      [1, 33, 67],
      [1, 1, 9],
    ] as const) {
      const build = new ProgramBuilder();
      const a = build.input('u8', [m, k]);
      const b = build.constant('i8', [n, k], random.bytes(n * k));
      build.node(
        loop({
          dtype: 'i32',
          shape: [m, n],
          fold: [k],
          constants: [128],
          operands: [
            { node: a, dtype: 'u8', fill: 0, view: [view(m, 0), view(k, 2)] },
            { node: b, dtype: 'i8', fill: 0, view: [view(n, 1), view(k, 2)] },
          ],
          step: (s) => [
            instruction('i32.sub', s.operands, s.constants),
            instruction('i32.mul', s.results, s.operands + 1),
            instruction('i32.add', s.accumulator, s.results + 1),
          ],
        }),
      );
      const runnable = { ...build.finish(), inputs: [random.bytes(m * k)] };
      const ways = new Set<RegExp>();
      await expectSameInParts(runnable, k, `${m}×${k}×${n}`, ways);
      expect([...ways].some((way) => way.source === 'in pairs')).to.equal(k > 1);
    }
  });

  it('fold one row of bytes in pairs, the extremes of all types too', async () => {
    const [k, n] = [64, 23];
    for (const a of ['u8', 'i8'] as const) {
      for (const b of ['u8', 'i8'] as const) {
        for (const [low, high] of [
          [0, 0],
          [127, 128],
          [128, 128],
          [255, 255],
        ] as const) {
          const build = new ProgramBuilder();
          const x = build.input(a, [k]);
          const w = build.constant(b, [k, n], new Uint8Array(k * n).fill(high));
          build.node(
            loop({
              dtype: 'i32',
              shape: [n],
              fold: [k],
              init: 2 ** 31 - 5,
              operands: [
                { node: x, dtype: a, fill: 0, view: [view(k, 1)] },
                { node: w, dtype: b, fill: 0, view: [view(k, 1), view(n, 0)] },
              ],
              step: (s) => [
                instruction('i32.mul', s.operands, s.operands + 1),
                instruction('i32.add', s.accumulator, s.results),
              ],
            }),
          );
          const ways = new Set<RegExp>();
          const runnable = { ...build.finish(), inputs: [new Uint8Array(k).fill(low)] };
          await expectSameInParts(runnable, 1, `${a} ${low} × ${b} ${high}`, ways);
          expect([...ways].map(({ source }) => source)).to.include('in pairs');
        }
      }
    }
  });

  it('leave out of a transposed convolution what adds nothing', async () => {
    const random = new Random(12);
    // With one filter the outputs that follow each other would be of different loops.
    for (const [filters, strides] of [
      [6, [2, 3, 4]],
      [1, [2, 3]],
    ] as const) {
      for (const stride of strides) {
        for (const kernel of [1, 2, 3, 5]) {
          const [size, channels, pad] = [5, 3, random.below(kernel)];
          const build = new ProgramBuilder();
          const values = (count: number) =>
            new Uint8Array(Float32Array.from({ length: count }, () => random.below(64) / 8 - 4).buffer);
          const x = build.input('f32', [size, channels]);
          const w = build.constant('f32', [kernel, channels, filters], values(kernel * channels * filters));
          const outputs = size * stride + random.below(3);
          const sign = random.pick([1, -1]);
          build.node(
            loop({
              dtype: 'f32',
              shape: [outputs, filters],
              fold: [kernel, channels],
              operands: [
                {
                  node: x,
                  dtype: 'f32',
                  fill: 0,
                  view: [
                    {
                      extent: size,
                      coordinate: affine(
                        [
                          [0, 1],
                          [2, sign],
                        ],
                        { offset: -pad, divisor: stride, exact: true },
                      ),
                    },
                    view(channels, 3),
                  ],
                },
                {
                  node: w,
                  dtype: 'f32',
                  fill: 0,
                  view: [view(kernel, 2), view(channels, 3), view(filters, 1)],
                },
              ],
              step: (s) => [
                instruction('f32.mul', s.operands, s.operands + 1),
                instruction('f32.add', s.accumulator, s.results),
              ],
            }),
          );
          const ways = new Set<RegExp>();
          const runnable = { ...build.finish(), inputs: [values(size * channels)] };
          await expectSameInParts(
            runnable,
            stride,
            `${filters} filters, stride ${stride}, kernel ${kernel}`,
            ways,
          );
          expect([...ways].some((way) => way.source === 'interleaved')).to.equal(filters > 1);
        }
      }
    }
  });
});
