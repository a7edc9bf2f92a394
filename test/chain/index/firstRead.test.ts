import { expect } from 'chai';
import { readFirst } from '../../support/chaos/firstRead.ts';

/** The node's blocks of a day, after which a request is answered. */
const DAY_BLOCKS = 7200;

describe('an index that reads a long chain', function () {
  this.timeout(120_000);

  // `npm run chaos index` reads 100,000 requests in ten million blocks, and tells its memory and time.
  it('keeps in memory only what is open, and asks little when it goes on', async () => {
    const [requests, blocks, range] = [2000, 200_000, 2000];
    const figures = await readFirst({ requests, blocks, delayMs: 0, range });
    const aDay = (DAY_BLOCKS * requests) / blocks;
    expect(figures.openRequests).to.be.within(aDay, aDay + 2);
    // What is over is kept for 256 blocks, and goes after each range.
    expect(figures.mostCases).to.be.lessThan(2 * aDay);
    const pieces = blocks / range;
    // Besides the ranges: headers and logs of the last blocks, and what the contracts say of what is open.
    expect(figures.firstCalls).to.be.lessThan(pieces + 700);
    expect(figures.resumedCalls).to.be.lessThan(300);
  });
});
