import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { rungs } from '../../examples/text/rungs.ts';
import { availableOrSkip } from '../support/available.ts';
import { climb, type RungFigures } from '../support/ladder/climb.ts';

/** What `npm run text` measured, with lies at every node. */
const committed = JSON.parse(
  readFileSync(new URL('../snapshots/texts.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, RungFigures>>;

describe('the ladder of language models', () => {
  it('is climbed as far as the smallest one, with lies at a few nodes', async function () {
    this.timeout(180_000);
    const [smallest] = rungs;
    const said: string[] = [];
    const { figures, problems } = await availableOrSkip(this, () =>
      climb({ ...smallest!, nodes: 3 }, (line) => said.push(line)),
    );
    expect(problems, said.join('\n')).to.deep.equal([]);
    const most = committed[smallest!.name]!;
    expect([figures.model, figures.texts]).to.deep.equal([most.model, most.texts]);
    for (const figure of ['gas', 'leafGas', 'claimantMoves'] as const)
      expect(figures[figure], figure).to.be.at.most(most[figure]);
    // Three wrong texts besides.
    expect(figures.lies).to.equal(figures.falseChallenges + 3);
  });
});
