import { expect } from 'chai';
import type { RawLog } from '../../../src/chain/index/events.ts';
import { RecentLogs } from '../../../src/chain/index/recentLogs.ts';

const log = (blockNumber: number, changes: Partial<RawLog> = {}): RawLog => ({
  address: `0x${'11'.repeat(20)}`,
  topics: [`0x${'22'.repeat(32)}`],
  data: '0x1234',
  blockNumber: `0x${blockNumber.toString(16)}`,
  blockHash: `0x${'33'.repeat(32)}`,
  transactionHash: `0x${'44'.repeat(32)}`,
  logIndex: '0x7',
  ...changes,
});

describe('the logs of the last blocks', () => {
  let recent: RecentLogs;
  beforeEach(() => {
    recent = new RecentLogs();
    recent.add(log(20));
  });

  it('knows a log by all of its fields', () => {
    expect(recent.has(log(20))).to.equal(true);
    const others: Partial<RawLog>[] = [
      { address: `0x${'12'.repeat(20)}` },
      { topics: [] },
      { data: '0x1235' },
      { blockHash: `0x${'34'.repeat(32)}` },
      { transactionHash: `0x${'45'.repeat(32)}` },
      { logIndex: '0x8' },
      { blockTimestamp: '0x9' },
    ];
    for (const other of others) expect(recent.has(log(20, other)), JSON.stringify(other)).to.equal(false);
    expect(recent.has(log(21))).to.equal(false);
  });

  it('knows only the last log of a position', () => {
    recent.add(log(20, { data: '0x5678' }));
    expect(recent.has(log(20))).to.equal(false);
    expect(recent.has(log(20, { data: '0x5678' }))).to.equal(true);
  });

  it('forgets a position, old blocks, or everything', () => {
    recent.add(log(21));
    recent.add(log(22));
    recent.drop({ blockNumber: 21, logIndex: 7 });
    recent.dropBefore(21);
    expect([20, 21, 22].map((block) => recent.has(log(block)))).to.deep.equal([false, false, true]);
    recent.clear();
    expect(recent.has(log(22))).to.equal(false);
  });
});
