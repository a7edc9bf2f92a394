import { expect } from 'chai';
import { openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { AccountBalance } from '../../src/chain/money/balance.ts';
import { FakeNode } from '../support/fakeNode.ts';

const ACCOUNT = `0x${'11'.repeat(20)}`;

describe('the ether of an account, as several nodes tell of it', () => {
  for (const [count, lie] of [
    [2, '0x0'],
    [2, '0xffffffffff'],
    [3, '0x0'],
    [3, '0xffffffffff'],
  ] as const) {
    it(`is not what one of ${count} says that says ${Number(lie)} wei`, async () => {
      const nodes = Array.from({ length: count }, () => new FakeNode());
      const urls = await Promise.all(nodes.map((node) => node.start()));
      const [liar, ...honest] = nodes as [FakeNode, ...FakeNode[]];
      for (const node of honest) node.delayMs = 20;
      const provider = await openEndpoints(urls);
      const balance = new AccountBalance(provider, ACCOUNT);
      expect(await balance.read()).to.equal(100n);
      const usual = liar.result;
      liar.result = (call) => (call.method === 'eth_getBalance' ? lie : usual(call));
      for (let i = 0; i < 3; i++) expect(await balance.read()).to.equal(100n);
      for (const node of honest) node.head = 70;
      expect(await balance.read()).to.equal(70n);
      provider.destroy();
      await Promise.all(nodes.map((node) => node.stop()));
    });
  }

  it('is what the only node says', async () => {
    const node = new FakeNode();
    const provider = await openEndpoints([await node.start()]);
    const balance = new AccountBalance(provider, ACCOUNT);
    for (const head of [100, 1, 5000]) {
      node.head = head;
      expect(await balance.read()).to.equal(BigInt(head));
    }
    provider.destroy();
    await node.stop();
  });
});
