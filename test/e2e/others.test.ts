import { expect } from 'chai';
import { parseEther } from 'ethers';
import { challenge } from '../../src/chain/actions/actions.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { RawLog } from '../../src/chain/index/events.ts';
import type { Rpc } from '../../src/chain/index/reader.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import type { Pass } from '../../src/chain/service/loop.ts';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import type { Runner } from '../../src/store/runner.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, type DevelopmentChain, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';

const PROVIDER = 1;
const FIRST = 3;
const SECOND = 4;

/** Lets all act in turn until none has anything to do. */
async function settle(...passes: readonly Pass[]): Promise<void> {
  for (let sent = 1; sent > 0; ) {
    sent = 0;
    for (const pass of passes) sent += await pass();
  }
}

/** A chain with one request on {@link layers}, and loops on it whose reports are kept. */
async function scene() {
  const chain: DevelopmentChain = await startChain('in-process');
  const contracts = await deployed(chain);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  await request(contracts, modelId, layersInput(1), TERMS, parseEther('0.1'));
  const lying = liar(shelf, { node: 2, element: 5, step: 7, xor: 0x00400000 });
  const reports: { who: number; report: Report }[] = [];
  const options = (who: number, runner: Runner) => ({
    contracts: asAccount(contracts, chain, who),
    runner,
    listen: (report: Report) => reports.push({ who, report }),
  });
  return {
    chain,
    contracts,
    modelId,
    shelf,
    lying,
    options,
    history: new EventIndex(contracts),
    provider: (who: number, runner: Runner) => createProvider(options(who, runner)),
    watcher: (who: number, runner: Runner) => createWatcher(options(who, runner)),
    kindsOf: (who: number) => reports.filter((one) => one.who === who).map(({ report }) => report.kind),
    collectedBy: (who: number) =>
      reports.reduce(
        (sum, one) => sum + (one.who === who && one.report.kind === 'withdrawn' ? one.report.amountWei : 0n),
        0n,
      ),
  };
}

