import { expect } from 'chai';
import { HDNodeWallet, JsonRpcProvider, type Provider } from 'ethers';
import { challenge } from '../../src/chain/actions/actions.ts';
import { as, connect, DeploymentError } from '../../src/chain/contracts/contracts.ts';
import { fixedLeaf } from '../../src/chain/contracts/fixedLeaf.ts';
import { deploy, TRIAL_BOUNDS } from '../../src/chain/deployment/deploy.ts';
import { editionFor, hasClz, WITH_CLZ } from '../../src/chain/deployment/edition.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { publish, request } from '../../src/client/client.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { INSTRUCTION_SET_VERSION } from '../../src/scalar/instructions.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { buildWithoutClz } from '../support/editions.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { type DevelopmentChain, startChain, TERMS } from '../support/protocol.ts';
import { disputesIn } from '../support/records.ts';

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: Error) => error,
  );

describe('a chain and its opcodes', function () {
  this.timeout(300_000);
  before(buildWithoutClz);

  for (const kind of ['in-process', 'anvil', 'hardhat'] as const) {
    describe(`attack 45: before Osaka, ${kind}`, () => {
      let chain: DevelopmentChain;
      let provider: Provider;
      before(async () => {
        chain = await startChain(kind, 'prague');
        provider = chain.account(0).provider as Provider;
      });
      after(() => chain?.stop());

      it('the contracts with CLZ refuse it by name, before any money is in', async () => {
        const { message } = await rejection(deploy(chain.account(0), TRIAL_BOUNDS, WITH_CLZ));
        expect(message).to.match(/deploying the registry: the chain lacks an opcode/);
      });

      it('those without are chosen; a right claim answers, a false one loses', async () => {
        expect(await hasClz(provider)).to.equal(false);
        const contracts = await deploy(chain.account(0), TRIAL_BOUNDS, await editionFor(provider));
        const shelf = await layersShelf();
        const modelId = await publish(contracts, modelOf(layers().program), '');
        await request(contracts, modelId, layersInput(1), TERMS, 0n);
        const history = new EventIndex(contracts);
        const honest = createProvider({ contracts: as(contracts, chain.account(1)), runner: shelf });
        await honest();
        const [right] = [...(await history.update()).claims.values()];
        await challenge(as(contracts, chain.account(2)), right!);
        await honest();
        const [answered] = [...(await history.update()).disputes.values()];
        expect(answered?.view.traceRoot, 'the first answer').to.not.equal(undefined);

        const runner = liar(shelf, { node: 2, element: 5, step: 199, xor: 0x00400000 });
        const lying = createProvider({ contracts: as(contracts, chain.account(3)), runner });
        const watching = createWatcher({ contracts: as(contracts, chain.account(4)), runner: shelf });
        for (let idle = 0; idle < 2; ) idle = (await lying()) + (await watching()) === 0 ? idle + 1 : 0;
        expect(disputesIn(await history.update()).at(-1)?.ended?.reason).to.equal('WrongWord');
      });
    });

    it(`from Osaka on the contracts with CLZ are chosen, ${kind}`, async () => {
      const chain = await startChain(kind);
      try {
        expect(await editionFor(chain.account(0).provider as Provider)).to.equal(WITH_CLZ);
      } finally {
        await chain.stop();
      }
    });
  }

  it('a node that is away is no chain without CLZ', async () => {
    const dead = new JsonRpcProvider('http://127.0.0.1:1', 1, { staticNetwork: true });
    const error = await rejection(hasClz(dead));
    expect(error).to.not.be.instanceOf(DeploymentError);
    dead.destroy();
  });

  it('a node that runs no creation code is told from a chain without CLZ', async () => {
    const silent = { call: async () => '0x' } as unknown as Provider;
    expect((await rejection(hasClz(silent))).message).to.match(/use another node$/);
  });
});

describe('attack 45: a foreign or outdated referee', () => {
  let chain: DevelopmentChain;
  before(async () => {
    chain = await startChain('anvil');
  });
  after(() => chain?.stop());

  it('is refused in a sentence, whatever it answers', async () => {
    const contracts = await deploy(chain.account(0), TRIAL_BOUNDS);
    const oracle = await contracts.oracle.getAddress();
    const referee = await contracts.referee.getAddress();
    const provider = contracts.provider as JsonRpcProvider;
    const code = await provider.getCode(referee);
    const attempt = async (foreign: string): Promise<string> => {
      await provider.send('anvil_setCode', [referee, foreign]);
      return (await rejection(connect(oracle, provider))).message;
    };
    // Always 1: a referee of this version that computes nothing. Then 9, then nothing, then a revert.
    expect(await attempt(`0x600${INSTRUCTION_SET_VERSION}60005260206000f3`)).to.match(
      /gets another result for a leaf/,
    );
    expect(await attempt('0x600960005260206000f3')).to.match(
      /referee of the oracle at .* is for instruction set 9/,
    );
    expect(await attempt('0x00')).to.match(/is for an unknown instruction set/);
    expect(await attempt('0x60006000fd')).to.match(/is for an unknown instruction set/);
    await provider.send('anvil_setCode', [referee, code]);
    await connect(oracle, HDNodeWallet.createRandom().connect(provider));
  });

  it('is refused with foreign code, even if it answers the known leaf right', async () => {
    const contracts = await deploy(chain.account(0), TRIAL_BOUNDS);
    const oracle = await contracts.oracle.getAddress();
    const provider = contracts.provider as JsonRpcProvider;
    const elsewhere = `0x${'0a'.repeat(20)}`;
    for (const part of ['referee', 'registry', 'game', 'oracle'] as const) {
      const address = await contracts[part].getAddress();
      const code = await provider.getCode(address);
      // It answers as the right code does, as long as its author likes (EIP-1167).
      await provider.send('anvil_setCode', [elsewhere, code]);
      const proxy = `0x363d3d373d3d3d363d73${elsewhere.slice(2)}5af43d82803e903d91602b57fd5bf3`;
      await provider.send('anvil_setCode', [address, proxy]);
      expect((await rejection(connect(oracle, provider))).message).to.equal(
        `the ${part} of the deployment at ${oracle} has other code than that of this release; do not use it`,
      );
      await provider.send('anvil_setCode', [address, code]);
    }
    await connect(oracle, provider);
    // The right code, with the game of another deployment written into it.
    const other = await deploy(chain.account(0), TRIAL_BOUNDS);
    const [own, foreign] = await Promise.all(
      [contracts, other].map(async ({ game }) => (await game.getAddress()).slice(2).toLowerCase()),
    );
    const code = await provider.getCode(oracle);
    await provider.send('anvil_setCode', [oracle, code.replaceAll(own!, foreign!)]);
    expect((await rejection(connect(oracle, provider))).message).to.equal(
      `the game of the oracle at ${oracle} belongs to another deployment; do not use it`,
    );
  });

  it('the known leaf ends in a number that rounding has shaped', async () => {
    const { word, witness } = await fixedLeaf();
    const value = new Float32Array(Uint32Array.of(word).buffer)[0] as number;
    expect(value).to.be.above(0).and.below(1e6);
    expect(Number.isInteger(value)).to.equal(false);
    expect(witness.length).to.be.above(2 * 256);
  });
});
