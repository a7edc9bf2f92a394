import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Contract, ContractFactory, type Signer } from 'ethers';
import { artifacts } from 'hardhat';
import { cancel as cancelRequest, claim } from '../../src/chain/actions/actions.ts';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import { amountText, readUnit } from '../../src/chain/contracts/unit.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { request } from '../../src/client/client.ts';
import { captured } from '../support/captured.ts';
import { killAll, startCli } from '../support/cliProcess.ts';
import { type DevelopmentChain, deployed, keyOf, startChain, TERMS } from '../support/protocol.ts';

const MODEL = join(import.meta.dirname, '../../examples/digits/digits.onnx');
const THREE = join(import.meta.dirname, '../../examples/digits/three.npy');
const GLD = 1_000_000n;

/** Runs a command in this process. */
async function assay(...args: string[]) {
  const { code, out, err } = await captured(...args);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function create(name: string, signer: Signer): Promise<Contract> {
  const { abi, bytecode } = await artifacts.readArtifact(name);
  const created = await new ContractFactory(abi as never, bytecode, signer).deploy();
  await created.waitForDeployment();
  return created as Contract;
}

/** Calls a function of a contract and waits until that is mined. */
const send = async (contract: Contract, name: string, ...args: unknown[]) =>
  (await contract.getFunction(name)(...args)).wait();

describe('commands in a deployment', function () {
  this.timeout(120_000);
  let folder: string;
  let chain: DevelopmentChain;
  let signer: Signer;
  let there: string[];
  const at = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    for (const i of [0, 1]) writeFileSync(at(`key${i}`), keyOf(i), { mode: 0o600 });
    chain = await startChain('anvil');
    signer = chain.account(0);
    there = ['--rpc', chain.url!, '--key-file', at('key0')];
  });
  after(async () => {
    killAll();
    await chain?.stop();
    delete process.env['ASSAY_DEPLOYMENTS'];
    rmSync(folder, { recursive: true });
  });

  describe('whose currency is a token', () => {
    let token: Contract;
    let address: string;
    before(async () => {
      token = await create('HostileToken', signer);
      address = await token.getAddress();
      for (const i of [0, 1]) await send(token, 'mint', await chain.account(i).getAddress(), 100n * GLD);
    });

    it('refuse a currency that is none, and a token without a least bond, in one line', async () => {
      const person = `0x${'12'.repeat(20)}`;
      const unnamed = await (await create('ToyReferee', signer)).getAddress();
      const mistakes: [string[], RegExp][] = [
        [['--currency', address], /needs --least-bond N, in the smallest unit of the token/],
        [['--least-bond', '5'], /--least-bond is for a token; add --currency ADDRESS/],
        [['--currency', '0x12', '--least-bond', '5'], /--currency 0x12: write an address/],
        [['--currency', address, '--least-bond', '1'], /write a number from 2 to \d+$/],
        [['--currency', address, '--least-bond', `${2n ** 80n}`], /write a number from 2 to \d+$/],
        [['--currency', `0x${'00'.repeat(20)}`, '--least-bond', '5'], /leave it out for ether/],
        [['--currency', person, '--least-bond', '5'], /there is no contract on chain 31337$/],
        [['--currency', unnamed, '--least-bond', '5'], /does not answer as an ERC-20 token$/],
      ];
      for (const [args, message] of mistakes) {
        const { code, out, err } = await assay('deploy', '--trial', ...args, ...there);
        expect(err)
          .to.match(message)
          .and.to.match(/^assay: [^\n]+$/);
        expect([code > 0, out]).to.deep.equal([true, '']);
      }
    });

    it('name amounts in it, allow the oracle each payment only, and get the rest back', async () => {
      const result = await assay(
        'deploy',
        '--trial',
        '--currency',
        address,
        '--least-bond',
        '2000000',
        ...there,
      );
      expect([result.code, result.err]).to.deep.equal([0, '']);
      expect(result.out).to.contain(
        `fees and bonds are in GLD (${address}); claim bonds are 2.0 GLD at least`,
      );
      const record = JSON.parse(readFileSync(at('deployments/31337.json'), 'utf8'));
      expect(record.currency).to.equal(address);

      const sung = await assay('canary', ...there);
      expect([sung.code, sung.err]).to.deep.equal([0, '']);
      expect(sung.out).to.contain(`bonds are in GLD (${address}); before each payment`);
      // Two claim bonds and a challenge bond were put up; half of one claim bond is burned.
      expect(sung.out)
        .to.contain('withdrew 4.0 GLD')
        .and.to.match(/\nthis deployment works$/);
      const me = await signer.getAddress();
      expect(await token.getFunction('balanceOf')(me)).to.equal(99n * GLD);
      expect(await token.getFunction('allowance')(me, record.oracle)).to.equal(0n);

      const asked = await assay(
        ...['request', MODEL, '--input', `image=${THREE}`, '--fee-wei', '500000'],
        ...['--window-seconds', '60', ...there],
      );
      expect([asked.code, asked.err]).to.deep.equal([0, '']);
      expect(asked.out).to.contain(
        `paid 0.5 GLD to the oracle, which was allowed exactly that; the token is ${address}`,
      );

      const provider = startCli('provide', MODEL, '--rpc', chain.url!, '--key-file', at('key1'));
      await provider.says(`bonds and fees are in GLD (${address}); before each payment`);
      await provider.says('request 3: claimed an answer under a bond of 2.0 GLD');
      await chain.pass(61);
      await provider.says('withdrew 2.5 GLD');
      provider.kill('SIGTERM');
      expect(await provider.ended()).to.equal(0);
    });

    it('say before they start that the account has too few tokens for the canary', async () => {
      const me = await signer.getAddress();
      await send(
        token,
        'transfer',
        await chain.account(1).getAddress(),
        await token.getFunction('balanceOf')(me),
      );
      const { code, err } = await assay('canary', ...there);
      expect(err).to.match(
        /the canary needs 5\.0 GLD for bonds, the account has 0\.0 GLD; half of the claim bond, 1\.0 GLD/,
      );
      expect(code).to.equal(1);
    });

    it('count a token that lies about its symbol or decimals in its smallest units', async () => {
      const text = async (symbol: string, decimals: bigint): Promise<string> => {
        await send(token, 'label', symbol, decimals);
        return amountText(await readUnit(address, signer.provider!), 1_500_000n);
      };
      expect(await text('USD₮0', 6n)).to.equal('1.5 USD₮0');
      expect(await text('GLD', 0n)).to.equal('1500000 GLD');
      const lies: [string, bigint][] = [
        ['ETH', 6n],
        ['ether', 18n],
        ['', 6n],
        ['\u001b[2J', 6n],
        ['GLD\nassay: final', 6n],
        ['GLD, really', 6n],
        ['G'.repeat(5_000), 6n],
        ['GLD', 37n],
        ['GLD', 2n ** 255n],
      ];
      for (const [symbol, decimals] of lies) {
        expect(await text(symbol, decimals)).to.equal(`1500000 smallest units of the token ${address}`);
      }
      const other = await (await create('ToyReferee', signer)).getAddress();
      expect((await readUnit(other, signer.provider!)).decimals).to.equal(0);
    });
  });

  describe('after a claim', () => {
    const INPUT = new Uint8Array(784);
    const OUTPUT = new Uint8Array(8);
    let contracts: Contracts;
    let modelId: string;
    let deployment: string[];
    before(async () => {
      contracts = await deployed(chain);
      deployment = ['--oracle', (await contracts.oracle.getAddress()) as string, ...there];
      modelId = JSON.parse((await assay('publish', MODEL, '--json', ...deployment)).out).model;
    });

    /** Claims an answer to a request. @returns the claim's id */
    async function claimOn(requestId: bigint): Promise<string> {
      const history = new EventIndex(contracts);
      const { requests } = await history.update();
      await claim(contracts, requests.get(requestId)!, OUTPUT);
      return `${(requestId << 32n) | 1n}`;
    }

    it('callback runs a callback not run yet or failed, and none that succeeded', async () => {
      const consumer = await create('HostileConsumer', signer);
      const oracle = await contracts.oracle.getAddress();
      const nobody = `0x${'00'.repeat(20)}`;
      const terms = { ...TERMS, callbackGas: 200_000n, callbackFeeWei: 7n };
      await (await consumer.getFunction('ask')(oracle, modelId, INPUT, terms, 0n, { value: 7n })).wait();
      const plan = (mood: number) => send(consumer, 'plan', mood, false, nobody, '0x');
      const claimId = await claimOn(1n);

      const early = await assay('callback', '1', ...deployment);
      expect([early.code, early.err]).to.deep.equal([
        1,
        'assay: request 1 has no final answer yet, so it has no callback to run',
      ]);
      expect((await assay('callback', '9', ...deployment)).err).to.match(
        /^assay: request 9 is unknown at the oracle/,
      );
      expect((await assay('callback', 'x', ...deployment)).code).to.equal(2);

      const open = await assay('finalize', claimId, ...deployment);
      expect([open.code, open.out]).to.deep.equal([1, '']);
      expect(open.err).to.match(/can be challenged until [^\n]*; wait for that$/);
      await chain.pass(Number(TERMS.windowSeconds) + 1);
      const final = await assay('finalize', claimId, ...deployment);
      expect([final.code, final.err]).to.deep.equal([0, '']);
      expect(final.out).to.match(/^claim \d+: final \(0x\w+\)\nwithdrew 1\.0 ether/);

      await plan(1);
      const failed = await assay('callback', '1', ...deployment);
      expect([failed.code, failed.err]).to.deep.equal([0, '']);
      expect(failed.out)
        .to.match(/^request 1: ran the callback; the callback failed and can be run again \(0x\w+\)/)
        .and.to.contain('withdrew 0.000000000000000007 ether');
      await plan(0);
      const done = await assay('callback', '1', '--json', ...deployment);
      expect(JSON.parse(done.out).callback).to.equal('done');
      expect(await consumer.getFunction('calls')()).to.equal(1n);
      const again = await assay('callback', '1', ...deployment);
      expect(again.err).to.match(/request 1 has no callback to run: it has succeeded already$/);
    });

    it('finalize ends the window by a proof that the verifier takes, and no other', async () => {
      const verifier = await create('HostileVerifier', signer);
      const terms = { ...TERMS, verifier: await verifier.getAddress() };
      const { requestId } = await request(contracts, modelId, INPUT, terms, 0n);
      const claimId = await claimOn(requestId);
      writeFileSync(at('proof'), '0x1234\n');
      writeFileSync(at('nothing'), '');
      const mood = (which: number) => send(verifier, 'plan', which, `0x${'00'.repeat(20)}`, '0x');
      const prove = (file: string) => assay('finalize', claimId, '--proof', at(file), ...deployment);

      await mood(1);
      const refused = await prove('proof');
      expect(refused.err).to.match(/does not accept the proof$/);
      expect((await prove('nothing')).err).to.match(/holds no proof; it is empty$/);
      expect((await prove('none')).err).to.match(/there is no such file$/);
      await mood(0);
      const proven = await prove('proof');
      expect([proven.code, proven.err]).to.deep.equal([0, '']);
      expect(await contracts.oracle.isFinal(requestId)).to.equal(true);

      const plain = await request(contracts, modelId, INPUT, TERMS, 0n);
      const other = await assay(
        'finalize',
        await claimOn(plain.requestId),
        '--proof',
        at('proof'),
        ...deployment,
      );
      expect(other.err).to.match(
        /^assay: request \d+ names no verifier, so no proof ends the window of claim/,
      );
    });

    it('cancel gives the fees back to the requester once its patience is over', async () => {
      const ask = async () => (await request(contracts, modelId, INPUT, TERMS, 9n)).requestId;
      const [first, second] = [await ask(), await ask()];
      const cancel = (id: bigint, ...more: string[]) => assay('cancel', `${id}`, ...deployment, ...more);
      const early = await cancel(first);
      expect([early.code, early.out]).to.deep.equal([1, '']);
      expect(early.err).to.match(/^assay: [^\n]*request \d+ cannot be cancelled before [-\dT:]+Z$/);
      await chain.pass(Number(TERMS.patienceSeconds) + 1);
      const other = await cancel(first, '--key-file', at('key1'));
      expect(other.err).to.match(/only 0x\w+ can cancel request \d+$/);

      const done = await cancel(first);
      expect([done.code, done.err]).to.deep.equal([0, '']);
      expect(done.out).to.match(
        /^request \d+: cancelled \(0x\w+\)\nwithdrew 0\.000000000000000009 ether \([^\n]+\)$/,
      );
      expect((await cancel(first)).err).to.equal(`assay: request ${first} was cancelled already`);
      const { transaction, ...facts } = JSON.parse((await cancel(second, '--json')).out);
      expect([facts, transaction.length]).to.deep.equal([{ status: 'cancelled' }, 66]);
      expect(await contracts.oracle.owed(await signer.getAddress())).to.equal(0n);
    });

    it('cancel closes a request that has a claim, and refuses one that is answered', async () => {
      const { requestId } = await request(contracts, modelId, INPUT, TERMS, 0n);
      await chain.pass(Number(TERMS.patienceSeconds) + 1);
      const claimId = await claimOn(requestId);
      const cancel = () => assay('cancel', `${requestId}`, ...deployment);
      const closed = await cancel();
      expect([closed.code, closed.err]).to.deep.equal([0, '']);
      expect(closed.out).to.match(/: closed to further claims, [^\n]*cancel it again if none of them/);
      expect((await cancel()).err).to.match(/is closed, and a claim on it is open; cancel it when that/);
      await chain.pass(Number(TERMS.windowSeconds) + 1);
      await assay('finalize', claimId, ...deployment);
      expect((await cancel()).err).to.match(/^assay: request \d+ is answered, so it cannot be cancelled$/);
    });

    it('withdraw takes out what is owed, once', async () => {
      const { requestId } = await request(contracts, modelId, INPUT, TERMS, 9n);
      await chain.pass(Number(TERMS.patienceSeconds) + 1);
      expect((await assay('withdraw', ...deployment)).out).to.match(/^nothing is owed to 0x\w{40}$/);
      const { requests } = await new EventIndex(contracts).update();
      await cancelRequest(contracts, requests.get(requestId)!);
      const done = await assay('withdraw', ...deployment);
      expect([done.code, done.err]).to.deep.equal([0, '']);
      expect(done.out).to.match(/^withdrew 0\.000000000000000009 ether \([^\n]+\)$/);
      const again = await assay('withdraw', '--json', ...deployment);
      expect(JSON.parse(again.out)).to.deep.equal({ withdrawnWei: '0', transaction: null });
    });

    it('finalize says so of a claim that does not exist', async () => {
      const { err } = await assay('finalize', '12345', ...deployment);
      expect(err).to.match(/claim 12345 is unknown at the oracle/);
    });
  });
});
