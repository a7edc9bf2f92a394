import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command's output. @throws Error with all that it wrote if it fails */
export function run(command: string, args: readonly string[], folder?: string): string {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: folder, shell });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout.trim();
}

let tarball: string | undefined;

/** This package as a registry would get it, built and packed once for all tests of a process. */
export function packPackage(): string {
  if (tarball) return tarball;
  run(process.execPath, ['scripts/bootstrap.mjs', 'scripts/build.ts']);
  const folder = mkdtempSync(join(tmpdir(), 'assay-packed-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  tarball = pack('.', folder);
  return tarball;
}

/** Packs the package in a folder as it is. @returns the file, in `to` */
export function pack(folder: string, to: string): string {
  const args = ['pack', folder, '--ignore-scripts', '--silent', '--pack-destination', to];
  return join(to, run('npm', args).split('\n').at(-1)!);
}
