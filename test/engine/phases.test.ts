import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { runInParts } from '../support/phases.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

/** Loops of random programs. */
const NESTS = process.env['ASSAY_LONG'] ? 12_000 : 400;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

const MAKERS = {
  'random programs': (seed: number) => randomProgram(seed, 8),
  'products, windows, gathers and wide rows': (seed: number) => wideProgram(new Random(seed)),
};

describe('phases of a node', () => {
  for (const [what, make] of Object.entries(MAKERS)) {
    it(`give the bits of the reference in any parts and order: ${what}`, async function () {
      this.timeout(LONG_MS);
      let nests = 0;
      for (let seed = 100_001; nests < NESTS; seed++) {
        const made = make(seed);
        const expected = await (await referenceEngine.load(made.program, made.weights)).runAll(made.inputs);
        const given = await runInParts(made, made.inputs, new Random(seed));
        const differing = expected.findIndex((tensor, i) => Buffer.compare(tensor, given[i]!) !== 0);
        if (differing >= 0) {
          const node = JSON.stringify(made.program.nodes[differing]);
          expect.fail(`${what}, seed ${seed}: node ${differing} differs: ${node}`);
        }
        nests += made.program.nodes.filter(({ kind }) => kind === 'loop').length;
      }
    });
  }
});
