// Provider and watcher on a real node whose pool, fees and blocks misbehave. `npm run chaos` has the long forms.
import { expect } from 'chai';
import { Transaction } from 'ethers';
import type { World } from '../../src/chain/contracts/world.ts';
import type { ChainService } from '../../src/chain/service/service.ts';
import { request } from '../../src/client/client.ts';
import { provideService } from '../../src/provider/provider.ts';
import { watchService } from '../../src/watcher/watcher.ts';
import { leastClockLeft } from '../support/chaos/crowd.ts';
import { Rig, type Running } from '../support/chaos/rig.ts';
import { layersInput, liar } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const [LIAR, WATCHER, PROVIDER] = [4, 2, 1];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const GWEI = 10n ** 9n;

const kinds = ({ reports }: Running): string[] => reports.map(({ kind }) => kind);

/** A transaction in a pool, as a node shows it. */
function pending(raw: string): object {
  const { hash, from, to, nonce, data, value, gasLimit, type, chainId, signature } = Transaction.from(raw);
  const hex = (n: bigint | number): string => `0x${n.toString(16)}`;
  return {
    ...{ hash, from, to, input: data, blockHash: null, blockNumber: null, transactionIndex: null },
    ...{ nonce: hex(nonce), value: hex(value), gas: hex(gasLimit), type: hex(type!), chainId: hex(chainId) },
    ...{ gasPrice: '0x1', maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x1', accessList: [] },
    ...{ r: signature!.r, s: signature!.s, v: hex(signature!.yParity), yParity: hex(signature!.yParity) },
  };
}

const falsified = ({ claims }: World): number =>
  [...claims.values()].filter(({ status }) => status === 'falsified').length;

describe('services on a node whose pool and blocks misbehave', function () {
  this.timeout(300_000);
  let rig: Rig;

  /** A liar that answers every request wrongly, and plays. */
  const startLiar = (): Running =>
    rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: liar(rig.shelf, FAULT), listen }));

  const startWatcher = async (): Promise<Running> => {
    const contracts = await rig.behindProxy(WATCHER);
    return rig.run((listen) => watchService({ contracts, runner: rig.shelf, listen }));
  };

  const ask = async (seed: number, clockSeconds = 3600n): Promise<void> => {
    await request(
      rig.contracts,
      rig.modelId,
      layersInput(seed),
      { ...TERMS, windowSeconds: 7200n, clockSeconds },
      0n,
    );
  };

  /** Makes blocks one by one, each after all have looked at the one before: a busy machine misses no clock of minutes. */
  const stepUntil = async (done: (world: World) => boolean, baseFeeWei: () => bigint): Promise<World> => {
    rig.mine(false);
    for (;;) {
      const world = await rig.world();
      if (done(world)) return world;
      await rig.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFeeWei().toString(16)}`);
      await rig.step();
    }
  };

  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(() => rig.stop());

  it('attack 49: a transaction that stays in the pool stops nothing, and is replaced', async () => {
    await ask(1);
    await ask(2);
    startLiar();
    // A pool that keeps a transaction and never hands it on: it knows its hash, and it is never mined.
    let stuck: { raw: unknown; hash: string } | undefined;
    rig.proxy.fault = ({ method, params: [first] }) => {
      if (method === 'eth_sendRawTransaction' && (!stuck || stuck.raw === first)) {
        stuck ??= { raw: first, hash: Transaction.from(first as string).hash as string };
        return { result: stuck.hash };
      }
      const isLook = method === 'eth_getTransactionByHash' && first === stuck?.hash;
      return isLook ? { result: pending(stuck!.raw as string) } : undefined;
    };
    const watcher = await startWatcher();
    await rig.until((world) => falsified(world) === 2);
    expect(stuck).to.not.equal(undefined);
    expect(kinds(watcher)).to.include('warned').and.not.include('failed');
  });

  it('attack 49: what the pool forgets again and again is sent again', async () => {
    await ask(1);
    startLiar();
    const watcher = await startWatcher();
    let forgotten = 0;
    const forgetting = setInterval(() => {
      if (forgotten >= 5) return;
      void rig.rpc('anvil_dropAllTransactions').then(() => forgotten++);
    }, 130);
    await rig.until((world) => falsified(world) === 1);
    clearInterval(forgetting);
    expect(forgotten).to.be.greaterThan(2);
    expect(watcher.reports.filter(({ kind }) => kind === 'challenged')).to.have.length(1);
  });

  it('attack 36: a base fee that rises twentyfold in minutes is followed', async () => {
    await ask(1, 600n);
    startLiar();
    await startWatcher();
    await rig.until(({ disputes }) => disputes.size === 1);
    const { disputes } = await stepUntil(
      (world) => falsified(world) === 1,
      () => 20n * GWEI,
    );
    expect([...disputes.values()][0]!.ended).to.deep.equal({
      winner: rig.address(WATCHER),
      reason: 'WrongWord',
    });
  });

  describe('attack 36: a base fee of three times the usual ceiling, in a clock of 15 minutes', () => {
    const [CLOCK, URGENT] = [900n, 600];
    const [HIGH, USUAL] = [300n * GWEI, 100n * GWEI];
    let baseFeeWei: bigint;

    /** A dispute in which the watcher is to move while the base fee is high. */
    const startDispute = async (): Promise<Running> => {
      await ask(1, CLOCK);
      startLiar();
      const watcher = await startWatcher();
      await rig.until(({ disputes }) => disputes.size === 1);
      baseFeeWei = HIGH;
      return watcher;
    };
    const until = (done: (world: World) => boolean): Promise<World> => stepUntil(done, () => baseFeeWei);
    /** Prices that a sender put on what it has sent since the fee rose. */
    const offers = (): bigint[] =>
      rig.proxy.sent.map((raw) => Transaction.from(raw).maxFeePerGas!).filter((wei) => wei > 50n * GWEI);
    const said = ({ reports }: Running): string =>
      reports.flatMap((one) => (one.kind === 'warned' ? [one.sentence] : [])).join('\n');

    it('is paid near the deadline, and by less than is at stake', async () => {
      const watcher = await startDispute();
      const { disputes } = await until((world) => falsified(world) === 1);
      const reason = { winner: rig.address(WATCHER), reason: 'WrongWord' };
      expect([...disputes.values()][0]!.ended).to.deep.equal(reason);
      const left = (await leastClockLeft(rig, WATCHER, 'challenger')) * Number(CLOCK);
      expect(left, 'seconds left after the last move').to.be.within(1, URGENT);
      expect(offers().some((wei) => wei >= HIGH)).to.equal(true);
      expect(said(watcher)).to.match(/waits, because the base fee is 300 gwei and the ceiling is \d/);
      expect(said(watcher)).to.match(/pays up to \d+(\.\d+)? gwei, more than the usual 100, because/);
      const costWei = (await rig.transactions(WATCHER)).reduce((sum, one) => sum + one.costWei, 0n);
      expect(costWei < TERMS.challengeBondWei + TERMS.claimBondWei / 2n, `${costWei} wei`).to.equal(true);
    });

    it('is not paid from the gas that open disputes may need', async () => {
      const watcher = await startDispute();
      const reserve = (): bigint => (watcher.service as ChainService).status().reserveWei;
      await until(() => reserve() > 0n);
      const reserveWei = reserve();
      await rig.rpc('anvil_setBalance', rig.address(WATCHER), `0x${reserveWei.toString(16)}`);
      const { block } = await until(({ disputes }) => disputes.values().next().value!.moves.length > 1);
      // Until long after the deadline is near.
      await until((world) => world.block.timestamp > block.timestamp + CLOCK - 300n);
      expect(offers()).to.deep.equal([]);
      expect(said(watcher).split('\n'), 'told now and then, not at each block').to.have.length.below(4);
      baseFeeWei = 60n * GWEI;
      const { disputes } = await until((world) => falsified(world) === 1);
      expect([...disputes.values()][0]!.ended?.winner).to.equal(rig.address(WATCHER));
      for (const wei of offers()) expect(wei <= USUAL, `${wei} wei`).to.equal(true);
    });
  });

  it('a pool that takes no fee below its least is given more', async () => {
    await ask(1);
    startLiar();
    let refused = 0;
    rig.proxy.fault = ({ method }) =>
      method === 'eth_sendRawTransaction' && refused++ < 3 ? { error: 'transaction underpriced' } : undefined;
    await startWatcher();
    await rig.until((world) => falsified(world) === 1);
    expect(refused).to.be.greaterThan(3);
  });

  for (const givesBack of [true, false]) {
    it(`attack 38: reorganisations, transactions ${givesBack ? 'given back' : 'lost'}, change nothing in the end`, async () => {
      await ask(1);
      startLiar();
      const watcher = await startWatcher();
      const provider = rig.run((listen) =>
        provideService({ contracts: rig.at(PROVIDER), runner: rig.shelf, listen }),
      );
      for (const depth of [1, 2, 3, 5]) {
        await rig.until(({ claims }) => claims.size > 0);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await rig.reorganise(depth, givesBack);
      }
      const isSettled = ({ claims }: World): boolean =>
        [...claims.values()].some(
          (one) => one.claimant === rig.address(LIAR) && one.status === 'falsified',
        ) && [...claims.values()].some((one) => one.claimant === rig.address(PROVIDER));
      const { disputes } = await rig.until(isSettled);
      const watchersDisputes = [...disputes.values()].filter(
        ({ challenger }) => challenger === rig.address(WATCHER),
      );
      expect(watchersDisputes, 'bonds of the watcher').to.have.length(1);
      expect([...kinds(watcher), ...kinds(provider)]).to.include('challenged');
    });
  }
});
