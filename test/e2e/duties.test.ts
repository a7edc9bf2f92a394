// Duties of a pass besides moving: nothing waits for a run, and a right answer is claimed again.
import { expect } from 'chai';
import { parseEther } from 'ethers';
import { challenge, finalize, timeout, withdraw } from '../../src/chain/actions/actions.ts';
import { finalizeCall, withdrawCall } from '../../src/chain/contracts/calls.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { Collector } from '../../src/chain/service/collect.ts';
import { gasLimitOver } from '../../src/chain/transactions/gasLimit.ts';
import { NotNow } from '../../src/chain/transactions/prepare.ts';
import type { Transactions } from '../../src/chain/transactions/transactions.ts';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider, provideService } from '../../src/provider/provider.ts';
import type { Runner } from '../../src/store/runner.ts';
import { createWatcher, watchService } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn, withEnded } from '../support/records.ts';

const [PROVIDER, LIAR, WATCHER, ATTACKER] = [1, 2, 3, 5];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };

async function scene() {
  const chain = await startChain('in-process');
  const contracts = await deployed(chain);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  const reports: Report[] = [];
  const index = new EventIndex(contracts);
  const at = (index: number) => asAccount(contracts, chain, index);
  return {
    ...{ chain, contracts, shelf, modelId, reports, at },
    lying: liar(shelf, FAULT),
    listen: (report: Report) => reports.push(report),
    ask: (seed: number) => request(contracts, modelId, layersInput(seed), TERMS, parseEther('0.1')),
    world: () => index.update(),
    warned: () => reports.flatMap((one) => (one.kind === 'warned' ? [`${one.about}: ${one.sentence}`] : [])),
  };
}

/** A runner whose run on one input never ends. */
const stuckOn = (runner: Runner, input: string): Runner => ({
  model: (id) => runner.model(id),
  output: (id, bytes) => (bytes === input ? new Promise(() => undefined) : runner.output(id, bytes)),
  commitment: (id, bytes) => runner.commitment(id, bytes),
  trace: (id, bytes) => runner.trace(id, bytes),
});

