import { expect } from 'chai';
import { models } from '../../examples/models/index.ts';
import type { Weights } from '../../src/engine/engine.ts';
import type { Kernel } from '../../src/engine/kernel/kernel.ts';
import { printKernel } from '../../src/engine/kernel/print.ts';
import { verify } from '../../src/engine/kernel/verify.ts';
import { KernelError } from '../../src/engine/kernel/violation.ts';
import { planNode } from '../../src/engine/passes/planNode.ts';
import { printStages } from '../../src/engine/passes/stages.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { Program } from '../../src/program/node.ts';
import { availableOrSkip } from '../support/available.ts';
import { blockProduct, integerProduct, scaledProduct } from '../support/fewBits.ts';
import { layerChain } from '../support/layerChain.ts';
import { layerProgram } from '../support/layerProgram.ts';
import { affine, instruction, loop, matMul, ProgramBuilder, view } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

const PROGRAMS = process.env['ASSAY_LONG'] ? 2_000 : 60;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

/** All passes, in their order; every one of them must change some kernel. */
const PASSES = [
  'lower',
  'merge loops',
  'pair bytes',
  'group bytes',
  'factor sums',
  'pad operands',
  'choose tile',
  'pack constants',
  'pack panels',
  'choose band',
  'band scratch',
  'widen copies',
  'order loops',
  'tile loops',
  'tile fills',
  'narrow reads',
];

const CACHES = [SIMD128.cache, { block: 128, band: 64 }];

/** Verifies every kernel of a program after every pass; `seen` gets each pass that has changed a kernel. */
function verifyProgram({ nodes }: Program, weights: Weights | undefined, what: string, seen: Set<string>) {
  for (const cache of CACHES) {
    nodes.forEach((node, i) => {
      if (node.kind !== 'loop') return;
      let before: Kernel | undefined;
      planNode(node, nodes, { ...SIMD128, cache }, weights, (pass, kernel) => {
        if (pass === 'lower' || printKernel(before!) !== printKernel(kernel)) seen.add(pass);
        before = kernel;
        try {
          verify(kernel);
        } catch (error) {
          expect.fail(
            `${what}, node ${i}, after '${pass}': ${(error as Error).message}\n${printKernel(kernel)}`,
          );
        }
      });
    });
  }
}

describe('kernels between passes', () => {
  const seen = new Set<string>();
  const makers = {
    'random programs': (seed: number) => randomProgram(seed, 8),
    'products, windows, gathers and wide rows': (seed: number) => wideProgram(new Random(seed)),
    layers: (seed: number) => layerProgram(new Random(seed)),
    'layers with loops after them': (seed: number) => layerChain(new Random(seed)),
    'weights of 4 bits, times bytes': (seed: number) =>
      integerProduct(new Random(seed), ['u8', 'i8'], {
        rows: 1 + (seed % 9),
        steps: 8 * seed,
        columns: 3 * seed,
      }),
    'weights of 4 bits with a factor for each block, times bytes': (seed: number) =>
      blockProduct(
        new Random(seed),
        ['u8', 'i8', 'u8'],
        { rows: 1 + (seed % 3), steps: 8 * seed, columns: 5 * seed },
        seed,
      ),
    'weights of 4 bits, times floats': (seed: number) =>
      scaledProduct(
        new Random(seed),
        'u8',
        { rows: 1 + (seed % 3), steps: 8 * seed, columns: 5 * seed },
        seed,
      ),
  };

  for (const [what, make] of Object.entries(makers)) {
    it(`keep the rules of the representation: ${what}`, function () {
      this.timeout(LONG_MS);
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { program, weights } = make(seed);
        verifyProgram(program, weights, `${what}, seed ${seed}`, seen);
      }
    });
  }

  for (const model of models) {
    it(`keep the rules of the representation: ${model.name}`, async function () {
      this.timeout(LONG_MS);
      const bytes = await availableOrSkip(this, () => model.bytes());
      const { program, weights } = importOnnx(bytes, model.options);
      verifyProgram(program, weights, model.name, seen);
    });
  }

  it('were changed by every pass', () => {
    expect([...seen].sort()).to.deep.equal([...PASSES].sort());
  });
});

