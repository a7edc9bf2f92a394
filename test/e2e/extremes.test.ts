// Terms at the ends of what an oracle may allow: services answer, check and forecast as ever, and the rest is served.
import { expect } from 'chai';
import { parseEther } from 'ethers';
import { PLAIN_TERMS, type TermBounds, type Terms } from '../../src/chain/contracts/types.ts';
import { ETHER } from '../../src/chain/contracts/unit.ts';
import { deploy } from '../../src/chain/deployment/deploy.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { forecastLines } from '../../src/cli/monitor/forecastLines.ts';
import { reportLine } from '../../src/cli/services/reportLine.ts';
import { publish, request } from '../../src/client/client.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { Monitor } from '../../src/monitor/monitor.ts';
import { Verdicts } from '../../src/monitor/verdicts.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, startChain } from '../support/protocol.ts';

const [PROVIDER, WATCHER, LIAR] = [1, 2, 4];
/** See contracts/types: a stake has 80 bits for a bond, a clock 28 for seconds. */
const MOST_BOND_WEI = 2n ** 80n - 1n;
const U32 = 2n ** 32n - 1n;
const MOST_CLOCK = 2n ** 28n - 1n;

const MIN: TermBounds = {
  ...{ claimBondWei: 2n, challengeBondWei: 1n, windowSeconds: 1n },
  ...{ clockSeconds: 1n, patienceSeconds: 0n, callbackGas: 0n },
};
const MAX: TermBounds = {
  ...{ claimBondWei: MOST_BOND_WEI, challengeBondWei: MOST_BOND_WEI, windowSeconds: U32 },
  ...{ clockSeconds: MOST_CLOCK, patienceSeconds: U32, callbackGas: U32 },
};
const USUAL: Terms = {
  ...PLAIN_TERMS,
  ...{ claimBondWei: parseEther('0.1'), challengeBondWei: parseEther('0.05') },
  ...{ windowSeconds: 3600n, clockSeconds: 3600n, patienceSeconds: 3600n, callbackGas: 0n },
};

const extremes: readonly Partial<Terms>[] = [
  { windowSeconds: 1n },
  { windowSeconds: U32 },
  { clockSeconds: 1n },
  { clockSeconds: MOST_CLOCK, windowSeconds: U32 },
  { claimBondWei: 2n, challengeBondWei: 1n },
  { claimBondWei: MOST_BOND_WEI, challengeBondWei: MOST_BOND_WEI / 2n },
  { claimBondWei: parseEther('5'), challengeBondWei: 1n },
  { callbackGas: U32 },
  { callbackGas: U32, callbackFeeWei: 1n },
  { patienceSeconds: 0n },
  { patienceSeconds: U32 },
];

describe('terms at the ends of what an oracle may allow', () => {
  it('break no service, and keep nobody from what is usual', async () => {
    const chain = await startChain('in-process');
    const contracts = await deploy(chain.account(0), { min: MIN, max: MAX });
    const shelf = await layersShelf();
    const modelId = await publish(contracts, modelOf(layers().program), '');
    const said: string[] = [];
    const failures: string[] = [];
    const options = (index: number) => ({
      contracts: asAccount(contracts, chain, index),
      listen: (report: Report) => {
        said.push(reportLine(report));
        if (report.kind === 'failed') failures.push(report.sentence);
      },
    });
    const lying = createProvider({
      ...options(LIAR),
      listen: () => undefined,
      runner: liar(shelf, { node: 2, element: 5, step: 7, xor: 0x00400000 }),
    });
    const provider = createProvider({ ...options(PROVIDER), runner: shelf });
    const watcher = createWatcher({ ...options(WATCHER), runner: shelf });
    const monitor = new Monitor(
      new Verdicts(shelf, async () => undefined, {
        onFailure: (_, failure) => failures.push(`${failure}`),
        onVerdict: () => undefined,
      }),
      { clockShare: 0.25, windowShare: 0.5 },
    );
    const index = new EventIndex(contracts);
    let seed = 0;
    const ask = (terms: Partial<Terms>) =>
      request(contracts, modelId, layersInput(++seed), { ...USUAL, ...terms }, 0n);
    for (const terms of extremes) {
      await ask(terms);
      await ask(terms);
    }
    const usual = await ask({});
    const look = async (): Promise<void> => {
      const world = await index.update();
      const { forecast, alarms } = monitor.look(
        world,
        (id) => world.claim(id),
        Number(world.block.timestamp),
      );
      const lines = forecastLines(forecast, alarms, ETHER).join('\n');
      expect(lines).not.to.match(/NaN|Infinity|Invalid|undefined/);
    };
    for (let round = 0; round < 6; round++) {
      if (round < 3) await lying();
      await provider();
      await watcher();
      await lying();
      await look();
      await chain.pass(round < 3 ? 1 : 3601);
    }
    await provider();
    expect(failures).to.deep.equal([]);
    expect(said.join('\n')).not.to.match(/NaN|Infinity|Invalid|undefined/);
    const world = await index.update();
    const found = world.request(usual.requestId);
    expect(found?.status).to.equal('answered');
    expect(await contracts.oracle.result(usual.requestId)).to.be.a('string');
    await chain.stop();
  });
});
