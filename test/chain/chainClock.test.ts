import { expect } from 'chai';
import type { Block } from '../../src/chain/contracts/world.ts';
import { ChainClock } from '../../src/chain/service/chainClock.ts';

/** A chain with a block every 12 s, and a machine whose clock is wrong. */
function scene(aheadSeconds: number) {
  let now = 1_000_000;
  let number = 0;
  const clock = new ChainClock(
    () => BigInt(now + aheadSeconds),
    () => 1000 * now,
  );
  let block: Block = { number, hash: '0x0', timestamp: BigInt(now) };
  return {
    clock,
    see: () => clock.see(block),
    pass: (seconds: number): void => {
      now += seconds;
    },
    mine: (): void => {
      number++;
      block = { number, hash: `0x${number}`, timestamp: BigInt(now) };
    },
    /** Seconds by which the clock is ahead of the chain's time. */
    error: () => Number(clock.now()) - now,
  };
}

describe("the chain's time", () => {
  for (const aheadSeconds of [-600, 0, 600]) {
    it(`comes from its blocks where this machine's clock is ${aheadSeconds} s ahead`, () => {
      const s = scene(aheadSeconds);
      s.see();
      s.pass(12);
      s.mine();
      expect(s.see()).to.deep.equal({ earliest: 1_000_012n, latest: 1_000_012n });
      s.pass(7);
      expect(s.error()).to.equal(0);
      s.pass(5);
      s.mine();
      s.see();
      expect(s.error()).to.equal(0);
    });
  }

  it('goes on where no block comes', () => {
    const s = scene(600);
    s.see();
    s.mine();
    s.see();
    s.pass(86_400);
    expect(s.see()).to.deep.equal({ earliest: 1_000_000n, latest: 1_086_400n });
  });

  it('is the machine’s until a block comes, because the first may be old', () => {
    const s = scene(0);
    s.pass(3600);
    expect(s.see().latest).to.equal(1_003_600n);
    expect(s.see().earliest).to.equal(1_000_000n);
  });
});
