import { expect } from 'chai';
import { fuse } from '../../src/engine/graph/fuse.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import type { Program } from '../../src/program/node.ts';
import { layerChain } from '../support/layerChain.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

const PROGRAMS = process.env['ASSAY_LONG'] ? 3_000 : 150;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

const gone = ({ nodes }: Program, before: Program): number[] =>
  nodes.flatMap((node, i) => (node !== before.nodes[i] && node.shape[0] === 0 ? [i] : []));

const MAKERS = {
  'layers with loops after them': (seed: number) => layerChain(new Random(seed)),
  'random programs': (seed: number) => randomProgram(seed, 8),
  'wide programs': (seed: number) => wideProgram(new Random(seed)),
};

describe('fusion', () => {
  let fusions = 0;
  for (const [what, make] of Object.entries(MAKERS)) {
    it(`leaves the reference's bits of every output, and of what else is asked for: ${what}`, async function () {
      this.timeout(LONG_MS);
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { program, weights, inputs } = make(seed);
        const random = new Random(seed);
        const others = program.nodes.flatMap((_, i) => (seed % 2 === 0 && random.chance(30) ? [i] : []));
        const asked = new Set([...program.outputs, ...others]);
        const lean = fuse(program, asked);
        const left = gone(lean, program);
        fusions += left.length;
        const [expected, actual] = await Promise.all(
          [program, lean].map(async (one) => (await referenceEngine.load(one, weights)).runAll(inputs)),
        );
        expected!.forEach((tensor, i) => {
          if (left.includes(i)) expect([...asked]).not.to.include(i);
          else expect(Buffer.compare(tensor, actual![i]!), `${what}, seed ${seed}, node ${i}`).to.equal(0);
        });
      }
    });
  }

  it('had something to do', () => {
    expect(fusions).to.be.greaterThan(PROGRAMS);
  });
});
