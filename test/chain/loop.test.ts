import { expect } from 'chai';
import { repeat } from '../../src/chain/service/loop.ts';

/** A rest that only what wakes the loop ends. */
const LONG_MS = 3_600_000;

describe('a loop of passes', () => {
  it('looks again at a new block, also at one that came during a pass', async () => {
    const ending = new AbortController();
    let wake: () => void = () => undefined;
    let released = false;
    let passes = 0;
    const pass = async (): Promise<number> => {
      passes++;
      if (passes === 2) wake();
      if (passes === 3) ending.abort();
      return 0;
    };
    const loop = repeat(pass, {
      signal: ending.signal,
      pauseMs: LONG_MS,
      onFailure: (sentence) => expect.fail(sentence),
      onHead: (ring) => {
        wake = ring;
        return () => {
          released = true;
        };
      },
    });
    while (passes < 1) await new Promise(setImmediate);
    wake();
    await loop;
    expect([passes, released]).to.deep.equal([3, true]);
  });

  it('is not woken while a node fails, which may need its rest', async () => {
    const ending = new AbortController();
    const rests: number[] = [];
    let wake: () => void = () => undefined;
    const pass = async (): Promise<number> => {
      wake();
      throw new Error('too many requests');
    };
    await repeat(
      pass,
      {
        signal: ending.signal,
        pauseMs: 10,
        onFailure: () => undefined,
        onHead: (ring) => {
          wake = ring;
          return () => undefined;
        },
      },
      async (ms) => {
        rests.push(ms);
        if (rests.length === 5) ending.abort();
      },
    );
    expect(rests).to.deep.equal([20, 40, 40, 40, 40]);
  });

  it('leaves no timer when it is ended between two passes', async () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    // The test itself gets one once it is under way.
    await new Promise(setImmediate);
    const before = timers();
    const ending = new AbortController();
    const pass = async (): Promise<number> => {
      setImmediate(() => ending.abort());
      return 0;
    };
    await repeat(pass, {
      signal: ending.signal,
      pauseMs: LONG_MS,
      onFailure: (sentence) => expect.fail(sentence),
    });
    await new Promise(setImmediate);
    expect(timers()).to.be.at.most(before);
  });
});
