import { expect } from 'chai';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { startNode } from '../support/nodeProcess.ts';

const refusal = (url: string) =>
  openEndpoint(url).then(
    () => 'connected',
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('connecting to a node', () => {
  for (const kind of ['anvil', 'hardhat'] as const) {
    it(`works with ${kind} and reads no stale state`, async () => {
      const node = await startNode(kind);
      try {
        const provider = await openEndpoint(node.url);
        const before = await provider.getBlockNumber();
        await provider.send('evm_mine', []);
        expect(await provider.getBlockNumber()).to.equal(before + 1);
        provider.destroy();
      } finally {
        await node.stop();
      }
    });
  }

  it('says in one line that an address is none or nobody answers there', async () => {
    expect(await refusal('localhost')).to.match(
      /^EndpointError: the address of an Ethereum node is not an http, https, ws or wss address$/,
    );
    expect(await refusal('ftp://127.0.0.1:1')).to.match(/^EndpointError: .* is not an http/);
    for (const protocol of ['http', 'ws']) {
      const said = await refusal(`${protocol}://127.0.0.1:1`);
      expect(said).to.match(new RegExp(`^EndpointError: no Ethereum node answers at ${protocol}:`));
    }
  });
});