/** A padded convolution over [8, 8, 4] bytes or floats with a 3×3 filter and 16 outputs. */
function convolution(dtype: 'f32' | 'u8') {
  const [size, channels, filters] = [8, 4, 16];
  const build = new ProgramBuilder();
  const random = new Random(1);
  const x = build.input(dtype, [size, size, channels]);
  const weightType = dtype === 'f32' ? 'f32' : 'i8';
  const length = (dtype === 'f32' ? 4 : 1) * 9 * channels * filters;
  const w = build.constant(weightType, [3, 3, channels, filters], random.bytes(length));
  const along = (output: number, fold: number) => ({
    extent: size,
    coordinate: affine(
      [
        [output, 1],
        [fold, 1],
      ],
      { offset: -1 },
    ),
  });
  const number = dtype === 'f32' ? 'f32' : 'i32';
  build.node(
    loop({
      dtype: number,
      shape: [size, size, filters],
      fold: [3, 3, channels],
      operands: [
        { node: x, dtype, fill: 0, view: [along(0, 3), along(1, 4), view(channels, 5)] },
        {
          node: w,
          dtype: weightType,
          fill: 0,
          view: [view(3, 3), view(3, 4), view(channels, 5), view(filters, 2)],
        },
      ],
      step: (s) => [
        instruction(`${number}.mul`, s.operands, s.operands + 1),
        instruction(`${number}.add`, s.accumulator, s.results),
      ],
    }),
  );
  return build.finish();
}

/** The last kernel of the last node of a program. */
function finalKernel({ nodes }: Program): Kernel {
  const node = nodes.at(-1)!;
  if (node.kind !== 'loop') throw new Error('the last node is no loop');
  return planNode(node, nodes, SIMD128).kernels.at(-1)!;
}

type Fault = readonly [what: string, message: RegExp, plant: (kernel: Kernel) => Kernel];

const withAccess = (kernel: Kernel, at: number, change: Partial<Kernel['accesses'][number]>): Kernel => ({
  ...kernel,
  accesses: kernel.accesses.map((access, i) => (i === at ? { ...access, ...change } : access)),
});

const withStore = (kernel: Kernel, change: Partial<Kernel['store']['address']>): Kernel => ({
  ...kernel,
  store: { ...kernel.store, address: { ...kernel.store.address, ...change } },
});

const withFill = (kernel: Kernel, change: (fill: Kernel) => Kernel): Kernel => ({
  ...kernel,
  scratch: kernel.scratch.map((buffer) => ({ ...buffer, fill: change(buffer.fill) })),
});

const withRange = (kernel: Kernel, loop: number, change: { end?: number; step?: number }): Kernel => ({
  ...kernel,
  tiling: {
    ...kernel.tiling!,
    tiles: kernel.tiling!.tiles.map((tile) => ({
      ...tile,
      ranges: tile.ranges.map((range, i) => (i === loop ? { ...range, ...change } : range)),
    })),
  },
});

const moved = (kernel: Kernel, at: number, bytes: number): Kernel => {
  const { address } = kernel.accesses[at]!;
  return withAccess(kernel, at, { address: { ...address, constant: address.constant + bytes } });
};

