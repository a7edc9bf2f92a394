// The package as its users get it: built, packed, installed into an empty folder, and used there.
import { execFile, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { build } from 'esbuild';
import { killAll, runCommand, startCommand } from '../support/cliProcess.ts';
import { startNode } from '../support/nodeProcess.ts';
import { pack, packPackage, run } from '../support/packed.ts';
import { keyOf } from '../support/protocol.ts';

const PROJECT = process.cwd();
const DIGITS = resolve('examples/digits/digits.onnx');
const THREE = resolve('examples/digits/three.npy');
/** Its examples have to compile. */
const GUIDE = 'docs/package.md';
/** Most bytes that an installed package and what it depends on may take. */
const MAX_INSTALLED_BYTES = 16 * 2 ** 20;

/** Files under a folder, by their paths from there. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('the installed package', () => {
  let tarball: string;
  let folder: string;
  let modules: string;

  before(() => {
    tarball = packPackage();
    folder = mkdtempSync(join(tmpdir(), 'assay-installed-'));
    modules = join(folder, 'node_modules');
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', type: 'module' }));
    // Its one dependency comes from this tree, so that nothing is downloaded.
    const openzeppelin = pack('./node_modules/@openzeppelin/contracts', folder);
    run('npm', ['install', '--offline', '--no-audit', '--no-fund', openzeppelin, tarball], folder);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Installs what a user would, by a link into this tree. */
  const link = (name: string): void => {
    if (existsSync(join(modules, name))) return;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(PROJECT, 'node_modules', name), join(modules, name), 'junction');
  };

  const assay = (...args: string[]): string =>
    run(process.execPath, [join(modules, 'assay/dist/assay.js'), ...args], folder);

  it('brings itself and OpenZeppelin, and no more', () => {
    const installed = readdirSync(modules).filter((name) => !name.startsWith('.'));
    expect(installed).to.have.members(['@openzeppelin', 'assay']);
    const bytes = filesIn(modules).reduce((sum, file) => sum + readFileSync(file).length, 0);
    expect(bytes).to.be.below(MAX_INSTALLED_BYTES);
  });

  it('has a command that runs without a compiler', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(assay('--version')).to.equal(version);
    const printed = JSON.parse(assay('run', DIGITS, '--input', `image=${THREE}`, '--json'));
    expect(printed.outputs[0])
      .to.include({ name: 'digit' })
      .and.deep.include({ first: ['3'] });
    expect(run('npx', ['--offline', 'assay', '--version'], folder)).to.equal(version);
  });

  it('starts in an empty folder as the image does, and says in a line what it lacks', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'assay-empty-'));
    const command = join(modules, 'assay/dist/assay.js');
    const settings = {
      ASSAY_DATA: empty,
      ASSAY_METRICS_HOST: '0.0.0.0',
      ASSAY_METRICS_PORT: '9464',
      ASSAY_LOG: 'json',
    };
    const env = { PATH: process.env['PATH'], ...settings };
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'watch'], {
      cwd: empty,
      env,
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).to.deep.equal([
      2,
      '',
      "assay: required option '--rpc <URL>' not specified\n",
    ]);
    expect(readdirSync(empty)).to.deep.equal([]);
    rmSync(empty, { recursive: true });
  });

  it('says what a rehearsal needs', () => {
    expect(() => assay('rehearse', DIGITS)).to.throw(/npm install hardhat/);
  });

  it('passes publint and "are the types wrong"', () => {
    const tool = (name: string, ...args: string[]): string =>
      run(process.execPath, [resolve('node_modules', name), ...args]);
    expect(tool('publint/src/cli.js', 'run', tarball, '--strict')).to.include('All good!');
    tool('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only');
  });

  it('has a client, an engine and a compiler that run in a page', async () => {
    link('ethers');
    const contents = ['assay', 'assay/abi', 'assay/engine', 'assay/onnx']
      .map((name) => `export * from '${name}';`)
      .join('\n');
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      logLevel: 'silent',
    });
    expect(outputFiles[0]!.text).not.to.match(/from ["']node:/);
  });

  it('has services that answer and watch', async () => {
    const node = await startNode('anvil');
    try {
      const entry = join(modules, 'assay/dist/assay.js');
      const account = (index: number): string[] => {
        const file = join(folder, `key${index}`);
        writeFileSync(file, keyOf(index), { mode: 0o600 });
        return ['--rpc', node.url, '--key-file', file];
      };
      const said = async (...args: string[]): Promise<Record<string, string>> => {
        const { code, out, err } = await runCommand(entry, [...args, '--json']);
        expect(code, err).to.equal(0);
        return JSON.parse(out);
      };
      const { oracle } = await said('deploy', '--trial', ...account(0));
      const at = ['--oracle', oracle!];
      await said('publish', DIGITS, ...at, ...account(0));
      const provider = startCommand(entry, ['provide', DIGITS, ...at, ...account(1), '--min-fee-wei', '0']);
      const watcher = startCommand(entry, ['watch', DIGITS, ...at, ...account(2)]);
      await watcher.says('watching as');
      await said('request', DIGITS, '--input', `image=${THREE}`, ...at, ...account(3));
      await provider.says('request 1: claimed an answer');
      await watcher.says('right');
      for (const service of [provider, watcher]) {
        service.kill('SIGTERM');
        expect(await service.ended(), service.err).to.equal(0);
      }
    } finally {
      killAll();
      await node.stop();
    }
  });

  it('is used from TypeScript, with ethers and with viem', async () => {
    for (const name of ['ethers', '@types/node', 'undici-types', 'viem']) link(name);
    const app = resolve('test/package/app');
    for (const file of readdirSync(app)) {
      writeFileSync(join(folder, file.replace('.fixture', '')), readFileSync(join(app, file)));
    }
    for (const [i, [, code]] of [
      ...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g),
    ].entries()) {
      writeFileSync(join(folder, `guide${i}.ts`), code!);
    }
    run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', folder]);
    expect(existsSync(join(folder, 'guide2.js'))).to.equal(true);
    const node = await startNode('anvil');
    try {
      const args = [join(folder, 'main.js'), node.url, DIGITS, keyOf(0), keyOf(1)];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
      const { withEthers, withViem } = JSON.parse(stdout);
      expect(withEthers).to.match(/^[0-9a-f]{16}$/);
      expect(withViem).to.deep.equal({
        output: `0x${withEthers}`,
        claimed: `0x${withEthers}`,
        isRequester: true,
        isTyped: true,
      });
    } finally {
      await node.stop();
    }
  });
});
