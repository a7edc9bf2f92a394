import { expect } from 'chai';
import type { Provider, Signer } from 'ethers';
import { DeploymentError } from '../../src/chain/contracts/contracts.ts';
import { BOUNDS, boundsFor, outlastsSeconds } from '../../src/chain/deployment/bounds.ts';
import { CREATE_X } from '../../src/chain/deployment/createX.ts';
import type { Plan } from '../../src/chain/deployment/deploy.ts';
import { WITH_CLZ } from '../../src/chain/deployment/edition.ts';
import { type Released, release } from '../../src/chain/deployment/release.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { installCreateX } from '../support/createX.ts';
import { type DevelopmentChain, startChain } from '../support/protocol.ts';

const PLAN: Plan = { edition: WITH_CLZ, bounds: BOUNDS.trial };
const once = { confirmations: 1 };
const CONTRACTS = ['registry', 'referee', 'oracle'];

/** The account on a node through which its process ends before, or right after, it sends its last transaction. */
function mortal(account: Signer, sends: number, dies: 'before sending' | 'after sending'): Signer {
  let left = sends;
  const node = account.provider!;
  const broadcastTransaction: Provider['broadcastTransaction'] = async (raw) => {
    if (left === 0 && dies === 'before sending') throw new Error('killed');
    const response = await node.broadcastTransaction(raw);
    if (left-- === 0) throw new Error('killed');
    return response;
  };
  const dying = new Proxy(node, {
    get(target, name) {
      if (name === 'broadcastTransaction') return broadcastTransaction;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return account.connect(dying);
}

const addressesOf = ({ contracts }: Released): Promise<string[]> =>
  Promise.all(
    [contracts.registry, contracts.referee, contracts.oracle, contracts.game].map((one) => one.getAddress()),
  );

/** Number of contracts that CreateX has created. */
const creations = async (provider: Provider): Promise<number> =>
  (await provider.getLogs({ address: CREATE_X, fromBlock: 0 })).length;

describe('releasing the contracts', () => {
  let chain: DevelopmentChain;
  let signer: Signer;
  let provider: Provider & { send(method: string, params: unknown[]): Promise<unknown> };
  let fresh: unknown;
  before(async () => {
    chain = await startChain('anvil');
    signer = chain.account(0);
    provider = signer.provider as typeof provider;
    await installCreateX(signer);
  });
  after(() => chain?.stop());
  beforeEach(async () => {
    fresh = await provider.send('evm_snapshot', []);
  });
  afterEach(() => provider.send('evm_revert', [fresh]));

  it('gives the same addresses to everybody, at every nonce, and sends nothing twice', async () => {
    const first = await release(signer, PLAN, once);
    expect([first.sameEverywhere, first.created]).to.deep.equal([true, CONTRACTS]);
    const again = await release(chain.account(1), PLAN, once);
    expect(again.created).to.deep.equal([]);
    expect(await addressesOf(again)).to.deep.equal(await addressesOf(first));
    expect(await provider.getTransactionCount(await chain.account(1).getAddress())).to.equal(0);
  });

  it('shares what does not depend on the bounds between deployments of different ones', async () => {
    const trial = await addressesOf(await release(signer, PLAN, once));
    const safe = await release(signer, { ...PLAN, bounds: BOUNDS.safe }, once);
    expect(safe.created).to.deep.equal(['oracle']);
    const [registry, referee, oracle, game] = await addressesOf(safe);
    expect([registry, referee]).to.deep.equal(trial.slice(0, 2));
    expect(trial).to.not.include(oracle).and.to.not.include(game);
  });

  for (const dies of ['before sending', 'after sending'] as const) {
    for (const sends of [0, 1, 2]) {
      it(`goes on where it was killed ${dies} transaction ${sends + 1}, and leaves no orphan`, async () => {
        const whole = await addressesOf(await release(signer, PLAN, once));
        await provider.send('evm_revert', [fresh]);
        fresh = await provider.send('evm_snapshot', []);
        const killed = await release(mortal(signer, sends, dies), PLAN, once).catch(String);
        expect(killed).to.match(/killed/);
        const there = sends + (dies === 'after sending' ? 1 : 0);
        const rest = await release(signer, PLAN, once);
        expect(rest.created).to.deep.equal(CONTRACTS.slice(there));
        expect(await addressesOf(rest)).to.deep.equal(whole);
        expect(await creations(provider)).to.equal(CONTRACTS.length);
      });
    }
  }

  it('waits for a pending transaction of a killed run, and sends none again', async () => {
    await provider.send('evm_setAutomine', [false]);
    await release(mortal(signer, 0, 'after sending'), PLAN, once).catch(String);
    const said: string[] = [];
    const mining = setInterval(() => void provider.send('evm_mine', []), 300);
    try {
      const { created } = await release(signer, PLAN, { ...once, onStep: (step) => said.push(step) });
      expect(created).to.deep.equal(['referee', 'oracle']);
    } finally {
      clearInterval(mining);
      await provider.send('evm_setAutomine', [true]);
    }
    expect(said[0]).to.equal('waiting for an earlier transaction of this account');
    expect(await creations(provider)).to.equal(CONTRACTS.length);
  });

  it('waits for confirmations, and deploys again what a reorganisation took', async () => {
    let undone = false;
    const onStep = async (step: string): Promise<void> => {
      if (!step.startsWith('waiting for 3 confirmations') || undone) return;
      undone = true;
      await provider.send('anvil_reorg', [1, []]);
    };
    const mining = setInterval(() => void provider.send('evm_mine', []), 300);
    try {
      const released = await release(signer, PLAN, { confirmations: 3, onStep: (step) => void onStep(step) });
      expect(undone).to.equal(true);
      const oracle = await released.contracts.oracle.getAddress();
      expect(await provider.getCode(oracle)).to.not.equal('0x');
      expect(await creations(provider)).to.equal(CONTRACTS.length);
    } finally {
      clearInterval(mining);
    }
  });

  it('refuses a chain that lasts and lacks CreateX, and names the factory', async () => {
    await provider.send('anvil_setCode', [CREATE_X, '0x']);
    await provider.send('anvil_setChainId', [5]);
    const lasting = await openEndpoint(chain.url!);
    const error = await release(signer.connect(lasting), PLAN, once).catch((failure: Error) => failure);
    lasting.destroy();
    await provider.send('anvil_setChainId', [31337]);
    expect(error).to.be.instanceOf(DeploymentError);
    expect((error as Error).message).to.match(/chain 5 lacks the factory CreateX at 0xba5Ed0/);
  });

  it('deploys from the account on a development chain without CreateX', async () => {
    for (const code of ['0x', '0x00']) {
      await provider.send('anvil_setCode', [CREATE_X, code]);
      const { sameEverywhere, created } = await release(signer, PLAN, once);
      expect([sameEverywhere, created]).to.deep.equal([false, CONTRACTS]);
    }
  });
});

describe('bounds by chain', () => {
  const DAY = 86_400;
  it('outlast a day on layer 1, and three on a rollup, without a sequencer', () => {
    for (const chainId of [1n, 11155111n, 560048n]) expect(boundsFor(chainId)).to.equal('safe');
    for (const chainId of [10n, 8453n, 42161n, 84532n, 11155420n, 421614n]) {
      expect(boundsFor(chainId)).to.equal('rollup');
    }
    expect([outlastsSeconds(BOUNDS.safe), outlastsSeconds(BOUNDS.rollup)]).to.deep.equal([DAY, 3 * DAY]);
  });
});
