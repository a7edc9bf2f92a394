// Runs a script or a tool of this project from a bare clone: finds Node, installs, compiles, runs.
// Plain JavaScript without dependencies, because it runs before anything is installed.
//
//   node scripts/bootstrap.mjs scripts/test.ts [arguments]    a script, after compiling what changed
//   node scripts/bootstrap.mjs biome format .                 a tool from node_modules

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findNode, NODE_WANTED, root } from './node.mjs';

const windows = process.platform === 'win32';
const installStamp = join(root, 'node_modules', '.assay-installed');
const compileStamp = join(root, 'build', 'compiled');

// These must run even when the contracts do not compile, or before they can.
const withoutContracts = new Set(
  ['bench', 'errorTable', 'generate', 'generated', 'lockfile', 'test'].map((name) => `scripts/${name}.ts`),
);

class StepFailed extends Error {}

function say(line) {
  console.error(`assay: ${line}`);
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** The environment in which `node`, started by any child, is the one found. */
function environment(node) {
  if (node === process.execPath) return process.env;
  return { ...process.env, PATH: dirname(node) + delimiter + (process.env.PATH ?? '') };
}

/** Runs Node to its end. Whoever ends this process ends that one. */
function run(node, args) {
  const child = spawn(node, args, { cwd: root, env: environment(node), stdio: 'inherit' });
  // Ctrl-C reaches the child by itself; this process only has to outlive it.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new StepFailed(`cannot start ${node}: ${error.message}`)));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Runs npm under `node`, quietly, and throws what it complained of. */
function npm(node, args) {
  const options = { cwd: root, env: environment(node), encoding: 'utf8' };
  const script = process.env.npm_execpath;
  const result = script?.endsWith('npm-cli.js')
    ? spawnSync(node, [script, ...args], options)
    : spawnSync('npm', args, { ...options, shell: windows });
  if (result.status === 0) return;
  // npm explains at length, usage included; the first lines say it.
  const lines = (result.stderr ?? '').split('\n').filter((line) => /^npm error +\S/.test(line));
  for (const line of lines.slice(0, 6)) console.error(line);
  throw new StepFailed(`npm ${args[0]} failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

function install(node) {
  // A tree installed by an old Node lacks Hardhat's native part, so the stamp is ours, not npm's.
  const wanted = createHash('sha256')
    .update(read(join(root, 'package-lock.json')))
    .digest('hex');
  if (read(installStamp) === wanted) return;
  if (lstatSync(dirname(installStamp), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new StepFailed('node_modules is a link, and installing would empty what it points to; remove it');
  }
  say('installing packages (npm ci; about half a minute)');
  // No package needs its install script here; leaving them out makes the install plain unpacking.
  npm(node, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  linkCommand();
  writeFileSync(installStamp, wanted);
}

/** npm links the commands of dependencies only; this one makes `npx assay` work in the project. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'assay');
  if (!windows && !existsSync(link)) symlinkSync('../../src/cli/assay.mjs', link);
}

function solidityUnder(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sol'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Changes whenever a compiler input may have: names, sizes and times, not contents. */
function sourcesDigest() {
  const files = [...solidityUnder('contracts'), ...solidityUnder('test')].sort();
  files.push(join(root, 'hardhat.config.ts'), installStamp);
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function compile(node) {
  const digest = sourcesDigest();
  if (read(compileStamp) === digest) return;
  say('compiling contracts (half a minute)');
  // The compiler's warnings are for who changes a contract: `npm run compile` shows them.
  const options = { cwd: root, env: environment(node), encoding: 'utf8' };
  const { status, stdout, stderr } = spawnSync(node, [tool('hardhat'), 'build', '--quiet'], options);
  if (status !== 0) {
    console.error(`${stdout ?? ''}${stderr ?? ''}`);
    throw new StepFailed('compiling contracts failed; the errors are above');
  }
  mkdirSync(dirname(compileStamp), { recursive: true });
  writeFileSync(compileStamp, digest);
}

/** The JavaScript (or native) file behind a command in node_modules. */
function tool(name) {
  const owner = { biome: '@biomejs/biome', tsc: 'typescript' }[name] ?? name;
  const manifest = join(root, 'node_modules', owner, 'package.json');
  if (!existsSync(manifest)) throw new StepFailed(`there is no command "${name}"`);
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[name]);
}

async function main([target, ...args]) {
  if (!target) throw new StepFailed('usage: node scripts/bootstrap.mjs <script.ts | tool> [arguments]');
  const node = findNode(say);
  if (!node) {
    throw new StepFailed(
      `needs Node ${NODE_WANTED} or newer, and npx could not fetch one (this is ${process.version})`,
    );
  }
  install(node);
  if (!target.endsWith('.ts')) return run(node, [tool(target), ...args]);
  if (!existsSync(join(root, target))) throw new StepFailed(`there is no ${target}`);
  if (!withoutContracts.has(target)) compile(node);
  const tsx = pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;
  return run(node, ['--import', tsx, join(root, target), ...args]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(error.message);
  process.exitCode = 1;
}
