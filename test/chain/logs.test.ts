import { expect } from 'chai';
import type { Log } from 'ethers';
import { readLogs } from '../../src/chain/logs.ts';

/** A node with one log in every block, which refuses more than `most` blocks at once. */
function nodeThatRefusesOver(most: number) {
  const asked: [number, number][] = [];
  const getLogs = async ({ fromBlock, toBlock }: { fromBlock: number; toBlock: number }) => {
    asked.push([fromBlock, toBlock]);
    if (toBlock - fromBlock + 1 > most) throw new Error('query returned more than 10000 results');
    return Array.from({ length: toBlock - fromBlock + 1 }, (_, i) => ({ blockNumber: fromBlock + i }) as Log);
  };
  return { asked, provider: { getLogs } as unknown as Parameters<typeof readLogs>[0] };
}

const blocks = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('reading logs', () => {
  for (const most of [1, 2, 7, 100, 1_000_000]) {
    it(`gives every log once and in order from a node that allows ${most} blocks`, async () => {
      const { provider } = nodeThatRefusesOver(most);
      const logs = await readLogs(provider, {}, 5, 205);
      expect(logs.map(({ blockNumber }) => blockNumber)).to.deep.equal(blocks(5, 205));
    });
  }

  it('asks nothing for an empty range', async () => {
    const { provider, asked } = nodeThatRefusesOver(10);
    expect(await readLogs(provider, {}, 6, 5)).to.deep.equal([]);
    expect(asked).to.deep.equal([]);
  });

  it('gives up with the words of the node if even one block is refused', async () => {
    const { provider } = nodeThatRefusesOver(0);
    const failure = await readLogs(provider, {}, 1, 64).catch((error: Error) => error.message);
    expect(failure).to.equal('query returned more than 10000 results');
  });
});
