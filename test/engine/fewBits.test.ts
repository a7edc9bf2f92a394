import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { runLoop } from '../../src/engine/reference/runLoop.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import type { LoopNode } from '../../src/program/node.ts';
import { blockProduct, integerProduct, scaledProduct } from '../support/fewBits.ts';
import { runInParts } from '../support/phases.ts';
import { Random } from '../support/randomProgram.ts';

const SIZES = [1, 2, 9].flatMap((rows) =>
  [1, 7, 8, 16, 30, 40, 64].flatMap((steps) =>
    [1, 4, 5, 16, 35].map((columns) => ({ rows, steps, columns })),
  ),
);

type Runnable = ReturnType<typeof integerProduct>;

/** Fails unless the node has the reference's bits. @returns how it was planned */
async function expectSame(runnable: Runnable, seed: number, what: string): Promise<string> {
  const { program, weights, inputs, product } = runnable;
  const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
  let label = '';
  const actual = await runInParts(runnable, inputs, new Random(seed), (plan) => {
    label = plan.label;
  });
  expect(hexOf(actual[product]!), what).to.equal(hexOf(expected[product]!));
  return label;
}

describe('weights of 4 bits', () => {
  it('times bytes give the bits of the reference, at any size and of any signs', async () => {
    const random = new Random(21);
    for (const size of SIZES) {
      for (const types of [
        ['i8', 'i8'],
        ['u8', 'i8'],
        ['i8', 'u8'],
        ['u8', 'u8'],
      ] as const) {
        const what = `${types} ${JSON.stringify(size)}`;
        const label = await expectSame(integerProduct(random, types, size), size.steps, what);
        // Four pairs make a word, of which the last may be half full; a single column has no lanes.
        const isWhole = Math.ceil(size.steps / 2) % 4 === 0;
        if (size.columns > 1) expect(label.includes('in words'), `${what}: ${label}`).to.equal(isWhole);
      }
    }
  });

  it('by blocks, each with a factor, times bytes give the bits of the reference', async () => {
    const random = new Random(25);
    for (const size of SIZES) {
      for (const types of [
        ['i8', 'i8', 'u8'],
        ['u8', 'u8', 'i8'],
      ] as const) {
        for (const blocks of [2, 4, 5].filter((count) => size.steps % count === 0)) {
          const what = `${types} ${JSON.stringify(size)} in ${blocks}`;
          const label = await expectSame(blockProduct(random, types, size, blocks), blocks, what);
          const steps = size.steps / blocks;
          const isWhole = steps > 1 && Math.ceil(steps / 2) % 4 === 0;
          if (size.columns > 1) expect(label.includes('in words'), `${what}: ${label}`).to.equal(isWhole);
        }
      }
    }
  });

  it('give the bits of the reference where their many rows come in bands', async () => {
    const random = new Random(26);
    const size = { rows: 300, steps: 576, columns: 16 };
    const types = ['i8', 'u8', 'i8'] as const;
    for (const runnable of [
      integerProduct(random, ['i8', 'u8'], size),
      blockProduct(random, types, size, 18),
    ]) {
      const label = await expectSame(runnable, 26, 'many rows');
      expect(label).to.include('in words').and.to.include('in bands');
    }
  });

  it('times floats give the bits of the reference, with NaN, infinities and zeros', async () => {
    const random = new Random(22);
    for (const size of SIZES) {
      for (const dtype of ['i8', 'u8'] as const) {
        for (const blocks of [1, 2, 5].filter((count) => size.steps % count === 0)) {
          const what = `${dtype} ${JSON.stringify(size)} in ${blocks}`;
          const label = await expectSame(scaledProduct(random, dtype, size, blocks), blocks, what);
          const isWhole = (size.steps / blocks) % 8 === 0;
          if (size.columns > 1) expect(label.includes('in words'), what).to.equal(isWhole && size.rows === 1);
        }
      }
    }
  });

  it('are not taken where one element needs more', async () => {
    const random = new Random(23);
    const size = { rows: 1, steps: 64, columns: 20 };
    for (const [dtype, wide] of [
      ['i8', 8],
      ['i8', 256 - 9],
      ['u8', 16],
    ] as const) {
      const weights = new Uint8Array(size.steps * size.columns).fill(3);
      weights[77] = wide;
      const runnable = scaledProduct(random, dtype, size, 2, weights);
      expect(await expectSame(runnable, 1, dtype)).not.to.include('in words');
    }
  });

  it('may be replaced by bytes when a node is run again', async () => {
    const random = new Random(24);
    for (const runnable of [
      integerProduct(random, ['i8', 'i8'], { rows: 1, steps: 64, columns: 20 }),
      scaledProduct(random, 'i8', { rows: 1, steps: 64, columns: 20 }, 2),
    ]) {
      const { program, weights, inputs, w, product } = runnable;
      const session = await wasmEngine.load(program, weights);
      const honest = await session.runAll(inputs);
      const tensors = honest.with(w, random.bytes(honest[w]!.length));
      const actual = await session.runNode(product, tensors);
      expect(hexOf(actual)).to.equal(hexOf(runLoop(program.nodes[product] as LoopNode, tensors)));
      expect(hexOf(await session.runNode(product, honest))).to.equal(hexOf(honest[product]!));
      await session.close();
    }
  });
});
