import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { examples } from '../../examples/models/examples.ts';
import { models } from '../../examples/models/index.ts';
import { availableOrSkip } from '../support/available.ts';
import { type Figures, measure } from '../support/figures/figures.ts';
import { tableOf, timesIn, withTable } from '../support/figures/table.ts';

/** DESIGN §6: small models, and those up to the size of MobileNetV2; larger ones are held to the same. */
const SMALL_MACS = 20e6;
const LIMITS = {
  small: { gas: 800_000, claimantMoves: 8 },
  large: { gas: 1_000_000, claimantMoves: 10 },
} as const;
const MOST_LEAF_GAS = 300_000;

/** All models, each with as many lies as the table tells of, take minutes. */
const LONG = process.env['ASSAY_LONG'] !== undefined;
const QUICK = [
  'Silero VAD v6',
  'boosted trees (iris)',
  'language identifier (lande)',
  'digits int8',
  'PP-OCR text recogniser, bytes',
];
const LIES = LONG ? 8 : 2;
const REGENERATE = 'if that is meant: npm run models -- --update';

const all = [...models, ...examples];
const committed = JSON.parse(
  readFileSync(new URL('../snapshots/models.json', import.meta.url), 'utf8'),
) as Record<string, Figures>;

describe('real models', () => {
  for (const model of all.filter(({ name }) => LONG || QUICK.includes(name))) {
    it(`${model.name}: lies are found where they are, within the limits of gas and answers`, async function () {
      this.timeout(LONG ? 900_000 : 180_000);
      const {
        milliseconds: _,
        problems,
        ...figures
      } = await availableOrSkip(this, () => measure(model, LIES));
      expect(problems).to.deep.equal([]);
      const limits = figures.macs <= SMALL_MACS ? LIMITS.small : LIMITS.large;
      expect(figures.lies.length, 'lies').to.be.at.least(1);
      expect(figures.gas, 'gas').to.be.within(1, limits.gas);
      expect(figures.leafGas, 'gas of the leaf').to.be.within(1, MOST_LEAF_GAS);
      expect(figures.claimantMoves, 'answers').to.be.within(1, limits.claimantMoves);
      const { nodes, macs } = figures;
      const shown = committed[model.name];
      expect({ nodes, macs }, REGENERATE).to.deep.equal({ nodes: shown?.nodes, macs: shown?.macs });
      if (LONG) expect(figures, REGENERATE).to.deep.equal(shown);
    });
  }

  it('the table in examples/README.md shows the committed figures of every model', () => {
    const text = readFileSync(new URL('../../examples/README.md', import.meta.url), 'utf8');
    expect(Object.keys(committed)).to.have.members(all.map(({ name }) => name));
    expect(withTable(text, tableOf(committed, timesIn(text))), REGENERATE).to.equal(text);
  });
});
