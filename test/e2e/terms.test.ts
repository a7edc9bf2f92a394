// Provider and watcher under unusual terms: unpaid callbacks, data by root, copies of an answer.
import { expect } from 'chai';
import { parseEther } from 'ethers';
import { HostileConsumer__factory } from '#typechain';
import { challenge, timeout } from '../../src/chain/actions/actions.ts';
import type { Terms } from '../../src/chain/contracts/types.ts';
import type { RequestRecord } from '../../src/chain/contracts/world.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import type { ReadInput } from '../../src/chain/service/inputs.ts';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type Callbacks, createProvider } from '../../src/provider/provider.ts';
import type { Runner } from '../../src/store/runner.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';

const [PROVIDER, LIAR, WATCHER, COPYCAT, FRIEND] = [1, 2, 3, 4, 5];
const input = layersInput(1);
const WINDOW = Number(TERMS.windowSeconds) + 1;

async function scene() {
  const chain = await startChain('in-process');
  const contracts = await deployed(chain);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  const reports: { who: number; report: Report }[] = [];
  const options = (who: number, runner: Runner) => ({
    contracts: asAccount(contracts, chain, who),
    runner,
    listen: (report: Report) => reports.push({ who, report }),
  });
  const reportsOf = (who: number) => reports.filter((one) => one.who === who).map(({ report }) => report);
  return {
    chain,
    contracts,
    modelId,
    shelf,
    lying: liar(shelf, { node: 2, element: 5, step: 7, xor: 0x00400000 }),
    options,
    reportsOf,
    kindsOf: (who: number) => reportsOf(who).map(({ kind }) => kind),
    ask: (terms: Partial<Terms> = {}) =>
      request(contracts, modelId, input, { ...TERMS, ...terms }, parseEther('0.1')),
    askByRoot: (terms: Partial<Terms> = {}) => {
      const roots = [hexOf(tensorRoot(input))];
      const whole = { ...TERMS, ...terms };
      return request(
        contracts,
        modelId,
        { roots, uri: 'https://example.org/input' },
        whole,
        parseEther('0.1'),
      );
    },
    status: async () => claimsIn(await new EventIndex(contracts).update()).map((one) => one.status),
  };
}

