// A requester chooses every term: none of them makes a provider tie up money, or pay gas, for nothing.
import { expect } from 'chai';
import { parseEther, Wallet } from 'ethers';
import { HostileVerifier__factory } from '#typechain';
import { claim } from '../../src/chain/actions/actions.ts';
import { as } from '../../src/chain/contracts/contracts.ts';
import type { Terms } from '../../src/chain/contracts/types.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { publish, request } from '../../src/client/client.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider, type ProviderOptions, provideService } from '../../src/provider/provider.ts';
import { layers, layersInput, layersShelf } from '../support/layers.ts';
import { asAccount, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn } from '../support/records.ts';

const [REQUESTER, RIVAL] = [4, 6];
const FEE_WEI = parseEther('0.01');
/** Nearly all that the provider has. */
const HUGE: Partial<Terms> = { claimBondWei: parseEther('9.5'), challengeBondWei: parseEther('0.05') };
const USUAL: Partial<Terms> = { claimBondWei: parseEther('0.5'), challengeBondWei: parseEther('0.05') };

async function scene(balanceWei = parseEther('10')) {
  const chain = await startChain('in-process');
  const contracts = await deployed(chain);
  const shelf = await layersShelf();
  const modelId = await publish(contracts, modelOf(layers().program), '');
  const wallet = Wallet.createRandom().connect(contracts.provider);
  await (await chain.account(0).sendTransaction({ to: wallet.address, value: balanceWei })).wait();
  const reports: Report[] = [];
  const runs: string[] = [];
  const at = (index: number) => asAccount(contracts, chain, index);
  const options: ProviderOptions = {
    ...{ contracts: as(contracts, wallet), leastFeeWei: 'gas', readInput: async () => undefined },
    runner: {
      model: (id) => shelf.model(id),
      output: (id, input) => {
        runs.push(input);
        return shelf.output(id, input);
      },
      commitment: (id, input) => shelf.commitment(id, input),
      trace: (id, input) => shelf.trace(id, input),
    },
    listen: (report) => reports.push(report),
  };
  const terms = (given: Partial<Terms>): Terms => ({ ...TERMS, ...USUAL, ...given });
  return {
    ...{ chain, contracts, shelf, modelId, reports, runs, at, me: wallet.address },
    ask: (seed: number, given: Partial<Terms> = {}, feeWei = FEE_WEI) =>
      request(at(REQUESTER), modelId, layersInput(seed), terms(given), feeWei),
    /** A request whose input nobody has. */
    askUnreadable: (given: Partial<Terms>) => {
      const input = { roots: [hexOf(new Uint8Array(32).fill(1))], uri: '' };
      return request(at(REQUESTER), modelId, input, terms(given), FEE_WEI);
    },
    options,
    provider: (given: Partial<ProviderOptions> = {}) => createProvider({ ...options, ...given }),
    refusals: () =>
      reports.flatMap((one) => (one.kind === 'warned' && one.about === 'refused' ? [one.sentence] : [])),
    /** The requests on which the provider has claimed. */
    claimed: async () =>
      claimsIn(await new EventIndex(contracts).update())
        .filter(({ claimant }) => claimant === wallet.address)
        .map((made) => Number(made.request.requestId)),
  };
}

