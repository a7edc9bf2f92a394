// A stranger who chooses bonds gains nothing from a watcher or a provider, and cannot keep either from its next move.
import { expect } from 'chai';
import { parseEther, Wallet } from 'ethers';
import { challenge, timeout } from '../../src/chain/actions/actions.ts';
import { as } from '../../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../../src/chain/contracts/types.ts';
import { SAFE_BOUNDS } from '../../src/chain/deployment/bounds.ts';
import { deploy } from '../../src/chain/deployment/deploy.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { publish, request } from '../../src/client/client.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider, type ProviderOptions } from '../../src/provider/provider.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { DrainStage, drained, playDrains } from '../support/chaos/drains.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { asAccount, type DevelopmentChain, startChain } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';

const ATTACKER = 5;
const DAY = 86_400n;
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const TERMS: Terms = {
  ...PLAIN_TERMS,
  ...{ claimBondWei: parseEther('0.1'), challengeBondWei: parseEther('0.05') },
  ...{ windowSeconds: DAY, clockSeconds: DAY, callbackGas: 0n, patienceSeconds: 3600n },
};

async function scene(balanceWei: bigint) {
  const chain = await startChain('in-process');
  const contracts = await deploy(chain.account(0), SAFE_BOUNDS);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  const victim = Wallet.createRandom().connect(contracts.provider);
  await (await chain.account(0).sendTransaction({ to: victim.address, value: balanceWei })).wait();
  const attacker = asAccount(contracts, chain, ATTACKER);
  const reports: Report[] = [];
  const has = async (address: string): Promise<bigint> =>
    (await contracts.provider.getBalance(address)) + (await contracts.oracle.owed(address));
  const address = await chain.account(ATTACKER).getAddress();
  const before = await has(address);
  return {
    ...{ chain, contracts, shelf, victim, attacker, reports },
    options: { contracts: as(contracts, victim), runner: shelf, listen: (one: Report) => reports.push(one) },
    lying: liar(shelf, FAULT),
    ask: (seed: number, terms: Partial<Terms> = {}) =>
      request(attacker, modelId, layersInput(seed), { ...TERMS, ...terms }, 0n),
    refusals: () =>
      reports.flatMap((one) => (one.kind === 'warned' && one.about === 'refused' ? [one.sentence] : [])),
    world: () => new EventIndex(contracts).update(),
    gained: async () => (await has(address)) - before,
    lost: async () => balanceWei - (await has(victim.address)),
  };
}

/** All bonds that a victim may have lost, with some ether for gas. */
const GAS_WEI = parseEther('0.05');

const elapse = (chain: DevelopmentChain, days: bigint): Promise<void> => chain.pass(Number(days * DAY) + 1);

