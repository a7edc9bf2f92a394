import { expect } from 'chai';
import { parseEther } from 'ethers';
import type { World } from '../../src/chain/contracts/world.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { repeat } from '../../src/chain/service/loop.ts';
import { awaitResult, publish, request } from '../../src/client/client.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';
import { untilWorld } from '../support/untilWorld.ts';

const LIAR = 1;
const HONEST = 2;
const WATCHER = 3;
const PAUSE_MS = 30;

const until = (history: EventIndex, done: (world: World) => boolean): Promise<World> =>
  untilWorld(history, done, { pauseMs: PAUSE_MS });

for (const kind of ['in-process', 'hardhat', 'anvil'] as const) {
  describe(`provider and watcher as loops, chain: ${kind}`, () => {
    it('answer a request, beat a liar to the end and are paid', async () => {
      const chain = await startChain(kind);
      const ending = new AbortController();
      try {
        const contracts = await deployed(chain);
        const shelf = await layersShelf();
        const modelId = await publish(contracts, modelOf(layers().program), 'ipfs://layers');
        const input = layersInput(1);
        const { requestId } = await request(contracts, modelId, input, TERMS, parseEther('0.1'));
        const reports: (Report & { by: string })[] = [];
        const player = (by: string, index: number) => ({
          contracts: asAccount(contracts, chain, index),
          listen: (report: Report) => reports.push({ ...report, by }),
        });
        const lying = liar(shelf, { node: 2, element: 4, step: 77, xor: 0x00400000 });
        const passes = [
          createProvider({ ...player('liar', LIAR), runner: lying }),
          createProvider({ ...player('honest', HONEST), runner: shelf }),
          createWatcher({ ...player('watcher', WATCHER), runner: shelf }),
        ];
        const failures: string[] = [];
        const options = {
          signal: ending.signal,
          pauseMs: PAUSE_MS,
          onFailure: (sentence: string) => failures.push(sentence),
        };
        const loops = passes.map((pass) => repeat(pass, options));
        const history = new EventIndex(contracts);
        const settled = await until(history, (world) =>
          claimsIn(world).some(({ status }) => status === 'falsified'),
        );
        await until(history, (world) => claimsIn(world).length === 2);
        await chain.pass(Number(TERMS.windowSeconds) + 1);
        const answer = await awaitResult(contracts, requestId, 30_000, PAUSE_MS);
        await until(history, (world) => world.request(requestId)?.status === 'answered');
        const honestOutput = await shelf.output(modelId, hexOf(input));
        expect(hexOf(answer)).to.equal(honestOutput);

        const liarAddress = await chain.account(LIAR).getAddress();
        const watcherAddress = await chain.account(WATCHER).getAddress();
        const [dispute, ...others] = disputesIn(settled);
        expect(others, 'one dispute, on the lie only').to.deep.equal([]);
        expect(dispute?.claim.claimant).to.equal(liarAddress);
        expect(dispute?.ended).to.deep.equal({ winner: watcherAddress, reason: 'WrongWord' });
        expect(dispute?.view.position.nodeIndex).to.equal(2);
        expect(dispute?.view.position.index).to.equal(4);

        // Half of the liar's bond and the watcher's own bond come back to the watcher; the honest one has bond and fee.
        const withdrawn = async (by: string, wei: bigint) => {
          for (;;) {
            const sum = reports
              .filter((report) => report.by === by)
              .reduce((total, report) => total + (report.kind === 'withdrawn' ? report.amountWei : 0n), 0n);
            if (sum >= wei) return sum;
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
          }
        };
        expect(await withdrawn('watcher', parseEther('1'))).to.equal(parseEther('1'));
        expect(await withdrawn('honest', parseEther('1.1'))).to.equal(parseEther('1.1'));
        expect(await contracts.oracle.owed(liarAddress)).to.equal(0n);
        expect(reports.filter(({ kind: report }) => report === 'failed')).to.deep.equal([]);
        ending.abort();
        await Promise.all(loops);
        expect(failures).to.deep.equal([]);
      } finally {
        ending.abort();
        await chain.stop();
      }
    });
  });
}

describe('the final answer', () => {
  it('cannot be read before finality', async () => {
    const chain = await startChain('in-process');
    const contracts = await deployed(chain);
    const modelId = await publish(contracts, modelOf(layers().program), '');
    const { requestId } = await request(contracts, modelId, layersInput(1), TERMS, 0n);
    const shelf = await layersShelf();
    await createProvider({ contracts: asAccount(contracts, chain, HONEST), runner: shelf })();
    const failure = await awaitResult(contracts, requestId, 50, 20).catch((error: Error) => error.message);
    expect(failure).to.equal(`no answer in 50 ms: request ${requestId} has no final answer yet`);
    expect(bytesOfHex(await shelf.output(modelId, hexOf(layersInput(1))))).to.have.length(24);
    await chain.stop();
  });
});
