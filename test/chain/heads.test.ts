// Tests what a node may say about its newest block, and that one of several cannot make the others seem behind.
import { expect } from 'chai';
import { openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { type Head, isBelieved } from '../../src/chain/endpoints/heads.ts';
import { FakeNode } from '../support/fakeNode.ts';

const NOW = 1_700_000_000;
const head = (number: number, timestamp?: number): Head => ({ number, timestamp });
const BALANCE = `0x${'00'.repeat(20)}`;

describe('heads of several nodes', () => {
  it('believes none far above the median of the others', () => {
    expect(isBelieved(head(2 ** 40), [head(100), head(102)], NOW)).to.equal(false);
    expect(isBelieved(head(100), [head(2 ** 40), head(102)], NOW)).to.equal(true);
    expect(isBelieved(head(110), [head(100), head(102)], NOW)).to.equal(true);
  });

  it('decides between two by their headers: not of the future, later, lower', () => {
    const pairs: [Head, Head][] = [
      [head(100, NOW), head(2 ** 40)],
      [head(5000, NOW), head(100, NOW - 10_000_000)],
      [head(100, NOW), head(100, NOW + 10_000_000)],
      [head(100, NOW), head(2 ** 40, NOW)],
      [head(100), head(2 ** 40)],
    ];
    for (const [right, wrong] of pairs) {
      expect([isBelieved(right, [wrong], NOW), isBelieved(wrong, [right], NOW)]).to.deep.equal([true, false]);
    }
    expect(isBelieved(head(100), [head(120)], NOW)).to.equal(true);
    expect(isBelieved(head(2 ** 40), [], NOW)).to.equal(true);
  });

  /** Looks by node, where the first says something strange about its head once, and is the quickest. */
  async function looks(
    hasHeaders: boolean,
    count: number,
    lie: (node: FakeNode) => unknown,
  ): Promise<number[]> {
    const nodes = Array.from({ length: count }, () => new FakeNode());
    const urls = await Promise.all(nodes.map((node) => node.start()));
    const [frozen, ...honest] = nodes as [FakeNode, ...FakeNode[]];
    for (const node of nodes) node.hasHeaders = hasHeaders;
    for (const node of honest) node.delayMs = 20;
    const usual = frozen.result;
    let lies = 1;
    frozen.result = (call) => (call.method === 'eth_blockNumber' && lies-- > 0 ? lie(frozen) : usual(call));
    const notices: string[] = [];
    const provider = await openEndpoints(urls, { onNotice: (sentence) => notices.push(sentence) });
    try {
      for (let i = 0; i < 6; i++) {
        await (await provider.look()).getBalance(BALANCE);
        for (const node of honest) node.head += 5;
        await new Promise((resolve) => setTimeout(resolve, 1050));
      }
      return nodes.map(({ calls }) => calls.filter((method) => method === 'eth_getBalance').length);
    } finally {
      provider.destroy();
      await Promise.all(nodes.map((node) => node.stop()));
    }
  }

  const LIES: Record<string, () => unknown> = { 'block 2^40': () => '0x10000000000', 'no number': () => 'x' };
  for (const [what, lie] of Object.entries(LIES)) {
    for (const count of [2, 3]) {
      it(`leaves a frozen node that said ${what} once, of ${count}`, async () => {
        const [frozen = 0] = await looks(count === 2, count, lie);
        expect(frozen).to.be.at.most(3);
      }).timeout(30_000);
    }
  }
});
