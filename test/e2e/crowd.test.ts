// Crowds of disputes and claims on a real node, with blocks of 12 s and clocks of a day in scaled time.
import { expect } from 'chai';
import { playDisputes, playLies } from '../support/chaos/playCrowd.ts';
import { Rig } from '../support/chaos/rig.ts';

const COUNT = 40;

describe('attack 48: crowds', function () {
  this.timeout(120_000);
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start({ blockMs: 600 });
  });
  afterEach(() => rig.stop());

  it('many disputes on one right claim are all answered with most of the clock left', async () => {
    const figures = await playDisputes(rig, COUNT);
    expect(figures.disputes).to.equal(COUNT);
    expect(figures.leastClockLeft).to.be.greaterThan(0.9);
    expect(figures.mostMovesInABlock).to.be.at.least(20);
    expect(figures.transactions).to.be.lessThan(figures.moves / 4);
  });

  it('many false claims at once are all falsified with most of the clock left', async () => {
    const figures = await playLies(rig, COUNT);
    expect(figures.disputes, 'one bond a claim').to.equal(COUNT);
    expect(figures.leastClockLeft).to.be.greaterThan(0.9);
    // The number in one block depends on the speed of this machine; that they travel together does not.
    expect(figures.transactions).to.be.lessThan(figures.moves);
  });
});
