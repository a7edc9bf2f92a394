import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { encryptKeystoreJson, Wallet } from 'ethers';
import { type CliProcess, killAll, startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { clef, type FakeSigner, startSigner, web3signer } from '../support/fakeSigner.ts';
import { type DevelopmentChain, keyOf, startChain } from '../support/protocol.ts';

const ENTRY = join(import.meta.dirname, '../../src/cli/assay.mjs');
const MODEL = join(import.meta.dirname, '../../examples/digits/digits.onnx');
const { address, privateKey } = new Wallet(keyOf(0));

describe('an account whose key is not in the open', () => {
  let folder: string;
  let chain: DevelopmentChain;
  let signer: FakeSigner;
  const at = (name: string): string => join(folder, name);
  const publish = (...args: string[]) => runHere('publish', MODEL, '--rpc', chain.url!, ...args);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    chain = await startChain('anvil');
    signer = await startSigner(web3signer(privateKey));
    const scrypt = { N: 2, r: 8, p: 1 };
    const json = await encryptKeystoreJson({ address, privateKey }, 'open sesame', { scrypt });
    writeFileSync(at('keystore.json'), json);
    writeFileSync(at('password'), 'open sesame\n', { mode: 0o600 });
    writeFileSync(at('wrong'), 'open barley', { mode: 0o600 });
    writeFileSync(at('readable'), 'open sesame', { mode: 0o644 });
    writeFileSync(at('key'), privateKey, { mode: 0o600 });
  });

  after(async () => {
    killAll();
    await signer?.stop();
    await chain?.stop();
    rmSync(folder, { recursive: true });
    delete process.env['ASSAY_DEPLOYMENTS'];
  });

  it('is unlocked from an encrypted keystore, with a password file or ASSAY_PASSWORD', async () => {
    const keystore = ['--keystore', at('keystore.json')];
    const deployed = await runHere(
      ...['deploy', '--trial', '--json', '--rpc', chain.url!, ...keystore],
      ...['--password-file', at('password')],
    );
    expect([deployed.code, deployed.err]).to.deep.equal([0, '']);
    process.env['ASSAY_PASSWORD'] = 'open barley';
    try {
      const wrong = await publish(...keystore);
      expect([wrong.code, wrong.err]).to.deep.equal([
        1,
        `assay: ${at('keystore.json')}: the password is wrong`,
      ]);
    } finally {
      delete process.env['ASSAY_PASSWORD'];
    }
  });

  it('is refused in one line where file, password or permission are wrong', async () => {
    const none = await publish('--keystore', at('keystore.json'));
    expect([none.code, none.err]).to.deep.equal([
      2,
      `assay: ${at('keystore.json')}: no password is given; add --password-file FILE, or set ASSAY_PASSWORD`,
    ]);
    const readable = await publish('--keystore', at('keystore.json'), '--password-file', at('readable'));
    expect(readable.err).to.match(/others than its owner may open it \(mode 644\); run `chmod 600/);
    const other = await publish('--keystore', at('password'), '--password-file', at('password'));
    expect(other.err).to.match(/^assay: [^\n]*: holds no encrypted key; that is keystore JSON[^\n]*$/);
    const two = await publish('--keystore', at('keystore.json'), '--key-file', at('key'));
    expect(two).to.deep.include({
      code: 2,
      err: 'assay: --key-file and --keystore exclude each other; give one of them',
    });
  });

  it('is refused with an option of another way to hold a key', async () => {
    const key = ['--key-file', at('key')];
    for (const [args, why] of [
      [['--password-file', at('none')], '--password-file is about a keystore: add --keystore FILE'],
      [['--signer-address', 'x'], '--signer-address is about a signer: add --signer URL'],
    ] as const) {
      const { code, err } = await publish(...key, ...args);
      expect([code, err]).to.deep.equal([2, `assay: ${why}`]);
    }
  });

  it('asks for the password on a terminal, and shows none of it', async function () {
    // util-linux makes the terminal.
    if (!existsSync('/usr/bin/script')) this.skip();
    const command = `${process.execPath} ${ENTRY} publish ${MODEL} --rpc ${chain.url} --keystore ${at('keystore.json')}`;
    const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, ASSAY_DEPLOYMENTS: at('deployments') },
    });
    let shown = '';
    child.stdout.on('data', (data: Buffer) => {
      if (!shown.includes('password of') && `${shown}${data}`.includes('password of')) {
        child.stdin.write('open sesame\r');
      }
      shown += data.toString();
      if (/model 0x|assay: /.test(shown)) child.stdin.end();
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(shown)
      .to.contain(`password of ${at('keystore.json')}: `)
      .and.to.match(/model 0x\w{64}/);
    expect(shown).to.not.contain('sesame');
    expect(code).to.equal(0);
  }).timeout(30_000);

  it('signs elsewhere, over web3signer and over clef', async () => {
    const remote = ['--signer', signer.url, '--signer-address', address];
    const first = await publish(...remote, '--json');
    expect([first.code, first.err]).to.deep.equal([0, '']);
    expect(signer.methods).to.deep.equal(['eth_signTransaction']);
    signer.behaviour = clef(privateKey);
    const withdrawn = await runHere(
      ...['deploy', '--trial', '--bounds', 'trial', '--rpc', chain.url!, ...remote],
    );
    expect(withdrawn.err).to.match(/exclude each other/);
    const again = await runHere('canary', '--rpc', chain.url!, ...remote);
    expect([again.code, again.err]).to.deep.equal([0, '']);
    expect(signer.methods).to.include('account_signTransaction');
  });

  it('sends nothing that its signer changed, signed for another, or refused', async () => {
    const ask = (url: string, account = address) =>
      runHere(...['canary', '--rpc', chain.url!, '--signer', url, '--signer-address', account]);
    signer.behaviour = web3signer(privateKey, { value: '0x1' });
    expect((await ask(signer.url)).err).to.match(/signed another transaction than the one it was given$/);
    signer.behaviour = web3signer(keyOf(1));
    expect((await ask(signer.url)).err).to.match(/signed as 0x\w+, not as 0x\w+$/);
    signer.behaviour = () => ({ error: { code: -32000, message: 'Request\ndenied' } });
    expect((await ask(signer.url)).err).to.match(/^assay: [^\n]*says: Request denied$/);
    const dead = await ask('http://me:secret@127.0.0.1:1');
    expect(dead.err).to.match(
      /no signer answers at 127\.0\.0\.1:1 \(this port .*\); check --signer and that it runs$/,
    );
    expect((await ask('ftp://x')).err).to.match(/^assay: --signer: write an http or https address$/);
    expect((await ask(signer.url, '0x12')).err).to.match(/--signer-address 0x12: write an address/);
  });

  it('serves a watcher, whose log says what it is', async () => {
    signer.behaviour = web3signer(privateKey);
    const watcher: CliProcess = startCli(
      ...['watch', MODEL, '--rpc', chain.url!, '--signer', signer.url, '--signer-address', address],
      ...['--log', 'json'],
    );
    await watcher.says(`watching as ${address}`);
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    const lines = watcher.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level }) => level)).to.deep.equal(['info', 'info', 'info']);
    expect(lines[0].msg).to.match(/^model 0x\w{64}: digits\.onnx$/);
    expect(lines[0].model).to.match(/^0x\w{64}$/);
  });
});
