// Crowds of disputes and claims on a real node, with blocks of 12 s and clocks of a day in scaled time.
import { expect } from 'chai';
import { parseEther } from 'ethers';
import type { World } from '../../src/chain/world.ts';
import type { Terms } from '../../src/chain/types.ts';
import { provideService } from '../../src/provider/provider.ts';
import { watchService } from '../../src/watcher/watcher.ts';
import { askMany, challengeMany, claimAll, figuresOf, moveAll, seedsOfLies } from '../support/chaos/crowd.ts';
import { Rig } from '../support/chaos/rig.ts';
import { liar } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const [REQUESTER, PROVIDER, WATCHER, ADVERSARY] = [3, 1, 2, 5];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const DAY = 86_400n;
const terms: Terms = {
  ...TERMS,
  ...{ claimBondWei: parseEther('0.1'), challengeBondWei: parseEther('0.05') },
  ...{ windowSeconds: DAY, clockSeconds: DAY, patienceSeconds: DAY },
};
const COUNT = 40;

describe('attack 48: crowds', function () {
  this.timeout(120_000);
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start({ blockMs: 600 });
  });
  afterEach(() => rig.stop());

  it('many disputes on one right claim are all answered with most of the clock left', async () => {
    await askMany(rig, REQUESTER, [1], terms);
    rig.run((listen) => provideService({ contracts: rig.at(PROVIDER), runner: rig.shelf, listen }));
    await rig.until(({ claims }) => claims.size === 1);
    await challengeMany(rig, ADVERSARY, COUNT);
    const wrong = liar(rig.shelf, FAULT);
    const isWaiting = ({ disputes }: World): boolean =>
      [...disputes.values()].every(
        ({ view }) => view.position.phase === 'Interval' || view.position.phase === 'Element',
      );
    for (
      let world = await rig.world();
      !isWaiting(world) || world.disputes.size < COUNT;
      world = await rig.world()
    ) {
      await moveAll(rig, world, wrong, ADVERSARY, false);
    }
    const figures = await figuresOf(rig, PROVIDER, true);
    expect(figures.disputes).to.equal(COUNT);
    expect(figures.leastClockLeft).to.be.greaterThan(0.9);
    expect(figures.mostMovesInABlock).to.be.at.least(20);
    expect(figures.transactions).to.be.lessThan(figures.moves / 4);
  });

  it('many false claims at once are all falsified with most of the clock left', async () => {
    const wrong = liar(rig.shelf, FAULT);
    await askMany(rig, REQUESTER, await seedsOfLies(rig, wrong, COUNT), terms);
    await claimAll(rig, ADVERSARY, wrong);
    rig.run((listen) => watchService({ contracts: rig.at(WATCHER), runner: rig.shelf, listen }));
    const isOver = ({ claims }: World): boolean =>
      [...claims.values()].every(({ status }) => status === 'falsified');
    for (let world = await rig.world(); !isOver(world); world = await rig.world()) {
      await moveAll(rig, world, wrong, ADVERSARY, true);
    }
    const figures = await figuresOf(rig, WATCHER, false);
    expect(figures.disputes, 'one bond a claim').to.equal(COUNT);
    expect(figures.leastClockLeft).to.be.greaterThan(0.9);
    // How many come in one block depends on how fast this machine is; that they travel together does not.
    expect(figures.transactions).to.be.lessThan(figures.moves);
  });
});
