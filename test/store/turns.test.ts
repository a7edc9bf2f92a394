import { expect } from 'chai';
import { givesWay, nextTurn, type Turn } from '../../src/store/turns.ts';

const turn = (name: string, change: Partial<Turn> = {}) => ({
  ...{ name, isBonded: false, tries: 1, deadline: 100, stakeWei: 1n, ...change },
});

describe('downloads that wait for a slot', () => {
  it('come by own bonds, then tries, deadline and stake', () => {
    const waiting = [
      turn('staked', { stakeWei: 9n }),
      turn('tried often', { tries: 2, deadline: 1 }),
      turn('soon', { deadline: 50 }),
      turn('new', { tries: 0, deadline: 900 }),
      turn('plain'),
      turn('own', { isBonded: true, tries: 7 }),
    ];
    const order: string[] = [];
    while (waiting.length > 0) {
      const next = nextTurn(waiting, 0, 4)!;
      order.push(next.name);
      waiting.splice(waiting.indexOf(next), 1);
    }
    expect(order).to.deep.equal(['own', 'new', 'soon', 'staked', 'plain', 'tried often']);
  });

  it('attack 60: leave the last slot to the one that waits longest without a try', () => {
    const old = turn('old', { tries: 0, deadline: 900 });
    const urgent = turn('urgent', { tries: 0, deadline: 1 });
    expect(nextTurn([turn('tried'), old, urgent], 3, 4)?.name).to.equal('old');
    expect(nextTurn([turn('tried')], 3, 4)).to.equal(undefined);
    expect(nextTurn([old], 4, 4)).to.equal(undefined);
  });

  it('attack 60: take the slot of the slowest that has had it for a while', () => {
    const running = [
      { ...turn('fast'), startedAtMs: 0, bytes: 9000 },
      { ...turn('slow'), startedAtMs: 0, bytes: 10 },
      { ...turn('own', { isBonded: true }), startedAtMs: 0, bytes: 0 },
      { ...turn('young'), startedAtMs: 20_000, bytes: 0 },
    ];
    const fresh = [turn('new', { tries: 0 })];
    expect(givesWay(fresh, running, 4, 40_000)?.name).to.equal('slow');
    expect(givesWay(fresh, running, 4, 29_000)).to.equal(undefined);
    expect(givesWay(fresh, running, 5, 40_000), 'a slot is free').to.equal(undefined);
    expect(givesWay([turn('tried')], running, 4, 40_000)).to.equal(undefined);
  });
});