describe('attack 41: bonds that a stranger chooses', () => {
  it('a challenge bond near its balance is not put up by a watcher, and it says why', async () => {
    const s = await scene(parseEther('10'));
    const challengeBondWei = parseEther('10') - 300_000n * 10n ** 9n;
    await s.ask(1, { claimBondWei: 2n * challengeBondWei, challengeBondWei });
    const lying = createProvider({ contracts: s.attacker, runner: s.lying });
    const watcher = createWatcher(s.options);
    await lying();
    for (let i = 0; i < 3; i++) await watcher();
    expect(s.refusals()).to.have.length(1);
    expect(s.refusals()[0]).to.match(
      /^claim \d+: wrong, and not challenged, because the account has 10\.0 ether, and bonds of 9\.9997 and 0\.0\d+ for gas would have to be there: \d+ gas of open and new work at 100\.0 gwei/,
    );
    await elapse(s.chain, 1n);
    await lying();
    expect(await s.lost()).to.equal(0n);
    await s.chain.stop();
  });

  it('bonds that halve leave a watcher with the gas to win every dispute that it opens', async () => {
    const s = await scene(parseEther('10'));
    const lying = createProvider({ contracts: s.attacker, runner: s.lying });
    const watcher = createWatcher(s.options);
    for (let i = 1; i <= 7; i++) {
      const challengeBondWei = parseEther('9') >> BigInt(i - 1);
      await s.ask(i, { claimBondWei: 2n * challengeBondWei, challengeBondWei });
    }
    await lying();
    for (let i = 0; i < 10; i++) {
      await watcher();
      await lying();
    }
    await elapse(s.chain, 1n);
    for (let i = 0; i < 3; i++) {
      await watcher();
      await lying();
    }
    const disputes = disputesIn(await s.world());
    expect(disputes.length).to.be.greaterThan(0);
    for (const { ended } of disputes) expect(ended?.winner).to.equal(s.victim.address);
    expect((await s.lost()) < 0n, 'the watcher gains').to.equal(true);
    expect((await s.gained()) < 0n, 'the attacker loses').to.equal(true);
    await s.chain.stop();
  });

  it('a claim bond near its balance is not put up by a provider', async () => {
    const s = await scene(parseEther('10'));
    await s.ask(1, { claimBondWei: parseEther('10') - 290_000n * 10n ** 9n });
    const honest = createProvider(s.options);
    for (let i = 0; i < 3; i++) await honest();
    expect(claimsIn(await s.world()).length).to.equal(0);
    expect(s.refusals()).to.have.length(1);
    await s.chain.stop();
  });

  it('many requests leave a provider with the gas to defend every claim', async () => {
    const s = await scene(parseEther('3'));
    const options: ProviderOptions = { ...s.options, limits: { maxBondWei: parseEther('1') } };
    const honest = createProvider(options);
    for (let i = 1; i <= 2; i++) await s.ask(i, { claimBondWei: parseEther('1') });
    await honest();
    const rest = await s.contracts.provider.getBalance(s.victim.address);
    await s.ask(3, { claimBondWei: rest - 290_000n * 10n ** 9n });
    await s.ask(4, { claimBondWei: parseEther('1.5') });
    await honest();
    expect(s.refusals().join('\n')).to.match(/request 4: .* over the limit of 1\.0 \(--max-bond-wei\)/);
    const { claims } = await s.world();
    expect(claims.size).to.equal(2);
    for (const claim of claims.values()) await challenge(s.attacker, claim);
    const erring = createWatcher({ contracts: s.attacker, runner: s.lying });
    for (let i = 0; i < 6; i++) {
      await honest();
      await erring();
    }
    await elapse(s.chain, 1n);
    for (const dispute of disputesIn(await s.world())) {
      if (!dispute.ended) await timeout(s.attacker, dispute);
    }
    await elapse(s.chain, 1n);
    await honest();
    const end = await s.world();
    // A third may be open: the bonds that came back pay for it.
    const statuses = claimsIn(end).map(({ status }) => status);
    expect(statuses.slice(0, 2)).to.deep.equal(['final', 'final']);
    expect((await s.gained()) < 0n, 'the attacker loses').to.equal(true);
    const openWei = claimsIn(end).length > 2 ? rest : 0n;
    expect((await s.lost()) < GAS_WEI + openWei, 'the provider loses gas at most').to.equal(true);
    await s.chain.stop();
  });

  it('hostile requesters with more ether than their victims gain nothing', async () => {
    const found: string[] = [];
    const { victimClaims, victimDisputes } = await playDrains(1, 8, (sentence) => found.push(sentence));
    expect(found).to.deep.equal([]);
    expect(victimClaims).to.be.greaterThan(3);
    expect(victimDisputes).to.be.greaterThan(3);
  });

  it('the same requesters drain victims that keep nothing back for gas', async () => {
    const stage = await DrainStage.start();
    const found: string[] = [];
    for (const seed of [3, 5]) found.push(...drained(await stage.play(seed, true)));
    await stage.stop();
    expect(found.join('\n')).to.match(/was lost: (Challenger|Claimant)Timeout/);
    expect(found.join('\n')).to.match(/the attackers gained [1-9]/);
  });

  it('a strategy that pays, takes a bond or leaves something open is told of', () => {
    const clean = {
      seed: 3,
      requests: 1,
      victimClaims: 1,
      victimDisputes: 0,
      gainedWei: -5n,
      lostWei: 4n,
      lost: [],
      open: 0,
      isPaid: true,
    };
    expect(drained(clean)).to.deep.equal([]);
    expect(drained({ ...clean, gainedWei: 1n, lostWei: -2n })).to.have.length(1);
    expect(drained({ ...clean, lostWei: 6n })).to.have.length(1);
    expect(drained({ ...clean, open: 1 })).to.have.length(1);
    expect(drained({ ...clean, lost: ['claim 1 was lost'] })).to.deep.equal(['seed 3: claim 1 was lost']);
  });

  it('all bonds together stay under their limit', async () => {
    const s = await scene(parseEther('100'));
    const honest = createProvider({ ...s.options, limits: { maxBondsWei: parseEther('2.5') } });
    for (let i = 1; i <= 5; i++) await s.ask(i, { claimBondWei: parseEther('1') });
    for (let i = 0; i < 3; i++) await honest();
    expect(claimsIn(await s.world()).length).to.equal(2);
    expect(s.refusals()).to.have.length(3);
    expect(s.refusals()[0]).to.contain(
      'would make all open bonds 3.0, over the limit of 2.5 (--max-bonds-wei)',
    );
    await s.chain.stop();
  });

  it('a fee below the gas of an answer gets none, where that is asked for', async () => {
    const s = await scene(parseEther('10'));
    await s.ask(1);
    const honest = createProvider({ ...s.options, leastFeeWei: 'gas' });
    for (let i = 0; i < 3; i++) await honest();
    expect(claimsIn(await s.world()).length).to.equal(0);
    expect(s.refusals()).to.have.length(1);
    expect(s.refusals()[0]).to.match(
      /^request 1: left, because its fee of 0\.0 ether does not pay for its gas/,
    );
    await s.chain.stop();
  });
});
