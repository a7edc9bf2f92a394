// The owner of an account's nonces, on a chain in memory; test/e2e and test/chaos have it on a real node.
import { expect } from 'chai';
import type { Provider, Signer } from 'ethers';
import type { Due } from '../../src/chain/transactions/due.ts';
import { ceilingWei, quote, replacement } from '../../src/chain/transactions/fees.ts';
import { openNode } from '../../src/chain/transactions/node.ts';
import { dueNamed } from '../support/chaos/pool.ts';
import { memory, numbered, scene } from '../support/chaos/sender.ts';
import { Random } from '../support/randomProgram.ts';

const GWEI = 10n ** 9n;

describe('sending transactions', () => {
  it('attack 48: sends many at once, by deadline, then by stake', async () => {
    const s = scene({ inFlight: 4 });
    const deadlines = [undefined, 90_000n, 80_000n, 80_000n, undefined];
    const dues = numbered(5, (i) => ({ deadline: deadlines[i], stakeWei: BigInt(i) }));
    expect(await s.turn(dues)).to.equal(4);
    expect(s.chain.applied).to.deep.equal(['call3', 'call2', 'call1', 'call4']);
    await s.turn(dues);
    expect(s.chain.applied).to.have.length(5);
  });

  it('sends at once what becomes due after a step, and nothing twice', async () => {
    const s = scene();
    const [early, late] = numbered(2) as [Due, Due];
    expect(await s.sendMore([early])).to.equal(0);
    expect(await s.turn([early], 0)).to.equal(1);
    expect(await s.sendMore([early, late])).to.equal(1);
    expect(await s.sendMore([early, late])).to.equal(0);
    s.chain.mine();
    expect(s.chain.applied).to.deep.equal(['call0', 'call1']);
  });

  it('joins moves of several disputes, and sends them apart if one reverts', async () => {
    const s = scene();
    const dues = numbered(10, () => ({ group: 'game' }));
    expect(await s.turn(dues)).to.equal(1);
    expect(s.chain.applied).to.have.length(10);
    const more = Array.from({ length: 6 }, (_, i) => dueNamed(`late${i}`, { group: 'game' }));
    s.chain.room = 0;
    expect(await s.turn(more)).to.equal(1);
    // Meanwhile somebody ends one of the disputes.
    s.chain.refused.add('late3');
    s.chain.room = 100;
    for (let i = 0; i < 4; i++) await s.turn(more);
    const done = s.chain.applied.filter((call) => call.startsWith('late') && !call.endsWith('!'));
    expect(done.toSorted()).to.deep.equal(['late0', 'late1', 'late2', 'late4', 'late5']);
  });

  it('attack 49: replaces what is not mined, for an eighth more, under the ceiling', async () => {
    const s = scene({ maxFeeWei: 100n * GWEI });
    const [due] = numbered(1) as [Due];
    s.chain.room = 0;
    await s.turn([due]);
    const first = s.chain.pooled[0]!.fees;
    for (let i = 0; i < 4; i++) await s.turn([due]);
    const second = s.chain.pooled[0]!.fees;
    expect(second.maxFeePerGas >= (first.maxFeePerGas * 9n) / 8n).to.equal(true);
    expect(second.maxPriorityFeePerGas >= (first.maxPriorityFeePerGas * 9n) / 8n).to.equal(true);
    for (let i = 0; i < 200; i++) await s.turn([due]);
    expect(s.chain.pooled[0]!.fees.maxFeePerGas <= 25n * GWEI).to.equal(true);
    s.chain.room = 1;
    await s.turn([due]);
    expect(s.chain.applied).to.deep.equal(['call0']);
  });

  it('attack 36: follows a base fee that rises twentyfold within a short clock', async () => {
    const s = scene({ maxFeeWei: 100n * GWEI });
    const due = dueNamed('move', { deadline: 120n });
    s.chain.room = 0;
    await s.turn([due]);
    s.chain.baseFeeWei = 20n * GWEI;
    s.chain.room = 1;
    for (let i = 0; i < 5; i++) await s.turn([due]);
    expect(s.chain.applied).to.deep.equal(['move']);
    expect(s.chain.block * 12).to.be.lessThan(120);
  });

  it('lets nothing wait behind a cheap transaction that is stuck', async () => {
    const s = scene({ maxFeeWei: 100n * GWEI });
    const cheap = dueNamed('cheap');
    s.chain.room = 0;
    await s.turn([cheap]);
    // More than is paid for what can wait, less than for what cannot.
    s.chain.baseFeeWei = 40n * GWEI;
    s.chain.room = 10;
    for (let i = 0; i < 6; i++) await s.turn([cheap]);
    expect(s.chain.applied).to.deep.equal([]);
    expect(s.said().join()).to.contain('the base fee is 40 gwei and the ceiling is 25 gwei');
    const urgent = dueNamed('urgent', { deadline: BigInt(12 * s.chain.block + 300) });
    for (let i = 0; i < 6; i++) await s.turn([cheap, urgent]);
    expect(s.chain.applied).to.deep.equal(['cheap', 'urgent']);
  });

  it('asks nobody what a due takes while the base fee is above its ceiling', async () => {
    const s = scene({ maxFeeWei: 100n * GWEI });
    s.chain.baseFeeWei = 30n * GWEI;
    for (let i = 0; i < 20; i++) await s.turn(numbered(3));
    expect([s.chain.estimates, s.chain.applied]).to.deep.equal([0, []]);
    expect(s.said()[0]).to.equal(
      'call0: waits, because the base fee is 30 gwei and the ceiling is 25 gwei now; raise --max-fee-gwei if it must not wait',
    );
  });

  describe('near a deadline, with no ceiling of its own', () => {
    const ETHER = 10n ** 18n;
    /** Worth 500 gwei a unit of gas. */
    const move = (name: string, seconds: bigint): Due =>
      dueNamed(name, { deadline: seconds, stakeWei: ETHER / 2n, gasLeft: 1_000_000n });

    it('pays more than the usual ceiling, up to what is at stake', async () => {
      const s = scene();
      s.chain.baseFeeWei = 400n * GWEI;
      const due = move('move', 900n);
      for (let i = 0; i < 25; i++) await s.turn([due]);
      expect(s.chain.applied, 'more than 600 s are left').to.deep.equal([]);
      for (let i = 0; i < 5; i++) await s.turn([due]);
      expect(s.chain.applied).to.deep.equal(['move']);
      expect(s.said().at(-1)).to.match(/^move: pays up to 500 gwei, more than the usual 100, because/);
    });

    it('leaves what would cost more than is at stake, and what carries no stake', async () => {
      const s = scene();
      s.chain.baseFeeWei = 501n * GWEI;
      const dues = [move('move', 300n), dueNamed('other', { deadline: 300n, stakeWei: ETHER })];
      for (let i = 0; i < 20; i++) await s.turn(dues);
      expect(s.chain.applied).to.deep.equal([]);
      expect(s.said().join()).to.contain(
        'it rises near the deadline, if there is one, up to what is at stake',
      );
    });

    it('attack 41: spends no ether on it that others need at the usual ceiling', async () => {
      const s = scene();
      s.chain.baseFeeWei = 400n * GWEI;
      // An estimate of 50,000 and its margins; at 400 gwei above the usual ceiling they take 0.037 ether.
      s.chain.balanceWei = ETHER;
      const due = move('move', 300n);
      for (let i = 0; i < 5; i++) await s.turn([due], 1, ETHER - ETHER / 100n);
      expect(s.chain.applied).to.deep.equal([]);
      for (let i = 0; i < 5; i++) await s.turn([due], 1, ETHER - ETHER / 25n);
      expect(s.chain.applied).to.deep.equal(['move']);
    });

    it('attack 36: pays more although the pool refused it again and again before', async () => {
      const s = scene();
      const due = move('move', 900n);
      // The base fee rises between the look and the block, so that the first offer is too low.
      s.chain.refusals.push(...Array<string>(8).fill('max fee per gas less than block base fee'));
      await s.turn([due]);
      s.chain.baseFeeWei = 400n * GWEI;
      for (let i = 0; i < 24; i++) await s.turn([due]);
      expect(s.chain.refusals, 'all refusals were met').to.deep.equal([]);
      expect(s.chain.applied, 'more than 600 s are left').to.deep.equal([]);
      for (let i = 0; i < 5; i++) await s.turn([due]);
      expect(s.chain.applied).to.deep.equal(['move']);
    });

    it('is never kept by a cheap one that is stuck before it', async () => {
      const s = scene();
      s.chain.room = 0;
      const cheap = dueNamed('cheap');
      await s.turn([cheap]);
      s.chain.baseFeeWei = 300n * GWEI;
      s.chain.room = 10;
      for (let i = 0; i < 3; i++) await s.turn([cheap]);
      const due = move('move', BigInt(12 * s.chain.block + 300));
      for (let i = 0; i < 6; i++) await s.turn([cheap, due]);
      expect(s.chain.applied).to.deep.equal(['cheap', 'move']);
    });
  });

  describe('with a private relay', () => {
    const claim = (deadline?: bigint): Due => dueNamed('claim', { isPrivate: true, deadline });

    it('shows what others could copy to the relay alone, and all else to everybody', async () => {
      const s = scene();
      s.chain.hasRelay = true;
      s.chain.room = 0;
      await s.turn([claim(), dueNamed('move')]);
      expect([s.chain.relayed.size, s.chain.pooled.length]).to.deep.equal([1, 1]);
      s.chain.room = 10;
      s.chain.mineRelayed();
      await s.turn([]);
      expect(s.chain.applied).to.deep.equal(['claim', 'move']);
      expect(s.said()).to.deep.equal([]);
    });

    it('goes to everybody after six blocks, or when a deadline is near', async () => {
      const slow = scene();
      slow.chain.hasRelay = true;
      for (let i = 0; i < 6; i++) await slow.turn([claim()]);
      expect(slow.chain.applied, 'the relay has its time').to.deep.equal([]);
      for (let i = 0; i < 2; i++) await slow.turn([claim()]);
      expect(slow.chain.applied).to.deep.equal(['claim']);
      const urgent = scene();
      urgent.chain.hasRelay = true;
      await urgent.turn([claim(300n)]);
      expect([urgent.chain.applied, urgent.chain.relayed.size]).to.deep.equal([['claim'], 0]);
    });

    it('tells of a relay that takes nothing, and holds nothing up for long', async () => {
      const s = scene();
      s.chain.hasRelay = true;
      s.chain.relayRefusal = 'unauthorised';
      for (let i = 0; i < 8; i++) await s.turn([claim(), dueNamed('move')]);
      expect(s.chain.applied).to.deep.equal(['claim', 'move']);
      expect(s.said()[0]).to.equal('claim: the private relay: the node says: unauthorised');
    });

    it('tells once of a relay that is away, and claims not to have sent what nobody took', async () => {
      const s = scene();
      s.chain.hasRelay = true;
      s.chain.isRelayAway = true;
      const dues = [claim(), dueNamed('other', { isPrivate: true })];
      for (let i = 0; i < 8; i++) await s.turn(dues);
      expect(s.chain.applied.toSorted()).to.deep.equal(['claim', 'other']);
      const said = [...new Set(s.said())];
      expect(said.filter((sentence) => sentence.includes('relay'))).to.deep.equal([
        'the private relay: read ECONNRESET; claims and challenges go to the nodes only after 6 blocks',
      ]);
      expect(said.join()).to.match(/no node has taken it yet; offered again/);
      expect(said.join()).not.to.match(/sent again/);
    });

    it('shows it to nobody else after a restart', async () => {
      const s = scene({ journal: memory() });
      s.chain.hasRelay = true;
      await s.turn([claim()]);
      s.restart();
      for (let i = 0; i < 3; i++) await s.turn([claim()]);
      expect(s.chain.pooled).to.deep.equal([]);
      expect(s.chain.applied).to.deep.equal([]);
    });
  });

  it('attack 49: sends again what the pool forgot', async () => {
    const s = scene();
    const dues = numbered(3);
    s.chain.room = 0;
    await s.turn(dues);
    s.chain.forget();
    s.chain.room = 10;
    await s.turn(dues);
    expect(s.chain.applied).to.deep.equal(['call0', 'call1', 'call2']);
  });

  it('raises a tip that is below the least of the pool', async () => {
    const s = scene();
    s.chain.leastTipWei = 2n * GWEI;
    for (let i = 0; i < 12; i++) await s.turn(numbered(1));
    expect(s.chain.applied).to.deep.equal(['call0']);
  });

  for (const words of ['refuses', 'keeps'] as const) {
    it(`raises a tip of 0 where there is no base fee and the pool ${words} it`, async () => {
      const s = scene();
      Object.assign(s.chain, { baseFeeWei: 0n, tipWei: 0n });
      s.chain[words === 'refuses' ? 'leastTipWei' : 'leastMinedTipWei'] = GWEI;
      // A refusal raises the price in each pass; else it rises every third block.
      const blocks = words === 'refuses' ? 12 : 24;
      for (let i = 0; i < blocks; i++) await s.turn(numbered(1, () => ({ deadline: 600n })));
      expect(s.chain.applied).to.deep.equal(['call0']);
      expect(s.tips()[0]! < 2n * GWEI).to.equal(true);
    });
  }

  it('takes the price of gas for the tip where there is no base fee', async () => {
    const block = { number: 1, timestamp: 12 };
    for (const baseFeePerGas of [0n, null]) {
      const fees = { gasPrice: 7n, maxFeePerGas: null, maxPriorityFeePerGas: null };
      const provider = {
        getNetwork: async () => ({ chainId: 7n }),
        getBlock: async () => ({ ...block, baseFeePerGas }),
        getTransactionCount: async () => 0,
        getFeeData: async () => fees,
      };
      const signer = { getAddress: async () => '0x01' };
      const node = await openNode(signer as unknown as Signer, provider as unknown as Provider);
      const { market, isDynamic } = await node.look();
      expect([market, isDynamic]).to.deep.equal([{ baseFeeWei: 0n, tipWei: 7n }, baseFeePerGas !== null]);
    }
  });

  it('raises a tip alone where all of the ceiling is offered and no pool took it', async () => {
    const s = scene({ maxFeeWei: 40n * GWEI });
    // A quarter of the ceiling is offered, and the base fee is below it.
    s.chain.baseFeeWei = 8n * GWEI;
    s.chain.leastTipWei = 2n * GWEI;
    for (let i = 0; i < 12; i++) await s.turn(numbered(1));
    expect(s.chain.applied).to.deep.equal(['call0']);
  });

  it('takes "already known" and a nonce that is used up for what they are', async () => {
    const s = scene();
    s.chain.refusals.push('already known', 'nonce too low');
    await s.turn(numbered(2));
    for (let i = 0; i < 2; i++) await s.turn(numbered(2));
    expect(s.chain.applied).to.deep.equal(['call0', 'call1']);
    expect(s.said()).to.deep.equal([]);
  });

  it('gives the nonce of what it cannot pay for to what it can', async () => {
    const s = scene();
    s.chain.refusals.push('insufficient funds for gas * price + value');
    const [bond, move] = [dueNamed('bond', { deadline: 50_000n }), dueNamed('move')];
    await s.turn([bond, move]);
    for (let i = 0; i < 3; i++) await s.turn([move]);
    expect(s.chain.applied.filter((call) => call === 'move')).to.have.length(1);
    expect(s.said()[0]).to.contain('insufficient funds');
  });

  it('tries what would revert less and less often, and other things meanwhile', async () => {
    const s = scene();
    s.chain.refused.add('call0');
    for (let i = 0; i < 100; i++) await s.turn(numbered(2));
    expect(s.chain.applied).to.deep.equal(['call1']);
    expect(s.said().length).to.be.within(5, 9);
  });

  for (const handBack of [true, false]) {
    it(`attack 38: sends again after reorganisations of 1 to 64, transactions ${handBack ? 'given back' : 'lost'}`, async () => {
      for (const depth of [1, 2, 5, 20, 64]) {
        const s = scene({ confirmations: 64 });
        s.chain.mine(70);
        const dues = numbered(6);
        await s.turn(dues);
        for (let i = 1; i < depth; i++) await s.turn(dues);
        expect(s.chain.applied).to.have.length(6);
        s.chain.reorganise(depth, handBack);
        s.chain.mine(handBack ? 0 : 2);
        for (let i = 0; i < 6; i++) await s.turn(dues);
        expect(s.chain.applied, `${depth} blocks`).to.have.members(dues.map(({ key }) => key));
      }
    });
  }

  it('does not send again because a node is behind', async () => {
    const s = scene();
    await s.turn(numbered(2));
    s.chain.mine(5);
    s.chain.behind = 4;
    for (let i = 0; i < 6; i++) {
      await s.turn([]);
      s.chain.behind = i % 2 ? 0 : 3;
    }
    expect(s.chain.applied).to.deep.equal(['call0', 'call1']);
  });

  it('tells no failure while receipts are late, and the success after it', async () => {
    const s = scene();
    let mined = 0;
    const due = dueNamed('call', { mined: () => mined++ });
    s.chain.hidesReceipts = true;
    // Stated all the time, as what is only known to be done by its receipt.
    for (let i = 0; i < 10; i++) await s.step([due]);
    s.chain.hidesReceipts = false;
    await s.step([due]);
    expect([mined, s.said(), s.chain.applied]).to.deep.equal([1, [], ['call']]);
  });

  it('tells of a nonce that another process took, and sends with the next one', async () => {
    const s = scene();
    s.chain.room = 0;
    await s.turn(numbered(1));
    s.chain.forget();
    s.chain.intrude('other', 50n * GWEI, 0);
    s.chain.room = 10;
    for (let i = 0; i < 8; i++) await s.turn(numbered(1));
    expect(s.chain.applied).to.deep.equal(['other', 'call0']);
    expect(s.said().join()).to.contain('another transaction took its nonce 0');
  });

  it('attack 52: replaces what an earlier run left stuck, rather than send beside it', async () => {
    const s = scene();
    s.chain.intrude('call0', GWEI / 2n);
    expect(await s.turn(numbered(1))).to.equal(0);
    for (let i = 0; i < 8; i++) await s.turn(numbered(1));
    expect(s.chain.applied).to.deep.equal(['call0']);
    expect(s.said()[0]).to.contain('an earlier run sent it, or another process has the same key');
  });

  it('names all the nonces that an earlier run left in the pool', async () => {
    const s = scene();
    s.chain.intrude('call0', GWEI / 2n, 0);
    s.chain.intrude('call1', GWEI / 2n, 1);
    await s.turn(numbered(1));
    expect(s.said()[0]).to.match(/^nonces 0 to 1 of .* are in the pool .*: an earlier run sent them, or/);
  });

  it('attack 47: moves in time although a node tells of a pending nonce for ever', async () => {
    const s = scene();
    s.chain.phantoms = 1;
    // A block takes 12 s; all of them are due within 25 blocks.
    const dues = numbered(5, () => ({ deadline: 300n }));
    for (let i = 0; i < 25; i++) await s.turn(dues);
    expect(s.chain.applied.toSorted()).to.deep.equal(dues.map(({ key }) => key));
  });

  for (const withJournal of [true, false]) {
    it(`attack 34: ${withJournal ? 'sends nothing twice' : 'gets all done without its journal'} through kills and faults`, async () => {
      for (let seed = 1; seed <= 200; seed++) {
        const random = new Random(seed);
        const options = withJournal ? { journal: memory() } : {};
        const s = scene({ inFlight: 5, ...options });
        const dues = numbered(30, (i) => (i % 3 ? {} : { group: 'game', deadline: 100_000n + BigInt(i) }));
        for (let i = 0; i < 150; i++) {
          const fault = random.below(12);
          if (fault === 0) s.restart();
          if (fault === 1) s.chain.forget();
          if (fault === 2) s.chain.baseFeeWei = GWEI * BigInt(1 + random.below(20));
          if (fault === 3 && s.chain.block > 8)
            s.chain.reorganise(1 + random.below(6), random.below(2) === 0);
          if (fault === 4) s.chain.refusals.push('the node is busy');
          s.chain.room = random.below(6);
          s.chain.isDown = fault === 5;
          await s.turn(dues.slice(0, 1 + i)).catch((failure: Error) => {
            expect(failure.message).to.contain('ECONNREFUSED');
          });
        }
        s.chain.isDown = false;
        s.chain.baseFeeWei = GWEI;
        s.chain.room = 100;
        for (let i = 0; i < 40; i++) await s.turn(dues);
        const { applied } = s.chain;
        const good = applied.filter((call) => !call.endsWith('!'));
        expect(good.toSorted(), `seed ${seed}`).to.deep.equal(dues.map(({ key }) => key).toSorted());
        // Nodes do not count transactions behind a gap. Without a journal a second copy may be sent, which reverts.
        if (withJournal) expect(applied.length, `seed ${seed}: ${applied}`).to.equal(good.length);
      }
    });
  }
});

