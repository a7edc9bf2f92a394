import { expect } from 'chai';
import { type FaultProxy, startFaultProxy } from '../support/chaos/faultProxy.ts';
import { type CliProcess, startCli } from '../support/cliProcess.ts';
import { startSigner } from '../support/fakeSigner.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';

const WATCHER = 2;

describe('a service whose signer fails', () => {
  it('says at the start that it is away, or holds another key', async () => {
    const scene = await startScene();
    const signer = await startSigner((method) =>
      method === 'eth_accounts' ? { result: [scene.addressOf(1)] } : { error: { code: -1, message: 'no' } },
    );
    try {
      const address = scene.addressOf(WATCHER);
      const start = (url: string): CliProcess => {
        const account = ['--signer', url, '--signer-address', address];
        return startCli('watch', DIGITS, ...scene.there, ...account, '--data', scene.at(`data${url.length}`));
      };
      const away = start('http://127.0.0.1:1');
      await away.says(
        'no signer answers at 127.0.0.1:1 (this port is not allowed for HTTP; choose another one); check --signer and that it runs: nothing can be sent',
      );
      const other = start(signer.url);
      await other.says(`the signer does not hold the key of ${address}; check --signer-address`);
      for (const one of [away, other]) await one.says('watching as');
    } finally {
      await signer.stop();
      await scene.stop();
    }
  }).timeout(60_000);
});

describe('a service whose node fails', () => {
  let scene: Scene;
  let proxy: FaultProxy;
  let watcher: CliProcess;

  before(async () => {
    scene = await startScene();
    proxy = await startFaultProxy(scene.url);
    watcher = startCli(
      ...[
        'watch',
        DIGITS,
        '--rpc',
        proxy.url,
        '--oracle',
        scene.oracle,
        '--key-file',
        scene.keyFile(WATCHER),
      ],
      ...['--data', scene.at('data')],
    );
    await watcher.says('watching as');
  });
  after(async () => {
    await proxy?.close();
    await scene?.stop();
  });

  it("says so once in the node's own words, and when it works again", async () => {
    proxy.fault = ({ method }) =>
      method === 'eth_getLogs' ? { error: 'pruned history unavailable' } : undefined;
    // Something to read: of a block whose filter says that it has none, no logs are asked for.
    await scene.ask();
    await watcher.says('the node says: pruned history unavailable; use a node that keeps these blocks');
    // Time for the second and third try.
    await new Promise((resolve) => setTimeout(resolve, 3500));
    proxy.fault = () => undefined;
    await watcher.says('it works again, after ');
    const lines = watcher.err.split('\n').filter((line) => line !== '');
    expect(lines).to.have.length(1);
    expect(lines[0])
      .to.match(/^\S+Z error .*; trying again$/)
      .and.to.not.match(/coalesce/);
  }).timeout(40_000);

  it('ends when it is told to although nothing answers any more', async () => {
    proxy.fault = () => ({ hangs: true });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    expect(watcher.out).to.match(/SIGTERM: ending once the work in hand is done\n/);
  }).timeout(20_000);
});
