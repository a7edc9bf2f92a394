import { expect } from 'chai';
import { allowedRange, NodeFailure } from '../../../src/chain/endpoints/failures.ts';
import { Reader } from '../../../src/chain/index/reader.ts';
import { NodeError } from '../../support/chaos/simulatedChain.ts';

const CONTRACT = `0x${'11'.repeat(20)}`;

/** A node with one log in every block, which refuses more than `most` blocks at once in words of its own. */
function nodeThatRefusesOver(most: number, words = 'query returned more than 10000 results') {
  const asked: number[] = [];
  const send = async (_: string, [filter]: { fromBlock: string; toBlock: string }[]) => {
    const [from, to] = [Number(filter?.fromBlock), Number(filter?.toBlock)];
    const blocks = to - from + 1;
    asked.push(blocks);
    if (blocks > most) throw new NodeError(-32005, words);
    return Array.from({ length: blocks }, (_, i) => ({ address: CONTRACT, blockNumber: `${from + i}` }));
  };
  return { asked, rpc: { send } };
}

describe('reading logs', () => {
  for (const most of [1, 2, 7, 100, 1_000_000]) {
    it(`gives every log once and in order from a node that allows ${most} blocks`, async () => {
      const { rpc } = nodeThatRefusesOver(most);
      const logs = await new Reader([CONTRACT]).logsBetween(rpc, 5, 205);
      expect(logs.map(({ blockNumber }) => Number(blockNumber))).to.deep.equal(
        Array.from({ length: 201 }, (_, i) => 5 + i),
      );
    });
  }

  it('settles within an eighth of the limit of a node, and wastes few requests on it', async () => {
    const { rpc, asked } = nodeThatRefusesOver(700);
    await new Reader([CONTRACT]).logsBetween(rpc, 1, 100_000);
    expect(asked.length).to.be.lessThan((1.25 * 100_000) / 700);
  });

  it('asks for less for no rate limit, and not for good after a timeout', async () => {
    const { rpc } = nodeThatRefusesOver(1_000_000);
    const reader = new Reader([CONTRACT]);
    const failing = (failure: Error) => ({ send: async () => Promise.reject(failure) });
    const before = reader.range;
    const limited = new NodeError(-32005, 'daily request count exceeded, request rate limited');
    await reader.logsBetween(failing(limited), 1, 10_000).catch(() => undefined);
    expect(reader.range).to.equal(before);
    await reader.logsBetween(failing(new NodeFailure('timeout', '')), 1, 10_000).catch(() => undefined);
    expect(reader.range).to.equal(before / 2);
    await reader.logsBetween(rpc, 1, 10_000);
    expect(reader.range).to.be.greaterThan(before);
  });

  it('gives up with the words of the node if even one block is refused', async () => {
    const { rpc } = nodeThatRefusesOver(0, 'pruned history unavailable');
    const failure = await new Reader([CONTRACT])
      .logsBetween(rpc, 1, 64)
      .catch((error: Error) => error.message);
    expect(failure).to.equal('pruned history unavailable');
  });

  for (const [words, blocks] of [
    ['block range 5000 exceeds limit of 2,000', 2000],
    ['up to a 10 block range. Based on your parameters, this block range should work: [0x0, 0x9]', 10],
    ['eth_getLogs is limited to a 10k blocks range', 10_000],
    ['query returned more than 10000 results', undefined],
    ['query exceeds max results 20000, retry with the range 100-150', 51],
    ['something went wrong', undefined],
  ] as const) {
    it(`takes from "${words.slice(0, 40)}" that ${blocks ?? 'no number of'} blocks are allowed`, () => {
      expect(allowedRange(words)).to.equal(blocks);
    });
  }
});