describe('a pass', () => {
  it('gives gas enough to a claim that is made final behind a withdrawal', async () => {
    const s = await scene();
    const provider = createProvider({ contracts: s.at(PROVIDER), runner: s.shelf });
    for (const seed of [1, 2]) await s.ask(seed);
    await provider();
    await s.chain.pass(Number(TERMS.windowSeconds) + 1);
    const [first, second] = [...(await s.world()).claims.values()];
    await finalize(s.at(PROVIDER), first!, false);
    // It is estimated while the account has a balance, which is taken out before it.
    const { signer } = s.at(PROVIDER);
    const final = await finalizeCall(s.at(PROVIDER), second!, false);
    const estimate = await signer!.estimateGas(final);
    await (await signer!.sendTransaction(await withdrawCall(s.at(PROVIDER)))).wait();
    const sent = await signer!.sendTransaction({ ...final, gasLimit: gasLimitOver(estimate) });
    const { status, gasUsed } = (await sent.wait())!;
    expect(status).to.equal(1);
    expect(gasUsed > (estimate * 115n) / 100n, 'more than a share over the estimate').to.equal(true);
    await s.chain.stop();
  });

  it('tries no withdrawal, and tells of none, once what was owed is gone', async () => {
    const s = await scene();
    await s.ask(1);
    await createProvider({ contracts: s.at(PROVIDER), runner: s.shelf })();
    await s.chain.pass(Number(TERMS.windowSeconds) + 1);
    const [claim] = [...(await s.world()).claims.values()];
    await finalize(s.at(PROVIDER), claim!, false);
    const nothingSent = { isOpen: () => false, isSent: () => false } as unknown as Transactions;
    const collector = new Collector();
    const dues = () => collector.due(s.at(PROVIDER), claim!.claimant, nothingSent, s.listen);
    const [due] = await dues();
    await withdraw(s.at(PROVIDER));
    const failure: unknown = await due!.populate().catch((thrown: unknown) => thrown);
    expect(failure).to.be.instanceOf(NotNow);
    expect(await dues()).to.deep.equal([]);
    await s.chain.stop();
  });

  it('attack 48: serves disputes while a model runs for ever', async () => {
    const s = await scene();
    await s.ask(1);
    const lying = createProvider({ contracts: s.at(LIAR), runner: s.lying });
    await lying();
    const runner = stuckOn(s.shelf, hexOf(layersInput(2)));
    const watcher = watchService({ contracts: s.at(WATCHER), runner, listen: s.listen, runsAtOnce: 2 });
    const step = async (): Promise<void> => {
      await watcher.pass();
      await watcher.next(50);
    };
    for (let i = 0; i < 4; i++) await step();
    // A right claim, whose run never ends.
    await s.ask(2);
    await createProvider({ contracts: s.at(PROVIDER), runner: s.shelf })();
    for (let i = 0; i < 30 && (await s.world()).claim((1n << 32n) | 1n)?.status === 'open'; i++) {
      await step();
      await lying();
    }
    expect(watcher.isBusy()).to.equal(true);
    expect((await s.world()).claim((1n << 32n) | 1n)?.status).to.equal('falsified');
    await s.chain.stop();
  });

  it('attack 48: answers a dispute before a flood of requests, whatever waits', async () => {
    const s = await scene();
    await s.ask(1);
    const provider = provideService({
      contracts: s.at(PROVIDER),
      runner: s.shelf,
      listen: s.listen,
      sending: { inFlight: 2 },
    });
    const steps = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await provider.pass();
        await provider.next(20);
      }
    };
    await steps(3);
    const [claim] = [...(await s.world()).claims.values()];
    for (let i = 2; i <= 30; i++) await s.ask(i);
    await steps(2);
    await challenge(s.at(ATTACKER), claim!);
    await steps(4);
    const { claims, disputes } = await s.world();
    expect([...disputes.values()][0]!.view.position.phase).to.not.equal('Root');
    expect(claims.size).to.be.lessThan(30);
    await s.chain.stop();
  });

  it('claims again what was lost by the clock alone, and tells what was lost', async () => {
    const s = await scene();
    await s.ask(1);
    const provider = createProvider({ contracts: s.at(PROVIDER), runner: s.shelf, listen: s.listen });
    await provider();
    const [claim] = [...(await s.world()).claims.values()];
    await challenge(s.at(ATTACKER), claim!);
    // Nobody is at home.
    await s.chain.pass(Number(TERMS.clockSeconds) + 1);
    await provider();
    expect(s.warned().join()).to.match(/overdue: dispute 1: the own clock ran out at \d+/);
    await timeout(s.at(ATTACKER), [...(await s.world()).disputes.values()][0]!);
    await provider();
    expect(s.warned().join()).to.contain('lost: dispute 1: lost to');
    const claims = claimsIn(await s.world());
    expect(claims.map(({ status }) => status)).to.deep.equal(['falsified', 'open']);
    await s.chain.stop();
  });

  it('gives a claim up after three challenges that were lost by the clock', async () => {
    const s = await scene();
    await request(
      s.contracts,
      s.modelId,
      layersInput(1),
      { ...TERMS, windowSeconds: 100n * TERMS.clockSeconds },
      0n,
    );
    const provider = createProvider({ contracts: s.at(PROVIDER), runner: s.shelf });
    await provider();
    // A machine that computes wrongly takes every right claim for wrong, and can prove nothing.
    const erring = createWatcher({ contracts: s.at(WATCHER), runner: s.lying, listen: s.listen });
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 4; j++) {
        await erring();
        await provider();
      }
      await s.chain.pass(Number(TERMS.clockSeconds) + 1);
      await provider();
    }
    const disputes = [...withEnded(await s.world()).disputes.values()];
    expect(disputes.map(({ ended }) => ended?.reason)).to.deep.equal(Array(3).fill('ChallengerTimeout'));
    expect(s.warned().filter((one) => one.includes('not challenged again'))).to.have.length(1);
    await s.chain.stop();
  });

  it('does not claim again what a proof has falsified', async () => {
    const s = await scene();
    await s.ask(1);
    const lying = createProvider({ contracts: s.at(LIAR), runner: s.lying });
    const watcher = createWatcher({ contracts: s.at(WATCHER), runner: s.shelf });
    for (let i = 0; i < 8; i++) {
      await lying();
      await watcher();
    }
    const claims = claimsIn(await s.world());
    expect(claims.map(({ status }) => status)).to.deep.equal(['falsified']);
    await s.chain.stop();
  });

  it('opens no second dispute on a claim while the events are behind the chain', async () => {
    const s = await scene();
    await s.ask(1);
    await createProvider({ contracts: s.at(LIAR), runner: s.lying })();
    const before = await s.world();
    await createWatcher({ contracts: s.at(WATCHER), runner: s.shelf })();
    expect((await s.world()).disputes.size).to.equal(1);
    // A process that was started again, and is shown the world as it was.
    const stale = { update: async () => before };
    await createWatcher({ contracts: s.at(WATCHER), runner: s.shelf, history: stale })();
    expect((await s.world()).disputes.size).to.equal(1);
    await s.chain.stop();
  });

  it('says that a dispute cannot be played because its model is not held', async () => {
    const s = await scene();
    await s.ask(1);
    const provider = createProvider({ contracts: s.at(PROVIDER), runner: s.shelf });
    await provider();
    await challenge(s.at(ATTACKER), [...(await s.world()).claims.values()][0]!);
    const { output, commitment, trace } = s.shelf;
    const nothing: Runner = { model: () => undefined, output, commitment, trace };
    await createProvider({ contracts: s.at(PROVIDER), runner: nothing, listen: s.listen })();
    expect(s.warned()[0]).to.match(
      /^unplayed: dispute 1: cannot be answered, because model 0x\w+ is not held here; its clock runs until \d+/,
    );
    await s.chain.stop();
  });
});
