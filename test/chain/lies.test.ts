// Tests that no number that a node says for a while, or one of several nodes says, stops the sender or costs it gas.
import { expect } from 'chai';
import type { Signer } from 'ethers';
import { openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { type Look, likelyGas, openNode } from '../../src/chain/transactions/node.ts';
import { memory, numbered, scene } from '../support/chaos/sender.ts';
import { FakeNode } from '../support/fakeNode.ts';
import { Random } from '../support/randomProgram.ts';

const GWEI = 10n ** 9n;
/** The number of the second tester's node. */
const HUGE = 0xfffffff;
const MOST_MS = 2000;

type Change = (truth: Look) => Partial<Look>;

/** Transactions that were mined and did nothing. */
const fillersIn = ({ chain }: ReturnType<typeof scene>): number =>
  chain.mined.filter(({ calls }) => calls.length === 0).length;

const COUNTS: Record<string, Change> = {
  'one more nonce used': ({ used }) => ({ used: used + 1, pending: used + 1 }),
  '50 more nonces used': ({ used }) => ({ used: used + 50, pending: used + 50 }),
  '2,000 more nonces used': ({ used }) => ({ used: used + 2000, pending: used + 2000 }),
  'all nonces used': () => ({ used: HUGE, pending: HUGE }),
  'no nonce used': () => ({ used: 0, pending: 0 }),
  '500 more nonces pending': ({ pending }) => ({ pending: pending + 500 }),
  'all nonces pending': () => ({ pending: HUGE }),
};

const OTHERS: Record<string, Change> = {
  'a block far ahead': ({ block }) => ({ block: block + 2 ** 40 }),
  'the first block': () => ({ block: 0 }),
  'a time far ahead': ({ timestamp }) => ({ timestamp: timestamp + 10n ** 9n }),
  'the time 0': () => ({ timestamp: 0n }),
  'a tip of 90 gwei': ({ market }) => ({ market: { ...market, tipWei: 90n * GWEI } }),
  'a base fee of 2^255': ({ market }) => ({ market: { ...market, baseFeeWei: 2n ** 255n } }),
  'a base fee of 0': ({ market }) => ({ market: { ...market, baseFeeWei: 0n } }),
};

describe('numbers of a node that are not true', () => {
  for (const [what, change] of Object.entries({ ...COUNTS, ...OTHERS })) {
    it(`attack 47: costs nothing that a node says once: ${what}`, async () => {
      const s = scene();
      const dues = numbered(6, () => ({ deadline: 90_000n }));
      for (let i = 0; i < 20; i++) await s.turn(dues.slice(0, 3));
      let lies = 1;
      s.chain.distort = (truth) => (lies-- > 0 ? { ...truth, ...change(truth) } : truth);
      for (let i = 0; i < 12; i++) await s.turn(dues);
      expect(s.chain.applied.toSorted()).to.deep.equal(dues.map(({ key }) => key));
      expect(s.chain.mined, 'nothing besides').to.have.length(6);
      expect(s.tips().every((tip) => tip <= GWEI)).to.equal(true);
    });

    it(`attack 47: is not stopped by one of three nodes that always says: ${what}`, async () => {
      const s = scene();
      const dues = numbered(6, () => ({ deadline: 90_000n }));
      s.chain.distort = (truth) => ({ ...truth, ...change(truth) });
      s.chain.others = (truth) => [truth, truth];
      for (let i = 0; i < 12; i++) await s.turn(dues);
      expect(s.chain.applied.toSorted()).to.deep.equal(dues.map(({ key }) => key));
      expect(s.chain.mined, 'nothing besides').to.have.length(6);
      expect(s.tips().every((tip) => tip <= GWEI)).to.equal(true);
    });

    it(`attack 47: goes on after a node said from the start: ${what}`, async () => {
      const s = scene({ journal: memory() });
      const dues = numbered(6, () => ({ deadline: 90_000n }));
      s.chain.mine(30);
      let isLying = true;
      s.chain.distort = (truth) => (isLying ? { ...truth, ...change(truth) } : truth);
      const start = performance.now();
      for (let i = 0; i < 10; i++) await s.turn(dues.slice(0, 3));
      isLying = false;
      for (let i = 0; i < 30; i++) await s.turn(dues);
      const done = s.chain.applied.filter((call) => !call.endsWith('!'));
      expect(done.toSorted()).to.deep.equal(dues.map(({ key }) => key));
      expect(fillersIn(s)).to.be.at.most(16);
      expect(performance.now() - start).to.be.lessThan(MOST_MS);
    });
  }

  it('attack 47: starts again with what was signed for a nonce that no account reaches', async () => {
    const s = scene({ journal: memory() });
    s.chain.distort = (truth) => ({ ...truth, used: HUGE, pending: HUGE });
    await s.turn(numbered(1));
    expect(s.chain.pooled.map(({ nonce }) => nonce)).to.deep.equal([HUGE]);
    s.chain.distort = (truth) => truth;
    s.restart();
    for (let i = 0; i < 3; i++) await s.turn(numbered(1));
    expect(s.chain.applied).to.deep.equal(['call0']);
    expect(s.said().join()).to.contain('far above the 0 that are used');
  });

  it('believes a count that is said for a minute, or by most nodes at once', async () => {
    for (const isAlone of [true, false]) {
      let nowMs = 0;
      const s = scene({ now: () => nowMs });
      await s.turn(numbered(1));
      for (let nonce = 1; nonce <= 40; nonce++) s.chain.intrude(`other${nonce}`, 2n * GWEI, nonce);
      s.chain.mine();
      if (!isAlone) s.chain.others = (truth) => [truth];
      const [, due] = numbered(2);
      for (let i = 0; i < (isAlone ? 8 : 1); i++) {
        nowMs += 10_000;
        await s.turn([due!]);
      }
      expect(s.chain.applied, `${isAlone}`).to.include('call1');
    }
  });

  it('tells in one line what it does not believe', async () => {
    const s = scene();
    await s.turn(numbered(1));
    s.chain.distort = (truth) => ({ ...truth, used: HUGE });
    await s.turn(numbered(1));
    expect(s.said()).to.deep.equal([
      `the node says ${HUGE} for the nonces of the account that are used, which is unlikely; 0 counts, and it is believed if it is said again`,
    ]);
  });

  it('gives nonces back rather than fill more below them than is in flight', async () => {
    const s = scene({ inFlight: 4 });
    s.chain.distort = (truth) => ({ ...truth, used: 30, pending: 30 });
    await s.turn(numbered(1));
    s.chain.distort = (truth) => truth;
    for (let i = 0; i < 4; i++) await s.turn(numbered(1));
    expect([s.chain.applied, s.chain.mined.length]).to.deep.equal([['call0'], 1]);
    expect(s.said().join()).to.contain('are given back');
  });

  it('attack 47: gets all done through lies of every kind', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const s = scene({ inFlight: 5, journal: memory() });
      const dues = numbered(20, (i) => (i % 2 ? {} : { deadline: 100_000n }));
      const changes = Object.values({ ...COUNTS, ...OTHERS });
      for (let i = 0; i < 100; i++) {
        const change = random.chance(20) ? changes[random.below(changes.length)] : undefined;
        s.chain.distort = (truth) => ({ ...truth, ...change?.(truth) });
        if (random.chance(5)) s.restart();
        await s.turn(dues.slice(0, 1 + i));
      }
      s.chain.distort = (truth) => truth;
      for (let i = 0; i < 40; i++) await s.turn(dues);
      const done = s.chain.applied.filter((call) => !call.endsWith('!'));
      expect(done.toSorted(), `seed ${seed}`).to.deep.equal(dues.map(({ key }) => key).toSorted());
      expect(s.chain.mined.length, `seed ${seed}`).to.be.at.most(40);
    }
  });

  it('takes no estimate for more than one, though it comes first', async () => {
    const nodes = Array.from({ length: 3 }, () => new FakeNode());
    const provider = await openEndpoints(await Promise.all(nodes.map((node) => node.start())));
    for (const [i, gas] of ['0xd59f80', '0x249f0', '0x249f0'].entries()) {
      const node = nodes[i] as FakeNode;
      const usual = node.result;
      node.result = (call) => (call.method === 'eth_estimateGas' ? gas : usual(call));
    }
    const signer = { getAddress: async () => `0x${'11'.repeat(20)}` };
    const node = await openNode(signer as unknown as Signer, provider);
    expect(await node.estimate({ to: `0x${'22'.repeat(20)}`, data: '0x' })).to.equal(150_000n);
    provider.destroy();
    await Promise.all(nodes.map((one) => one.stop()));
  });

  it('takes the middle one of usual estimates of gas, and the higher of two', () => {
    for (const lie of [21_000n, 14_000_000n]) {
      expect(likelyGas([150_000n, lie, 151_000n])).to.be.oneOf([150_000n, 151_000n]);
      expect(likelyGas([lie, 150_000n, 150_000n, 150_000n])).to.equal(150_000n);
    }
    expect(likelyGas([21_000n, 150_000n, 2n ** 60n])).to.equal(150_000n);
    expect(likelyGas([30_000_000n])).to.equal(30_000_000n);
    expect(() => likelyGas([2n ** 60n])).to.throw('estimates 1152921504606846976 gas');
    expect(() => likelyGas([0n])).to.throw('which no transaction takes');
  });
});