describe('provider and watcher under terms', () => {
  /** A request with a callback whose requester is a contract; the callback takes some 50,000 gas and succeeds. */
  async function askWithCallback(
    { contracts, chain, modelId }: Awaited<ReturnType<typeof scene>>,
    feeWei: bigint,
  ) {
    const requester = await new HostileConsumer__factory(chain.account(6)).deploy();
    await requester.waitForDeployment();
    const terms = { ...TERMS, callbackGas: 5_000_000n, callbackFeeWei: feeWei };
    const oracle = await contracts.oracle.getAddress();
    await (await requester.ask(oracle, modelId, input, terms, 0n, { value: feeWei })).wait();
  }

  for (const [callbacks, feeWei, runs] of [
    ['paid', 0n, false],
    ['paid', parseEther('0.0001'), false],
    ['paid', parseEther('1'), true],
    ['always', 0n, true],
    ['never', parseEther('1'), false],
  ] as [Callbacks, bigint, boolean][]) {
    it(`attack 46: a provider told "${callbacks}" ${runs ? 'runs' : 'does not run'} a callback of 5,000,000 gas for ${feeWei} wei`, async () => {
      const s = await scene();
      await askWithCallback(s, feeWei);
      const provider = createProvider({ ...s.options(PROVIDER, s.shelf), callbacks });
      await provider();
      await s.chain.pass(WINDOW);
      await provider();
      expect(s.kindsOf(PROVIDER)).to.deep.equal(['claimed', 'finalized', 'withdrawn']);
      const asked = (await new EventIndex(s.contracts).update()).request(1n);
      expect(asked?.status).to.equal('answered');
      expect(asked?.callback).to.equal(runs ? 'done' : 'notRun');
      const [collected] = s
        .reportsOf(PROVIDER)
        .flatMap((one) => (one.kind === 'withdrawn' ? [one.amountWei] : []));
      expect(collected).to.equal(TERMS.claimBondWei + (runs ? feeWei : 0n));
      await s.chain.stop();
    });
  }

  it('attack 53: a claim whose input cannot be had is told once as unverified', async () => {
    const s = await scene();
    await s.askByRoot();
    const have: ReadInput = async () => hexOf(input);
    await createProvider({ ...s.options(LIAR, s.lying), readInput: have })();
    const watcher = createWatcher(s.options(WATCHER, s.shelf));
    for (let i = 0; i < 3; i++) await watcher();
    expect(s.reportsOf(WATCHER).map(({ kind }) => kind)).to.deep.equal(['unverified']);
    expect(s.reportsOf(WATCHER)[0]).to.include({ missing: 'input' });
    expect(await s.status()).to.deep.equal(['open']);
    await s.chain.stop();
  });

  it('attack 53: a late input is used while the window lasts, a wrong one never', async () => {
    const s = await scene();
    await s.askByRoot();
    const have: ReadInput = async () => hexOf(input);
    const lyingPass = createProvider({ ...s.options(LIAR, s.lying), readInput: have });
    await lyingPass();
    let given: string | undefined;
    const watcher = createWatcher({ ...s.options(WATCHER, s.shelf), readInput: async () => given });
    await watcher();
    given = hexOf(layersInput(2));
    await watcher();
    expect(s.kindsOf(WATCHER)).to.deep.equal(['unverified', 'failed']);
    given = hexOf(input);
    for (let sent = 1; sent > 0; ) sent = (await watcher()) + (await lyingPass());
    expect(s.kindsOf(WATCHER)).to.include.members(['challenged', 'moved', 'withdrawn']);
    expect(await s.status()).to.deep.equal(['falsified']);
    await s.chain.stop();
  });

  it('attack 53: no bond is put up on an input that was read and is gone since', async () => {
    const s = await scene();
    await s.askByRoot();
    const bonds: string[] = [];
    const once = (who: string) => {
      let reads = 0;
      const readInput: ReadInput = async () => (reads++ === 0 ? hexOf(input) : undefined);
      return { readInput, onBond: ({ requestId }: RequestRecord) => bonds.push(`${who} ${requestId}`) };
    };
    const forgetful = createProvider({ ...s.options(PROVIDER, s.shelf), ...once('claim') });
    expect(await forgetful()).to.equal(0);
    expect(s.kindsOf(PROVIDER)).to.deep.equal(['failed']);
    await createProvider({ ...s.options(LIAR, s.lying), readInput: async () => hexOf(input) })();
    const watcher = createWatcher({ ...s.options(WATCHER, s.shelf), ...once('challenge') });
    await watcher();
    expect(s.kindsOf(WATCHER)).to.deep.equal(['failed']);
    // Told before the bond, so that both are kept.
    expect([...new Set(bonds)]).to.deep.equal(['claim 1', 'challenge 1']);
    expect(await s.status()).to.deep.equal(['open']);
    await s.chain.stop();
  });

  it('attack 53: a provider leaves what it cannot read, and answers by root', async () => {
    const s = await scene();
    await s.askByRoot({ answerByRoot: true });
    const blind = createProvider(s.options(PROVIDER, s.shelf));
    expect(await blind()).to.equal(0);
    const seeing = createProvider({ ...s.options(PROVIDER, s.shelf), readInput: async () => hexOf(input) });
    await seeing();
    const { claims } = await new EventIndex(s.contracts).update();
    const [claim] = [...claims.values()];
    expect(claim!.answer.kind).to.equal('roots');
    const watcher = createWatcher({ ...s.options(WATCHER, s.shelf), readInput: async () => hexOf(input) });
    await watcher();
    expect(s.kindsOf(WATCHER)).to.deep.equal(['verified']);
    await s.chain.pass(WINDOW);
    await seeing();
    expect(await s.status()).to.deep.equal(['final']);
    expect(await s.contracts.oracle.isResult(1n, claim!.outputs)).to.equal(true);
    await s.chain.stop();
  });

  it('leaves requests that name another provider', async () => {
    const s = await scene();
    await s.ask({ provider: await s.chain.account(COPYCAT).getAddress() });
    expect(await createProvider(s.options(PROVIDER, s.shelf))()).to.equal(0);
    expect(await createProvider(s.options(COPYCAT, s.shelf))()).to.equal(1);
    await s.chain.stop();
  });

  it('attack 43: a provider claims a copied answer once the copy is disputed', async () => {
    const s = await scene();
    await s.ask();
    await createProvider(s.options(COPYCAT, s.shelf))();
    const provider = createProvider(s.options(PROVIDER, s.shelf));
    expect(await provider()).to.equal(0);
    const { claims } = await new EventIndex(s.contracts).update();
    await challenge(asAccount(s.contracts, s.chain, FRIEND), [...claims.values()][0]!);
    expect(await provider()).to.equal(1);
    await s.chain.pass(WINDOW);
    await provider();
    expect(await s.status()).to.deep.equal(['open', 'final']);
    // The copy was mined first, so the fee waits for it, and is collected once it is lost.
    const withdrawn = () =>
      s.reportsOf(PROVIDER).flatMap((one) => (one.kind === 'withdrawn' ? [one.amountWei] : []));
    for (let i = 0; i < 3; i++) await provider();
    expect(withdrawn()).to.deep.equal([TERMS.claimBondWei]);
    await s.chain.pass(Number(TERMS.clockSeconds) + 1);
    const disputes = disputesIn(await new EventIndex(s.contracts).update());
    await timeout(asAccount(s.contracts, s.chain, FRIEND), disputes[0]!);
    expect(await s.status()).to.deep.equal(['falsified', 'final']);
    for (let i = 0; i < 3; i++) await provider();
    expect(withdrawn()).to.deep.equal([TERMS.claimBondWei, parseEther('0.1')]);
    await s.chain.stop();
  });
});