const FAULTS: readonly Fault[] = [
  ['an element that is read past the end', /access 0 reads bytes/, (k) => moved(k, 0, 4)],
  ['an element that is read before the start', /access 0 reads bytes -4/, (k) => moved(k, 0, -4)],
  ['lanes that are read past the end of panels', /access 1 reads bytes/, (k) => moved(k, 1, 4)],
  [
    'a buffer that does not exist',
    /scratch buffer 7 of 1/,
    (k) => withAccess(k, 0, { source: { kind: 'scratch', buffer: 7 } }),
  ],
  [
    'a buffer that nothing reads',
    /scratch buffer 0 is not read/,
    (k) => withAccess(k, 0, { isAlwaysOutside: true, source: k.accesses[1]!.source }),
  ],
  [
    'a fill of the wrong size',
    /bytes/,
    (k) => withFill(k, (f) => ({ ...f, store: { ...f.store, bytes: 16 } })),
  ],
  [
    'a fill that reads outside its tensor',
    /fill of scratch buffer 0: access 0 reads/,
    (k) => withFill(k, (f) => withAccess(moved(f, 0, 4096), 0, { checks: [] })),
  ],
  [
    'a result that is stored over another',
    /stores over/,
    (k) => withStore(k, { coefficients: k.store.address.coefficients.map((c) => c / 2) }),
  ],
  ['a result that is stored behind the tensor', /are stored in/, (k) => withStore(k, { constant: 4 })],
  [
    'a result whose place depends on the fold',
    /depends on a fold index/,
    (k) =>
      withStore(k, { coefficients: k.store.address.coefficients.map((c, i) => (i >= k.outputs ? 4 : c)) }),
  ],
  [
    'a coefficient too few',
    /coefficients for/,
    (k) => withStore(k, { coefficients: k.store.address.coefficients.slice(1) }),
  ],
  [
    'rows that no tile covers',
    /tiles cover|do not divide/,
    (k) => withRange(k, k.tile!.rowLoop, { end: 4, step: 4 }),
  ],
  [
    'steps of the fold that are left out',
    /leaves out steps/,
    (k) => withRange(k, k.outputs, { end: 1, step: 1 }),
  ],
  [
    'steps of the fold out of order',
    /out of order/,
    (k) => ({
      ...k,
      tiling: {
        ...k.tiling!,
        tiles: k.tiling!.tiles.map((tile) => ({ ...tile, steps: [...tile.steps].reverse() })),
      },
    }),
  ],
  [
    'tiles that overlap',
    /covers what another one covers|tiles cover/,
    (k) => ({ ...k, tiling: { ...k.tiling!, tiles: [...k.tiling!.tiles, k.tiling!.tiles[0]!] } }),
  ],
  [
    'a work item too few',
    /work items/,
    (k) => ({ ...k, tiling: { ...k.tiling!, items: k.tiling!.items - 1 } }),
  ],
  [
    'an instruction that reads its own result',
    /reads a slot that is not set/,
    (k) => ({
      ...k,
      step: {
        ...k.step,
        instructions: k.step.instructions.map((one) => ({ ...one, args: one.args.map(() => k.step.result) })),
      },
    }),
  ],
  [
    'an instruction with an argument too many',
    /has 3 arguments/,
    (k) => ({
      ...k,
      step: {
        ...k.step,
        instructions: k.step.instructions.map((one) => ({ ...one, args: [...one.args, 0] })),
      },
    }),
  ],
  [
    'a result that is not computed',
    /its result is a slot that is not set/,
    (k) => ({ ...k, post: { ...k.post, result: k.post.result + 1000 } }),
  ],
  ['lanes along the fold', /lanes lie along/, (k) => ({ ...k, tile: { ...k.tile!, laneLoop: k.outputs } })],
  ['more accumulators than registers', /accumulators/, (k) => ({ ...k, tile: { ...k.tile!, rows: 64 } })],
  [
    'a packed buffer of the wrong size',
    /packed buffer 0 has/,
    (k) => ({ ...k, packed: k.packed.map((buffer) => ({ ...buffer, bytes: buffer.bytes + 16 })) }),
  ],
];

describe('the verifier of kernels', () => {
  for (const dtype of ['f32', 'u8'] as const) {
    const kernel = finalKernel(convolution(dtype).program);

    it(`passes a kernel with a scratch buffer and a packed constant: ${dtype}`, () => {
      verify(kernel);
      expect(kernel.scratch.map(({ kind }) => kind)).to.deep.equal([dtype === 'f32' ? 'padded' : 'pairs']);
      expect(kernel.packed.length).to.equal(1);
    });

    for (const [what, message, plant] of FAULTS) {
      it(`finds ${what}: ${dtype}`, () => {
        expect(() => verify(plant(kernel))).to.throw(KernelError, message);
      });
    }
  }
});

describe('stages of a node', () => {
  it('are printed one for each pass, in order', () => {
    const { program } = convolution('f32');
    const stages = printStages(program, program.nodes.length - 1, SIMD128);
    expect(stages.map(({ pass }) => pass)).to.deep.equal(PASSES);
    const [first] = stages;
    expect(first!.text).to.match(/^for i0 < 8, i1 < 8, i2 < 16\nfold k3 < 3, k4 < 3, k5 < 4\n/);
    expect(first!.text).to.match(/step: r0 = f32\.mul\(a0, a1\); r1 = f32\.add\(acc, r0\); r1/);
    expect(stages.at(-1)!.text).to.match(/scratch 0 = padded/);
  });

  it('say which node computes one that has none of its own', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [4, 8]);
    const product = build.node(matMul(x, build.constant('f32', [8, 8], new Uint8Array(256)), 4, 8, 8));
    build.node(
      loop({
        dtype: 'f32',
        shape: [32],
        operands: [{ node: product, dtype: 'f32', fill: 0, view: [view(32, 0)] }],
        post: (s) => [instruction('f32.sqrt', s.operands)],
      }),
    );
    const { program } = build.finish();
    expect(() => printStages(program, product, SIMD128)).to.throw(`computed inside node ${product + 1}`);
    expect(() => printStages(program, x, SIMD128)).to.throw('is no loop');
  });
});
