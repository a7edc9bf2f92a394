import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { layerProgram } from '../support/layerProgram.ts';
import { runInParts } from '../support/phases.ts';
import { matMul, ProgramBuilder } from '../support/programs.ts';
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
  /in pairs/,
  /interleaved/,
  /in panels/,
];

type Made = ReturnType<typeof layerProgram>;

/** Fails unless a program's phases, run in any parts, give every tensor the reference's bytes. */
async function expectSameInParts(made: Made, seed: number, what: string, ways: Set<RegExp>) {
  const expected = await (await referenceEngine.load(made.program, made.weights)).runAll(made.inputs);
  const given = await runInParts(made, made.inputs, new Random(seed), ({ label }) => {
    for (const way of WAYS) if (way.test(label)) ways.add(way);
  });
  const differing = expected.findIndex((tensor, i) => Buffer.compare(tensor, given[i]!) !== 0);
  if (differing < 0) return;
  expect.fail(
    `${what}, seed ${seed}: node ${differing} differs: ${JSON.stringify(made.program.nodes[differing])}`,
  );
}

describe('phases of a node', () => {
  const ways = new Set<RegExp>();

  for (const [what, make] of Object.entries(MAKERS)) {
    it(`give the bits of the reference in any parts and order: ${what}`, async function () {
      this.timeout(LONG_MS);
      let nests = 0;
      for (let seed = 100_001; nests < NESTS; seed++) {
        const made = make(seed);
        await expectSameInParts(made, seed, what, ways);
        nests += made.program.nodes.filter(({ kind }) => kind === 'loop').length;
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
    const known = build.constant('f32', [k, n], random.bytes(4 * k * n));
    const asked = build.input('f32', [k, n]);
    for (const b of [known, asked]) build.node(matMul(a, b, m, k, n));
    const made = { ...build.finish(), inputs: [random.bytes(4 * m * k), random.bytes(4 * k * n)] };
    const labels: string[] = [];
    const given = await runInParts(made, made.inputs, random, ({ label }) => labels.push(label));
    expect(labels[0]).to.match(/2 blocks, 1 packed/);
    expect(labels[1]).to.match(/2 blocks, 1 in panels/);
    const expected = await (await referenceEngine.load(made.program, made.weights)).runAll(made.inputs);
    expected.forEach((tensor, i) => {
      expect(Buffer.compare(given[i]!, tensor), `node ${i}`).to.equal(0);
    });
  });
});
