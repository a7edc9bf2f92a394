// What comes too early is asked for once a block, however wrong this machine's clock is.
import { expect } from 'chai';
import { IInferenceOracle__factory } from '#typechain';
import { Transactions } from '../../src/chain/transactions/transactions.ts';
import { dueNamed, joinWords, PoolChain } from '../support/chaos/pool.ts';

const WINDOW_ENDS_AT = 60;

/** A chain whose contract refuses to make a claim final within its window. */
class EarlyChain extends PoolChain {
  override async estimate(call: Parameters<PoolChain['estimate']>[0]): Promise<bigint> {
    const gas = await super.estimate(call);
    if (12 * this.block > WINDOW_ENDS_AT) return gas;
    const { interface: oracle } = IInferenceOracle__factory.connect(this.address);
    throw Object.assign(new Error('execution reverted'), {
      data: oracle.encodeErrorResult('WindowOpen', [1n, BigInt(WINDOW_ENDS_AT)]),
    });
  }
}

describe('a due that comes too early', () => {
  it('is asked about once a block, tells of no failure, and is sent when it is time', async () => {
    const chain = new EarlyChain();
    const said: string[] = [];
    const sender = new Transactions(chain, joinWords, (report) => said.push(report.kind));
    const due = dueNamed('finalize');
    let blocks = 0;
    while (!chain.applied.includes('finalize')) {
      // A pass a second.
      for (let second = 0; second < 12; second++) await sender.step([due], chain.block);
      chain.mine();
      blocks++;
    }
    expect(blocks).to.equal(7);
    expect(chain.estimates).to.equal(blocks);
    expect(said).to.deep.equal([]);
  });
});
