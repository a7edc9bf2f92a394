import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { watchedGpu } from '../support/gpu/faultyGpu.ts';
import {
  blockProduct,
  byteProduct,
  convolution,
  floatProduct,
  type ProductCase,
} from '../support/gpu/products.ts';
import { deviceOrSkip, engineOn, onDevice } from '../support/gpu/stage.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';

/** Cases of each kind. */
const CASES = process.env['ASSAY_LONG'] ? 150 : 6;

/** Extents around those of tiles. */
const ROWS = [1, 2, 5, 8, 9, 31, 33, 70, 130];
const STEPS = [4, 5, 16, 17, 63, 64, 100];
const LANES = [2, 7, 32, 33, 65, 129];

describe('products in tiles on a GPU', function () {
  this.timeout(1_800_000);
  const texts: string[] = [];
  let stage: ReturnType<typeof engineOn>;

  before(async function () {
    const { gpu, watched } = watchedGpu(await deviceOrSkip(this));
    watched.liberty = (text) => {
      texts.push(text);
      return text;
    };
    stage = engineOn(gpu);
  });

  /** Fails unless a device gives a product the bits of the CPU. */
  async function compare({ program, weights, inputs }: ProductCase, what: string): Promise<void> {
    const cpu = await wasmEngine.load(program, weights);
    const [expected] = await cpu.run(inputs);
    const session = await onDevice(stage.engine, program, weights);
    const [found] = await session.run(inputs);
    const at = found!.bytes.findIndex((byte, i) => byte !== expected!.bytes[i]);
    expect(at, `${what}: byte that differs`).to.equal(-1);
    await Promise.all([cpu.close(), session.close()]);
  }

  beforeEach(() => {
    texts.length = 0;
  });

  afterEach(() => {
    expect(texts.filter((text) => text.includes('row_panel')).length).to.be.at.least(1);
    expect(stage.lines).to.deep.equal([]);
  });

  const randoms = (seed: number): Random[] => Array.from({ length: CASES }, (_, i) => new Random(seed + i));

  it('gives products of floats the bits of the CPU, at all edges', async () => {
    for (const random of randoms(100)) {
      const shape = {
        batches: random.pick([1, 1, 3]),
        rows: random.pick(ROWS),
        steps: random.pick(STEPS),
        lanes: random.pick(LANES),
        isTransposed: random.chance(50),
        isConstant: random.chance(50),
        special: random.pick([0, 0, 1, 20]),
      };
      await compare(floatProduct(random, shape), JSON.stringify(shape));
    }
  });

  it('computes totals again that may be subnormal, and only those', async () => {
    const [rows, steps, lanes] = [40, 64, 36];
    const build = new ProgramBuilder();
    const [x, y] = [build.input('f32', [rows, steps]), build.input('f32', [steps, lanes])];
    build.node(matMul(x, y, rows, steps, lanes));
    const { program, weights } = build.finish();
    const tiny = (count: number, isTiny: (i: number) => boolean, least: number) =>
      f32Bytes(Array.from({ length: count }, (_, i) => (isTiny(i) ? least : 1 + i / 1024)));
    const inputs = [
      tiny(rows * steps, (i) => Math.floor(i / steps) === 3, 2 ** -80),
      tiny(steps * lanes, (i) => i % lanes === 5, 2 ** -60),
    ];
    await compare({ program, weights, inputs }, 'tiny');
    const session = await onDevice(stage.engine, program, weights);
    await session.run(inputs);
    expect([...(await session.doubts()).values()]).to.deep.equal([1]);
    await session.close();
  });

  it('gives large products the bits of the CPU, in each size of tile', async () => {
    for (const [rows, lanes, special] of [
      [1030, 2080, 1],
      [520, 2080, 0],
    ] as const) {
      const shape = {
        batches: 1,
        rows,
        steps: 18,
        lanes,
        isTransposed: special > 0,
        isConstant: true,
        special,
      };
      await compare(floatProduct(new Random(rows), shape), JSON.stringify(shape));
    }
  });

  it('gives convolutions the bits of the CPU, with padding and strides', async () => {
    for (const random of randoms(200)) {
      const shape = {
        images: random.pick([1, 2]),
        channels: random.pick([1, 3, 4, 8]),
        filters: random.pick([2, 9, 33]),
        size: [random.between(5, 12), random.between(5, 12)] as const,
        kernel: random.pick([1, 2, 3, 5]),
        stride: random.pick([1, 2]),
        pad: random.pick([0, 1, 2]),
        special: random.pick([0, 0, 1, 10]),
      };
      await compare(convolution(random, shape), JSON.stringify(shape));
    }
  });

  it('gives products of bytes and of 4-bit weights the bits of the CPU', async () => {
    for (const random of randoms(300)) {
      const shape = {
        rows: random.pick(ROWS),
        steps: random.pick(STEPS),
        lanes: random.pick([4, 8, 36, 132]),
        isTransposed: random.chance(60),
        dtype: random.pick(['i32', 'i8'] as const),
        isNibbles: random.chance(40),
      };
      await compare(byteProduct(random, shape), JSON.stringify(shape));
    }
  });

  it('gives products by blocks of 4 bits with a scale the bits of the CPU', async () => {
    for (const random of randoms(400)) {
      const [rows, blocks, lanes] = [random.pick(ROWS), random.between(1, 4), random.pick(LANES)];
      await compare(blockProduct(random, rows, blocks, lanes), JSON.stringify([rows, blocks, lanes]));
    }
  });
});