describe('claims of a provider', () => {
  it('attack 41: a request whose input nobody has keeps no money from others', async () => {
    const s = await scene();
    await s.askUnreadable(HUGE);
    for (const seed of [1, 2, 3]) await s.ask(seed);
    const provider = s.provider();
    for (let i = 0; i < 3; i++) await provider();
    expect(await s.claimed()).to.deep.equal([2, 3, 4]);
    await s.chain.stop();
  });

  it('attack 41: a request that another has answered keeps no money from others', async () => {
    const s = await scene();
    const taken = await s.ask(9, HUGE);
    const output = await s.shelf.output(s.modelId, hexOf(layersInput(9)));
    await claim(s.at(RIVAL), taken as never, bytesOfHex(output));
    for (const seed of [1, 2, 3]) await s.ask(seed);
    const provider = s.provider();
    for (let i = 0; i < 3; i++) await provider();
    expect(await s.claimed()).to.deep.equal([2, 3, 4]);
    await s.chain.stop();
  });

  it('a request that alone is too dear is refused once, with figures, and never run', async () => {
    const s = await scene();
    await s.ask(1, { claimBondWei: parseEther('11') });
    await s.ask(2);
    const provider = s.provider();
    for (let i = 0; i < 3; i++) await provider();
    expect(await s.claimed()).to.deep.equal([2]);
    expect(s.refusals()).to.have.length(1);
    expect(s.refusals()[0]).to.match(
      /^request 1: left for now, because the account has 10\.0 ether, and bonds of 11\.0 and /,
    );
    expect(s.runs).to.deep.equal([hexOf(layersInput(2))]);
    await s.chain.stop();
  });

  it('requests that pay more for their bond come first', async () => {
    const s = await scene(parseEther('2'));
    await s.ask(1, { claimBondWei: parseEther('1.5') });
    await s.ask(2, {}, FEE_WEI);
    await s.ask(3, {}, 3n * FEE_WEI);
    await s.ask(4, {}, 2n * FEE_WEI);
    const provider = s.provider({ limits: { maxBondsWei: parseEther('1') } });
    await provider();
    expect((await s.claimed()).toSorted()).to.deep.equal([3, 4]);
    await s.chain.stop();
  });

  it('attack 55: a verifier of the requester gets no answer, unless it is trusted', async () => {
    const s = await scene();
    const contract = await new HostileVerifier__factory(s.chain.account(REQUESTER)).deploy();
    const verifier = await contract.getAddress();
    await s.ask(1, { verifier });
    await s.ask(2, { verifier, provider: s.me });
    await s.provider()();
    // Nobody else can claim on the second one.
    expect(await s.claimed()).to.deep.equal([2]);
    expect(s.refusals()).to.deep.equal([
      `request 1: left, because its verifier ${verifier} could make a false claim final and take the fee (--trusted-verifier)`,
    ]);
    await s.provider({ trustedVerifiers: [verifier.toLowerCase()] })();
    expect((await s.claimed()).toSorted()).to.deep.equal([1, 2]);
    await s.chain.stop();
  });

  it('attack 30: what can be cancelled in front of a claim is left', async () => {
    const s = await scene();
    await s.ask(1, { patienceSeconds: 3600n });
    await s.chain.pass(3700);
    await s.ask(2, { patienceSeconds: 59n });
    await s.ask(3, { patienceSeconds: 600n });
    const provider = s.provider();
    for (let i = 0; i < 2; i++) await provider();
    expect(await s.claimed()).to.deep.equal([3]);
    // The first one was too old already.
    expect(s.refusals()).to.have.length(1);
    expect(s.refusals()[0]).to.match(/^request 2: left, because it can be cancelled after \d+, Unix seconds/);
    expect(s.runs).to.deep.equal([hexOf(layersInput(3))]);
    await s.chain.stop();
  });

  it('attack 30: a run that ends too late for the patience is not claimed', async () => {
    const s = await scene();
    await s.ask(1, { patienceSeconds: 600n });
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { shelf } = s;
    const service = provideService({
      ...s.options,
      runner: {
        model: (id) => shelf.model(id),
        output: (id, input) => ended.then(() => shelf.output(id, input)),
        commitment: (id, input) => shelf.commitment(id, input),
        trace: (id, input) => shelf.trace(id, input),
      },
    });
    await service.pass();
    await s.chain.pass(545);
    end();
    await service.next(5000);
    for (let i = 0; i < 2; i++) await service.pass();
    expect(await s.claimed()).to.deep.equal([]);
    expect(s.refusals()).to.have.length(1);
    await s.chain.stop();
  });
});
