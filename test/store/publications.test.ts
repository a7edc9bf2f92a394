import { expect } from 'chai';
import type { JsonRpcApiProvider } from 'ethers';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import { publish } from '../../src/client/client.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { publicationsOf } from '../../src/store/publications.ts';
import { LETTERS, withBadText } from '../support/badText.ts';
import { layers } from '../support/layers.ts';
import { asAccount, type DevelopmentChain, deployed, startChain } from '../support/protocol.ts';

const URI = 'https://example.org/good/';
const STRANGER = 5;

describe('publications of a model', () => {
  let chain: DevelopmentChain;
  let contracts: Contracts;
  let node: JsonRpcApiProvider;

  before(async () => {
    chain = await startChain('anvil');
    contracts = await deployed(chain);
    node = contracts.provider as JsonRpcApiProvider;
  });
  after(() => chain?.stop());

  it('are read past a stranger who says with bytes that are no text where it is', async () => {
    const model = modelOf(layers().program);
    const id = await publish(contracts, model, URI);
    const { tree, program, inputs, outputs, answers } = model;
    const call = await contracts.registry.publish.populateTransaction(
      ...[tree.root, program.nodes.length, [...inputs], [...outputs], [...answers], LETTERS],
    );
    await (await chain.account(STRANGER).sendTransaction(withBadText(call))).wait();
    const { uris, publishers, published } = await publicationsOf(contracts, 0)(id);
    expect(uris).to.deep.equal([URI]);
    expect(publishers).to.have.length(2);
    expect(published?.nodeCount).to.equal(4);
  });

  it('are read again of new blocks only', async () => {
    const model = modelOf(layers().program);
    const asked: [number, number][] = [];
    const counted = new Proxy(node, {
      get: (target, name) => {
        if (name === 'look') return undefined;
        if (name !== 'send') return Reflect.get(target, name, target);
        return (method: string, params: [{ fromBlock: string; toBlock: string }]) => {
          if (method === 'eth_getLogs') asked.push([Number(params[0].fromBlock), Number(params[0].toBlock)]);
          return target.send(method, params);
        };
      },
    });
    const read = publicationsOf({ ...contracts, provider: counted }, 0);
    await node.send('anvil_mine', ['0x64']);
    const id = await publish(contracts, model, URI);
    expect((await read(id)).publishers).to.have.length(2);
    const first = await node.getBlockNumber();
    await node.send('anvil_mine', ['0x64']);
    await publish(asAccount(contracts, chain, STRANGER), model, 'https://example.org/other/');
    const { uris } = await read(id);
    expect(uris).to.deep.equal([URI, 'https://example.org/other/']);
    expect(asked).to.deep.equal([
      [0, first],
      [first - 63, await node.getBlockNumber()],
    ]);
  });
});
