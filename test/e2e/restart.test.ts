import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { publish, request } from '../../src/client/client.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, type DevelopmentChain, deployed, keyOf, startChain, TERMS } from '../support/protocol.ts';
import { disputesIn } from '../support/records.ts';

const LIAR = 1;
const WATCHER = 3;

/** A request, a lie about it, and the liar's pass. */
async function withLie(chain: DevelopmentChain) {
  const contracts = await deployed(chain);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  await request(contracts, modelId, layersInput(1), TERMS, 0n);
  const runner = liar(shelf, { node: 2, element: 5, step: 199, xor: 0x00400000 });
  const lying = createProvider({ contracts: asAccount(contracts, chain, LIAR), runner });
  const history = new EventIndex(contracts);
  return { contracts, shelf, lying, history };
}

/** Attack 34: every transaction of the watcher counts, so none was sent twice and none in vain. */
async function expectNoneTwice(chain: DevelopmentChain, history: EventIndex): Promise<void> {
  const [dispute, ...others] = disputesIn(await history.update());
  expect(others, 'other disputes').to.deep.equal([]);
  const watcher = await chain.account(WATCHER).getAddress();
  expect(dispute?.ended).to.deep.equal({ winner: watcher, reason: 'WrongWord' });
  const { provider } = chain.account(WATCHER);
  const senders = await Promise.all(
    (dispute?.moves ?? []).map(async (hash) => (await provider?.getTransaction(hash))?.from),
  );
  const moves = senders.filter((from) => from === watcher).length;
  const withdrawals = 1;
  expect(await provider?.getTransactionCount(watcher)).to.equal(moves + withdrawals);
}

describe('a watcher that is killed in the middle of a dispute', () => {
  it('goes on from the chain alone after every single move', async () => {
    const chain = await startChain('in-process');
    try {
      const { contracts, shelf, lying, history } = await withLie(chain);
      await lying();
      const reports: Report[] = [];
      let restarts = 0;
      for (let idle = 0; idle < 2; ) {
        // Nothing of the last watcher is left but what is on the chain.
        const watcher = createWatcher({
          contracts: asAccount(contracts, chain, WATCHER),
          runner: shelf,
          listen: (report) => reports.push(report),
        });
        restarts++;
        idle = (await watcher()) + (await lying()) === 0 ? idle + 1 : 0;
      }
      expect(restarts).to.be.greaterThan(4);
      expect(reports.filter(({ kind }) => kind === 'failed')).to.deep.equal([]);
      await expectNoneTwice(chain, history);
    } finally {
      await chain.stop();
    }
  });

  it('attack 37: does not challenge twice when two of it run with one key', async () => {
    const chain = await startChain('in-process');
    try {
      const { contracts, shelf, lying, history } = await withLie(chain);
      await lying();
      const player = { contracts: asAccount(contracts, chain, WATCHER), runner: shelf };
      const [one, other] = [createWatcher(player), createWatcher(player)];
      for (let idle = 0; idle < 2; ) {
        const sent = (await one()) + (await other()) + (await lying());
        idle = sent === 0 ? idle + 1 : 0;
      }
      await expectNoneTwice(chain, history);
    } finally {
      await chain.stop();
    }
  });

  it('wins as a process killed with SIGKILL and started again', async () => {
    const chain = await startChain('anvil');
    const children: ChildProcess[] = [];
    try {
      const { contracts, lying, history } = await withLie(chain);
      const oracle = await contracts.oracle.getAddress();
      const script = join(import.meta.dirname, '../support/watcherProcess.ts');
      const said: string[] = [];
      const start = (): ChildProcess => {
        const args = ['--import', 'tsx', script, chain.url as string, oracle, keyOf(WATCHER)];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        child.stdout?.on('data', (data: Buffer) => said.push(...data.toString().trim().split('\n')));
        children.push(child);
        return child;
      };
      await lying();
      let killed = 0;
      let watcher = start();
      for (;;) {
        const [dispute] = disputesIn(await history.update());
        if (dispute?.ended) break;
        // Every third of the way through: once just after the challenge, once further down.
        if (dispute && dispute.moves.length > 3 * killed && killed < 2) {
          watcher.kill('SIGKILL');
          await new Promise((resolve) => watcher.once('exit', resolve));
          watcher = start();
          killed++;
        }
        await lying();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      while (!said.includes('withdrawn')) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(killed).to.equal(2);
      expect(said.filter((line) => line.startsWith('failed'))).to.deep.equal([]);
      await expectNoneTwice(chain, history);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await chain.stop();
    }
  });
});