describe('provider and watcher among others', () => {
  it('attack 3: the slower of two watchers takes its bond back, the faster is paid', async () => {
    const { chain, shelf, lying, provider, watcher, kindsOf, collectedBy } = await scene();
    const liarPass = provider(PROVIDER, lying);
    await liarPass();
    const [first, second] = [watcher(FIRST, shelf), watcher(SECOND, shelf)];
    await first();
    await second();
    await settle(liarPass, first);
    await settle(second);
    expect(kindsOf(SECOND)).to.deep.equal(['challenged', 'reclaimed', 'withdrawn']);
    expect(collectedBy(FIRST)).to.equal(parseEther('1'));
    // With its bond comes some of its gas.
    expect(Number(collectedBy(SECOND) - parseEther('0.5'))).to.be.within(1, 10 ** 14);
    await chain.stop();
  });

  it('attack 3: a challenger that stalls does not keep the watcher from winning', async () => {
    const { chain, contracts, shelf, lying, provider, watcher, history, kindsOf, collectedBy } =
      await scene();
    const liarPass = provider(PROVIDER, lying);
    await liarPass();
    const { claims } = await history.update();
    await challenge(asAccount(contracts, chain, SECOND), [...claims.values()][0]!);
    await settle(watcher(FIRST, shelf), liarPass);
    expect(kindsOf(FIRST)).to.include('challenged');
    expect(collectedBy(FIRST)).to.equal(parseEther('1'));
    await chain.stop();
  });

  it('ends a dispute by the clock when the claimant does not answer', async () => {
    const { chain, shelf, lying, provider, watcher, kindsOf, collectedBy } = await scene();
    await provider(PROVIDER, lying)();
    const pass = watcher(FIRST, shelf);
    await settle(pass);
    expect(kindsOf(FIRST)).to.deep.equal(['challenged']);
    await chain.pass(Number(TERMS.clockSeconds) + 1);
    await settle(pass);
    expect(kindsOf(FIRST)).to.deep.equal(['challenged', 'timedOut', 'withdrawn']);
    expect(collectedBy(FIRST)).to.equal(parseEther('1'));
    await chain.stop();
  });

  it('an honest provider beats a watcher that errs, by the clock', async () => {
    const { chain, shelf, lying, provider, watcher, kindsOf, collectedBy } = await scene();
    const honest = provider(PROVIDER, shelf);
    await honest();
    // This one runs the model wrongly, so it takes every right claim for wrong.
    const erring = watcher(FIRST, lying);
    await settle(erring, honest);
    expect(kindsOf(FIRST)).to.include('failed');
    await chain.pass(Number(TERMS.clockSeconds) + Number(TERMS.windowSeconds) + 1);
    await settle(honest, erring);
    expect(kindsOf(PROVIDER)).to.include.members(['timedOut', 'finalized', 'withdrawn']);
    expect(collectedBy(PROVIDER)).to.equal(parseEther('1.6'));
    expect(collectedBy(FIRST)).to.equal(0n);
    await chain.stop();
  });

  it('attack 27: a claim on a model that is not held is told and left alone', async () => {
    const { chain, shelf, lying, provider, watcher, kindsOf } = await scene();
    await provider(PROVIDER, lying)();
    const { output, commitment, trace } = shelf;
    const nothing: Runner = { model: () => undefined, output, commitment, trace };
    const pass = watcher(FIRST, nothing);
    await settle(pass, pass);
    expect(kindsOf(FIRST)).to.deep.equal(['unverified']);
    await chain.stop();
  });

  it('attack 35: challenges nothing because a node lies about a request or claim', async () => {
    const { chain, contracts, shelf, provider, history, options } = await scene();
    await settle(provider(PROVIDER, shelf));
    const { oracle } = contracts;
    const other = Buffer.from(layersInput(2)).toString('hex');
    /** A node whose logs have other bytes where inputs or outputs are. */
    const lyingNode = (event: 'Requested' | 'Claimed') => {
      const { contracts: honest, ...rest } = options(FIRST, shelf);
      const node = new Proxy(honest.provider, {
        get: (target, key) => {
          if (key !== 'send') {
            const value = Reflect.get(target, key, target);
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return async (method: string, params: unknown[]) => {
            const answer = await (target as unknown as Rpc).send(method, params);
            if (method !== 'eth_getLogs') return answer;
            return (answer as RawLog[]).map((log) => {
              const parsed = oracle.interface.parseLog({ topics: [...log.topics], data: log.data });
              if (parsed?.name !== event) return log;
              const args = [...parsed.args];
              args[args.length - 1] = event === 'Requested' ? `0x${other}` : `0x${'7f'.repeat(24)}`;
              return { ...log, data: oracle.interface.encodeEventLog(parsed.fragment, args).data };
            });
          };
        },
      });
      return createWatcher({ ...rest, contracts: { ...honest, provider: node } });
    };
    await settle(lyingNode('Requested'), lyingNode('Claimed'));
    expect(disputesIn(await history.update()).length).to.equal(0);
    await chain.stop();
  });

  it('goes on with other claims when it stumbles over one', async () => {
    const { chain, contracts, modelId, shelf, lying, provider, watcher, kindsOf, history } = await scene();
    await request(contracts, modelId, layersInput(2), TERMS, parseEther('0.1'));
    await settle(provider(PROVIDER, lying));
    const first = hexOf(layersInput(1));
    const stumbling: Runner = {
      model: (id) => shelf.model(id),
      commitment: (id, input) => shelf.commitment(id, input),
      trace: (id, input) => shelf.trace(id, input),
      output: (id, input) => {
        if (input === first) throw new Error('stumbled');
        return shelf.output(id, input);
      },
    };
    await settle(watcher(FIRST, stumbling));
    expect(kindsOf(FIRST)).to.deep.equal(['failed', 'challenged']);
    expect(disputesIn(await history.update()).length).to.equal(1);
    await chain.stop();
  });

  it('claims nothing when the right output is claimed already', async () => {
    const { chain, shelf, provider, kindsOf } = await scene();
    await settle(provider(PROVIDER, shelf));
    await settle(provider(SECOND, shelf));
    expect(kindsOf(SECOND)).to.deep.equal([]);
    await chain.stop();
  });

  it('attack 38: reads everything again when the chain is reorganised under it', async () => {
    const { chain, shelf, lying, history, provider, watcher, kindsOf } = await scene();
    const rpc = chain.account(0).provider as unknown as {
      send(method: string, params: unknown[]): Promise<string>;
    };
    const before = await rpc.send('evm_snapshot', []);
    const pass = watcher(FIRST, shelf);
    await provider(PROVIDER, lying)();
    expect(claimsIn(await history.update()).length).to.equal(1);
    await pass();
    expect(kindsOf(FIRST)).to.deep.equal(['challenged']);
    await rpc.send('evm_revert', [before]);
    await rpc.send('evm_mine', []);
    expect(claimsIn(await history.update()).length).to.equal(0);
    // On the new chain the same claim number is an honest claim: it must not be challenged.
    await provider(PROVIDER, shelf)();
    await settle(pass);
    const world = await history.update();
    expect([claimsIn(world).length, disputesIn(world).length]).to.deep.equal([1, 0]);
    expect(kindsOf(FIRST)).to.deep.equal(['challenged', 'verified']);
    await chain.stop();
  });

  it('attack 34: waits for a transaction that an earlier run left in the pool', async () => {
    const { chain, shelf, lying, provider, watcher, history, kindsOf } = await scene();
    const liarPass = provider(PROVIDER, lying);
    await liarPass();
    const account = chain.account(FIRST);
    const rpc = account.provider as unknown as { send(method: string, params: unknown[]): Promise<unknown> };
    await rpc.send('evm_setAutomine', [false]);
    const earlier = watcher(FIRST, shelf)();
    while ((await account.provider?.getTransactionCount(account, 'pending')) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await watcher(FIRST, shelf)()).to.equal(0);
    await rpc.send('evm_setAutomine', [true]);
    await rpc.send('evm_mine', []);
    await earlier;
    await settle(watcher(FIRST, shelf));
    expect(disputesIn(await history.update()).length).to.equal(1);
    // It also tells that it does not know what waits.
    expect(kindsOf(FIRST)).to.deep.equal(['warned', 'challenged']);
    await chain.stop();
  });
});
