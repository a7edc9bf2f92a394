import { expect } from 'chai';
import { Wallet } from 'ethers';
import type { Account } from '../../src/cli/connection/connection.ts';
import { inTurn } from '../../src/cli/services/turn.ts';
import { runCli, startCli } from '../support/cliProcess.ts';
import { keyOf } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene, THREE } from '../support/scene.ts';

const PROVIDER = 1;
const WATCHER = 2;
const ASKER = 4;
const CANARY = 5;

const SILENT = { out: () => undefined, err: () => undefined, progress: () => undefined };

describe('commands beside services', function () {
  this.timeout(180_000);
  let scene: Scene;
  const keyed = (index: number): string[] => [...scene.there, '--key-file', scene.keyFile(index)];
  const data = (name = 'data'): string[] => ['--data', scene.at(name)];
  const nonceOf = (index: number): Promise<number> =>
    scene.endpoint.getTransactionCount(scene.addressOf(index));

  before(async () => {
    scene = await startScene();
  });
  after(() => scene?.stop());

  it('attack 52: of the same key are refused, with what to do, and send nothing', async () => {
    const watcher = startCli('watch', DIGITS, ...data(), ...keyed(WATCHER));
    await watcher.says('watching as');
    const before = await nonceOf(WATCHER);
    const asking = ['request', DIGITS, '--input', `image=${THREE}`];
    const commands = [
      asking,
      ['publish', DIGITS],
      ['canary'],
      ['finalize', '4294967297'],
      ['callback', '1'],
      ['cancel', '1'],
    ];
    commands.push(['withdraw']);
    const flags = [...data(), ...keyed(WATCHER)];
    const ends = await Promise.all(commands.map((command) => runCli(...command, ...flags)));
    const account = flags.filter((flag, i) => flag !== '--oracle' && flags[i - 1] !== '--oracle');
    ends.push(await runCli('deploy', '--trial', ...account));
    for (const { code, out, err } of ends) {
      expect([code, out]).to.deep.equal([1, '']);
      expect(err).to.match(
        new RegExp(
          `^assay: process ${watcher.pid} on \\S+ sends as ${scene.addressOf(WATCHER)} already; end it first, or use another key .*\\n$`,
        ),
      );
    }
    expect(await nonceOf(WATCHER)).to.equal(before);
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    const asked = await runCli(...asking, ...flags);
    expect([asked.code, asked.err]).to.deep.equal([0, '']);
  });

  it('that wait for an answer keep no service of their key from starting', async () => {
    const asking = ['request', DIGITS, '--input', `image=${THREE}`, '--wait'];
    const asked = startCli(...asking, ...data(), ...keyed(ASKER));
    await asked.says('request ');
    const watcher = startCli('watch', DIGITS, ...data(), ...keyed(ASKER));
    await watcher.says('watching as');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(watcher.err).to.equal('');
    for (const one of [asked, watcher]) one.kill('SIGKILL');
    await Promise.all([asked.ended(), watcher.ended()]);
  });

  it('attack 52: with the same key in another folder, wait for its transactions', async () => {
    const wallet = new Wallet(keyOf(ASKER), scene.endpoint);
    const account: Account = { wallet, chainId: 31337n, balanceWei: 1n, block: 0 };
    const work = async (): Promise<string> => 'done';
    const turn = (patienceMs: number): Promise<string> =>
      inTurn({ data: scene.at('elsewhere') }, account, SILENT, work, patienceMs);
    const nonce = await nonceOf(ASKER);
    await scene.endpoint.send('evm_setAutomine', [false]);
    try {
      await wallet.sendTransaction({ to: wallet.address });
      const refused = await turn(1000).catch((failure: Error) => failure.message);
      expect(refused).to.equal(
        `the account ${wallet.address} has a transaction, nonce ${nonce}, in the pool that is not mined; another process may send with its key: end it, wait for it, or use another key`,
      );
      const waiting = turn(60_000);
      await scene.endpoint.send('evm_mine', []);
      expect(await waiting).to.equal('done');
    } finally {
      await scene.endpoint.send('evm_setAutomine', [true]);
    }
  });

  it('a canary beside a provider and a watcher finds the deployment working', async () => {
    const provider = startCli('provide', DIGITS, '--min-fee-wei', '0', ...data(), ...keyed(PROVIDER));
    const watcher = startCli('watch', DIGITS, ...data(), ...keyed(WATCHER));
    await Promise.all([provider.says('providing as'), watcher.says('watching as')]);
    // On a chain that mines at once, and on one whose blocks come by themselves, so that services have their turns between.
    for (const mines of ['at once', 'every second']) {
      if (mines === 'every second') await scene.endpoint.send('evm_setIntervalMining', [1]);
      const { code, out, err } = await runCli('canary', ...data(), ...keyed(CANARY));
      expect([code, err], `${mines}: ${out}`).to.deep.equal([0, '']);
      expect(out).to.match(/\nthis deployment works\n$/);
    }
    expect([provider.err, watcher.err]).to.deep.equal(['', '']);
    for (const service of [provider, watcher]) service.kill('SIGTERM');
    expect(await Promise.all([provider.ended(), watcher.ended()])).to.deep.equal([0, 0]);
  });
});
