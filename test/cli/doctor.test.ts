import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Wallet } from 'ethers';
import { type Finding, findingLine } from '../../src/cli/doctor/finding.ts';
import { checkNode } from '../../src/cli/doctor/machine.ts';
import { runHere } from '../support/commandHere.ts';
import { startNode } from '../support/nodeProcess.ts';
import { DIGITS, type Scene, startScene, THREE } from '../support/scene.ts';

describe('the doctor', () => {
  let scene: Scene;
  let data: readonly string[];

  before(async () => {
    scene = await startScene();
    data = ['--data', scene.at('data')];
  });
  after(() => scene?.stop());

  /** Findings by what they are about. */
  async function findings(...args: string[]) {
    const { code, out, err } = await runHere('doctor', ...args, ...data, '--json');
    expect(err).to.equal('');
    const found: { ok: boolean; findings: Finding[] } = JSON.parse(out);
    expect(code).to.equal(found.ok ? 0 : 1);
    const by = (what: string): string[] =>
      found.findings
        .filter((one) => one.what === what)
        .map(findingLine)
        .map((line) => line.replace(/ +/g, ' '));
    return { ok: found.ok, all: found.findings, by };
  }

  it('finds nothing wrong where all is well, in one line each', async () => {
    const { code, out, err } = await runHere(
      ...['doctor', DIGITS, ...scene.there, '--key-file', scene.keyFile(1), ...data],
    );
    expect([code, err]).to.deep.equal([0, '']);
    const lines = out.split('\n');
    for (const line of lines) expect(line).to.match(/^(ok {2}|warn) {2}\w+ +\S/);
    const names = lines.map((line) => line.split(/ +/)[1]);
    expect(names).to.deep.equal([
      ...['Node', 'memory', 'data', 'disk', 'node', 'chain', 'sync', 'clock', 'opcodes', 'logs'],
      ...['record', 'contracts', 'model', 'account'],
    ]);
    expect(out).to.match(/account +0x\w{40} has 10000\.0 ether$/);
    expect(out).to.contain(
      '31337; `assay deploy` takes the bounds `safe` here, unless told `rollup` or `trial`\n',
    );
  });

  it('names a node that is not there without the password in its address', async () => {
    const { ok, by } = await findings('--rpc', 'http://me:secret@127.0.0.1:1/key');
    expect([ok, by('node').length]).to.deep.equal([false, 1]);
    expect(by('node')[0]).to.match(/^fail node .*no Ethereum node answers at http:\/\/127\.0\.0\.1:1/);
    expect(by('node')[0]).to.not.match(/secret|\/key/);
  });

  it('names a list of nodes that is empty', async () => {
    process.env['ASSAY_RPC'] = '';
    try {
      const { ok, by } = await findings();
      expect([ok, by('node')]).to.deep.equal([false, ['fail node no node is named; set --rpc']]);
    } finally {
      delete process.env['ASSAY_RPC'];
    }
  });

  it('names a missing oracle, a wrong contract, and a wrong or broken record', async () => {
    const rpc = ['--rpc', scene.url];
    // A clone in which something was deployed for trial has a record of the usual chain.
    await scene.endpoint.send('anvil_setChainId', [31338]);
    expect((await findings(...rpc)).by('contracts')[0]).to.match(/^fail .*no oracle is named; add --oracle/);
    await scene.endpoint.send('anvil_setChainId', [31337]);
    const stranger = `0x${'12'.repeat(20)}`;
    const none = await findings(...rpc, '--oracle', stranger);
    expect(none.by('contracts')[0]).to.match(/^fail .*there is no contract at 0x1212/);
    const folder = scene.at('deployments');
    process.env['ASSAY_DEPLOYMENTS'] = scene.folder;
    try {
      writeFileSync(scene.at('31337.json'), '{');
      expect((await findings(...rpc)).by('record')[0]).to.match(/^fail .*31337\.json: it is no JSON/);
      rmSync(scene.at('31337.json'));
      mkdirSync(scene.at('31337.json'));
      expect((await findings(...rpc)).by('record')[0]).to.match(
        /^fail .*31337\.json: is a folder, not a file/,
      );
      rmSync(scene.at('31337.json'), { recursive: true });
      const record = { chainId: 31337, bounds: 'trial', fromBlock: 0, oracle: scene.oracle };
      const others = { game: stranger, registry: stranger, referee: stranger };
      writeFileSync(scene.at('31337.json'), JSON.stringify({ ...record, ...others }));
      expect((await findings(...rpc)).by('record')[0]).to.equal('ok record trial bounds, from block 0');
      const left = { ...record, ...others, oracle: stranger, fromBlock: 99 };
      writeFileSync(scene.at('31337.json'), JSON.stringify(left));
      const stale = await findings(...rpc);
      expect(stale.by('logs')[0]).to.match(
        /^fail logs the recorded deployment begins at block 99, and block \d+ is the latest; the record is of another/,
      );
      expect(stale.by('contracts')[0]).to.match(/; check that the node is on the chain of the record; if/);
      expect((await findings(...rpc, '--oracle', scene.oracle)).by('logs')[0]).to.match(
        /^ok logs from block 0/,
      );
      writeFileSync(scene.at('31337.json'), JSON.stringify({ ...record, ...others }));
      const other = await findings(...rpc, '--oracle', stranger);
      expect(other.by('record')[0]).to.match(/^warn .*names the oracle 0x\w+, not 0x1212\w+; correct one/);
    } finally {
      process.env['ASSAY_DEPLOYMENTS'] = folder;
    }
  });

  it('names a model that is not published or is none', async () => {
    const other = await findings(DIGITS, THREE, ...scene.there, '--range', 'image=0..100');
    expect(other.by('model')[0]).to.match(/^fail .*is not published here; run `assay publish`/);
    expect(other.by('model')[1]).to.match(/^fail .*three\.npy: is not an ONNX model/);
  });

  it('names a key that others can read, an empty purse, and transactions on their way', async () => {
    writeFileSync(scene.at('poor'), Wallet.createRandom().privateKey, { mode: 0o600 });
    const poor = await findings(...scene.there, '--key-file', scene.at('poor'));
    expect(poor.by('account')[0]).to.match(/^fail account 0x\w{40} has 0\.0 ether; send it some$/);
    chmodSync(scene.at('poor'), 0o644);
    const open = await findings(...scene.there, '--key-file', scene.at('poor'));
    expect(open.by('account')[0]).to.match(/^fail .*others than its owner may open it \(mode 644\)/);
    await scene.endpoint.send('evm_setAutomine', [false]);
    const account = scene.chain.account(2);
    await account.sendTransaction({ to: `0x${'12'.repeat(20)}`, value: 1n });
    const pending = await findings(...scene.there, '--key-file', scene.keyFile(2));
    expect(pending.by('pending')[0]).to.match(/^warn pending 1 transactions are on their way/);
    await scene.endpoint.send('evm_setAutomine', [true]);
    await scene.endpoint.send('evm_mine', []);
  });

  it('names a data folder that cannot be used, a chain without CLZ, and an old Node', async () => {
    writeFileSync(scene.at('file'), '');
    const { code, out } = await runHere('doctor', ...scene.there, '--data', scene.at('file/data'));
    expect([code, /fail {2}data +\S+: .*; name another folder with --data/.test(out)]).to.deep.equal([
      1,
      true,
    ]);
    const older = await startNode('anvil', 'prague');
    const { by } = await findings('--rpc', older.url);
    await older.stop();
    expect(by('opcodes')[0]).to.match(/^warn opcodes the chain has no CLZ; only contracts without CLZ work/);
    expect(checkNode('20.9.0')).to.include({ level: 'fail', remedy: 'install a newer one' });
    expect(checkNode('22.13.0').level).to.equal('ok');
  });

  it('names a clock that is behind', async () => {
    await scene.chain.pass(3700);
    expect((await findings(...scene.there)).by('clock')[0]).to.match(
      /^warn clock block \d+, 1 h (1 min )?ahead of this/,
    );
  });
});