describe('what a unit of gas may cost', () => {
  it('rises from a quarter of the ceiling to all of it as the deadline nears', () => {
    const at = (seconds: bigint | undefined) => ceilingWei(100n * GWEI, seconds) / GWEI;
    expect([undefined, 86_400n, 21_600n].map(at)).to.deep.equal([25n, 25n, 25n]);
    expect([600n, 60n, 0n].map(at)).to.deep.equal([100n, 100n, 100n]);
    const steps = Array.from({ length: 30 }, (_, i) => ceilingWei(100n * GWEI, BigInt(21_600 - 700 * i)));
    for (const [i, step] of steps.entries()) {
      if (i > 0) expect(step > steps[i - 1]!).to.equal(true);
    }
  });

  it('leaves room for the base fee to double, and is never over the ceiling', () => {
    const market = { baseFeeWei: 10n * GWEI, tipWei: GWEI };
    expect(quote(market, 100n * GWEI)?.maxFeePerGas).to.equal(21n * GWEI);
    expect(quote(market, 15n * GWEI)?.maxFeePerGas).to.equal(15n * GWEI);
    expect(quote(market, 10n * GWEI)).to.equal(undefined);
    const before = { maxFeePerGas: 14n * GWEI, maxPriorityFeePerGas: GWEI };
    const taken = { latest: before, taken: before };
    expect(replacement(taken, market, 15n * GWEI, true)).to.equal(undefined);
    const after = replacement(taken, market, 16n * GWEI, true);
    expect(after?.maxFeePerGas).to.equal(16n * GWEI);
    expect(after!.maxPriorityFeePerGas > (GWEI * 9n) / 8n).to.equal(true);
  });
});
