// Tests that numbers of a node that are not true neither stop the index nor have it read everything again.
import { expect } from 'chai';
import { toBeHex } from 'ethers';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import { contractsOver, SimulatedChain } from '../../support/chaos/simulatedChain.ts';
import { Random } from '../../support/randomProgram.ts';

type Send = (method: string, params: unknown[]) => unknown;

/** An index over a chain, whose node says what a test has it say. */
function scene() {
  const chain = new SimulatedChain(new Random(3), { timesInLogs: true });
  for (let i = 0; i < 400; i++) chain.mine(i % 4 === 0 ? 1 : 0);
  const truth: Send = (method, params) => chain.answer(method, params);
  const node = { says: truth, asked: 0 };
  const contracts = contractsOver(async (method, params) => {
    node.asked++;
    return node.says(method, params);
  });
  return { chain, truth, node, contracts, index: new EventIndex(contracts) };
}

/** The chain's answers, with another header for the latest block. */
const withHead =
  (truth: Send, change: (header: object) => object): Send =>
  (method, params) => {
    const answer = truth(method, params);
    return params[0] === 'latest' ? change(answer as object) : answer;
  };

const failing = (looking: Promise<unknown>): Promise<string> =>
  looking.then(
    () => 'nothing',
    (failure: Error) => failure.message,
  );

describe('an index behind a node whose numbers are not true', () => {
  it('does not read up to a block that the node does not have', async () => {
    const { truth, node, index, chain } = scene();
    node.says = withHead(truth, (header) => ({ ...header, number: '0x10000000000' }));
    expect(await failing(index.update())).to.match(/newest block is 1099511627776, and does not have/);
    expect(node.asked).to.be.lessThan(20);
    node.says = truth;
    expect((await index.update()).block.number).to.equal(chain.head.number);
  });

  it('does not read everything again because a node says a very early block once', async () => {
    const { truth, node, index, chain } = scene();
    const { block, cases } = await index.update();
    const early = truth('eth_getBlockByNumber', ['0x5', false]) as object;
    node.says = withHead(truth, () => early);
    expect((await index.update()).block).to.deep.equal(block);
    node.says = truth;
    node.asked = 0;
    const next = await index.update();
    expect([next.block.number, next.cases.size]).to.deep.equal([chain.head.number, cases.size]);
    expect(node.asked).to.be.lessThan(400);
  });

  it('says in one line that there cannot be so many requests, and goes on after it', async () => {
    const { truth, node, index, chain } = scene();
    node.says = (method, params) =>
      method === 'eth_call' ? toBeHex(2n ** 256n - 1n, 32) : truth(method, params);
    expect(await failing(index.update())).to.match(
      /^the Ethereum node says that there are 1157\d+ requests and 1157\d+ disputes at block \d+, which cannot be$/,
    );
    node.says = truth;
    expect((await index.update()).block.number).to.equal(chain.head.number);
  });

  it('attack 35: looks at another node where there is one, in the same update', async () => {
    const { truth, contracts, chain } = scene();
    const lies: Send[] = [
      withHead(truth, (header) => ({ ...header, number: '0x10000000000' })),
      (method, params) => (method === 'eth_getLogs' ? [null] : truth(method, params)),
      (method, params) => (method === 'eth_call' ? toBeHex(2n ** 256n - 1n, 32) : truth(method, params)),
    ];
    for (const lie of lies) {
      const nodes = [lie, truth].map((says) => ({
        send: async (method: string, params: unknown[]) => says(method, params),
        distrust: () => void nodes.shift(),
      }));
      const provider = Object.assign(Object.create(contracts.provider), { look: async () => nodes[0] });
      const world = await new EventIndex({ ...contracts, provider }).update();
      expect(world.block.number).to.equal(chain.head.number);
    }
  });
});
