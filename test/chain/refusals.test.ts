// Tests how the sender reacts to nodes that refuse a transaction, and to nodes that do not answer.
import { expect } from 'chai';
import { dueNamed } from '../support/chaos/pool.ts';
import { memory, numbered, scene } from '../support/chaos/sender.ts';

const GWEI = 10n ** 9n;

/** More than the gas limit for one call that takes 50,000, and less than the limit for 100,000. */
const MOST_GAS = 120_000n;

describe('transactions that are not taken', () => {
  it('keeps its nonces while nobody answers what it sends', async () => {
    for (const muteness of ['lost', 'taken'] as const) {
      const s = scene();
      const dues = numbered(4, () => ({ deadline: 900n }));
      s.chain.room = 0;
      s.chain.muteness = muteness;
      for (let i = 0; i < 5; i++) await s.turn(dues);
      s.chain.muteness = undefined;
      s.chain.room = 100;
      for (let i = 0; i < 2; i++) await s.turn(dues);
      expect(s.chain.applied, muteness).to.deep.equal(['call0', 'call1', 'call2', 'call3']);
      expect((await s.chain.look()).used, `${muteness}: nothing besides`).to.equal(4);
    }
  });

  it('leaves in its nonce what the pool has, though nobody says so', async () => {
    const s = scene();
    s.chain.room = 0;
    s.chain.muteness = 'taken';
    s.chain.isForgetful = true;
    await s.turn(numbered(2));
    s.chain.muteness = undefined;
    for (let i = 0; i < 8; i++) await s.turn(numbered(2));
    expect(s.chain.pooled.map(({ calls }) => calls)).to.deep.equal([['call0'], ['call1']]);
  });

  describe('refused for what is in it, whatever the price', () => {
    it('is made anew in its nonce, no dearer, with others behind it', async () => {
      const s = scene();
      const dues = numbered(3, () => ({ deadline: 500n }));
      s.chain.gas = 100_000n;
      s.chain.mostGas = MOST_GAS;
      s.chain.room = 0;
      for (let i = 0; i < 6; i++) await s.turn(dues);
      expect(s.chain.pooled).to.deep.equal([]);
      s.chain.gas = 50_000n;
      s.chain.room = 100;
      for (let i = 0; i < 20; i++) await s.turn(dues);
      expect(s.chain.applied.toSorted()).to.deep.equal(['call0', 'call1', 'call2']);
      expect(
        s.tips().every((tip) => tip <= GWEI),
        `${s.tips()}`,
      ).to.equal(true);
    });

    it('is taken apart if it carries several', async () => {
      const s = scene();
      // All calls together may cost more than this, and each of them less.
      s.chain.mostCostWei = 2n * 50_000n * 100n * GWEI;
      s.chain.baseFeeWei = 60n * GWEI;
      const dues = numbered(32, () => ({ group: 'game', deadline: 600n }));
      for (let i = 0; i < 12; i++) await s.turn(dues);
      expect(s.chain.applied).to.have.length(32);
      expect(new Set(s.chain.applied).size).to.equal(32);
    });

    it('is tried call by call, so that one holds up no others', async () => {
      for (const count of [2, 8]) {
        const s = scene();
        s.chain.barred.add('call0');
        const dues = numbered(count, () => ({ group: 'game', deadline: 900n }));
        for (let i = 0; i < 60; i++) await s.turn(dues);
        expect(s.chain.applied).to.have.length(count - 1);
      }
    });

    it('is taken apart although some of it is not due any more', async () => {
      const s = scene();
      const [a, b] = numbered(2, () => ({ group: 'game', deadline: 600n }));
      s.chain.mostGas = MOST_GAS;
      await s.turn([a!, b!]);
      for (let i = 0; i < 8; i++) await s.turn([a!]);
      expect(s.chain.applied).to.deep.equal(['call0']);
    });

    it('holds up nothing else behind a nonce that is not its own', async () => {
      const s = scene();
      s.chain.room = 0;
      s.chain.intrude('foreign', 2n * GWEI);
      s.chain.baseFeeWei = 3n * GWEI;
      s.chain.room = 100;
      const [bad, good] = [dueNamed('bad', { deadline: 500n }), dueNamed('good', { deadline: 600n })];
      s.chain.barred.add('bad');
      for (let i = 0; i < 30; i++) await s.turn([bad, good]);
      expect(s.chain.applied).to.include('good').and.not.include('bad');
    });
  });

  it('attack 36: is raised when the base fee passes it, although nobody answers', async () => {
    const s = scene();
    const dues = numbered(1, () => ({ deadline: 900n }));
    s.chain.muteness = 'taken';
    s.chain.isForgetful = true;
    s.chain.room = 0;
    await s.turn(dues);
    s.chain.room = 10;
    s.chain.baseFeeWei = 4n * GWEI;
    for (let i = 0; i < 10; i++) await s.turn(dues);
    expect(s.chain.applied).to.deep.equal(['call0']);
  });

  it('is estimated again at once after a time in which nobody answered', async () => {
    const s = scene();
    const dues = numbered(1, () => ({ deadline: 600n }));
    s.chain.isEstimateMute = true;
    for (let i = 0; i < 17; i++) await s.turn(dues);
    s.chain.isEstimateMute = false;
    for (let i = 0; i < 2; i++) await s.turn(dues);
    expect(s.chain.applied).to.deep.equal(['call0']);
    expect(s.said().join()).to.contain('ECONNRESET');
  });

  const PRICE_WORDS = [
    ...['FeeTooLow, MaxFeePerGas too low', 'FeeTooLowToCompete', 'ReplacementNotAllowed'],
    ...['txpool is full', 'gas price below configured minimum', 'not acceptable here'],
  ];
  for (const words of PRICE_WORDS) {
    it(`pays more in time where a pool says: ${words}`, async () => {
      const s = scene();
      s.chain.leastTipWei = GWEI / 5n;
      s.chain.leastTipWords = words;
      for (let i = 0; i < 74; i++) await s.turn(numbered(2, () => ({ deadline: 900n })));
      expect(s.chain.applied.toSorted()).to.deep.equal(['call0', 'call1']);
      expect(s.tips().every((tip) => tip <= GWEI)).to.equal(true);
    });
  }

  it('is signed once as long as nothing about it changes', async () => {
    const journal = memory();
    const s = scene({ journal });
    s.chain.barred.add('call0');
    for (let i = 0; i < 300; i++) await s.turn(numbered(1));
    expect(journal.read().flatMap(({ attempts }) => attempts)).to.have.length(1);
  });

  it('is estimated once a block, however often it is refused', async () => {
    const s = scene();
    s.chain.barred.add('call0');
    for (let i = 0; i < 20; i++) await s.turn(numbered(1));
    const before = s.chain.estimates;
    for (let block = 0; block < 4; block++)
      for (let i = 1; i <= 25; i++) await s.turn(numbered(1), i === 25 ? 1 : 0);
    expect(s.chain.estimates - before).to.equal(4);
  });

  for (const spike of [1, 2, 3, 4]) {
    it(`is tried anew before it gives way, after a base fee that is high for ${spike} blocks`, async () => {
      const s = scene({ maxFeeWei: 100n * GWEI });
      const dues = numbered(2, () => ({ deadline: 900n }));
      s.chain.gas = 100_000n;
      s.chain.mostGas = MOST_GAS;
      for (let i = 0; i < 3; i++) await s.turn(dues);
      s.chain.gas = 50_000n;
      s.chain.baseFeeWei = 200n * GWEI;
      for (let i = 0; i < spike; i++) await s.turn(dues);
      s.chain.baseFeeWei = GWEI;
      for (let i = 0; i < 20; i++) await s.turn(dues);
      expect(s.chain.applied).to.deep.equal(['call0', 'call1']);
      expect(s.chain.mined, 'nothing besides').to.have.length(2);
    });
  }

  describe('that the account cannot pay for', () => {
    /** The most that a first attempt may cost at a base fee of 1 gwei. */
    const usualWei = async (): Promise<bigint> => {
      const s = scene();
      s.chain.room = 0;
      await s.turn(numbered(1));
      const [{ gasLimit, fees }] = s.chain.pooled as [(typeof s.chain.pooled)[number]];
      return gasLimit * fees.maxFeePerGas;
    };

    for (const dry of [5, 10, 20]) {
      it(`are no dearer after ${dry} blocks without money`, async () => {
        const s = scene();
        s.chain.checksFunds = true;
        const dues = numbered(2, () => ({ deadline: 600n }));
        s.chain.muteness = 'lost';
        await s.turn(dues);
        s.chain.muteness = undefined;
        s.chain.balanceWei = 0n;
        for (let i = 0; i < dry; i++) await s.turn(dues);
        s.chain.balanceWei = 8n * (await usualWei());
        for (let i = 0; i < 48 - dry; i++) await s.turn(dues);
        expect(s.chain.applied.toSorted()).to.deep.equal(['call0', 'call1']);
        expect(
          s.tips().every((tip) => tip <= GWEI / 5n),
          `${s.tips()}`,
        ).to.equal(true);
      });
    }

    it('are offered at a lower price once the market has one', async () => {
      const s = scene();
      s.chain.checksFunds = true;
      const dues = numbered(1, () => ({ deadline: 1200n }));
      s.chain.baseFeeWei = 20n * GWEI;
      s.chain.muteness = 'lost';
      await s.turn(dues);
      s.chain.muteness = undefined;
      s.chain.balanceWei = 2n * (await usualWei());
      s.chain.baseFeeWei = GWEI;
      for (let i = 0; i < 10; i++) await s.turn(dues);
      expect(s.chain.applied).to.deep.equal(['call0']);
    });

    it('leave in the pool what it has', async () => {
      const s = scene();
      s.chain.checksFunds = true;
      const dues = numbered(3, () => ({ deadline: 900n }));
      s.chain.room = 0;
      await s.turn(dues);
      s.chain.balanceWei = await usualWei();
      for (let i = 0; i < 6; i++) await s.turn(dues);
      expect(s.chain.pooled.map(({ calls }) => calls)).to.deep.equal([['call0'], ['call1'], ['call2']]);
      s.chain.room = 10;
      for (let i = 0; i < 3; i++) await s.turn(dues);
      expect(s.chain.applied).to.deep.equal(['call0', 'call1', 'call2']);
    });
  });
});
