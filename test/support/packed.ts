import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lease, LeaseTaken, takeLease } from '../../src/chain/transactions/lease.ts';

/** A command's output. @throws Error with all that it wrote if it fails */
export function run(command: string, args: readonly string[], folder?: string): string {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: folder, shell });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Timeout of waiting for a process that packs, and interval of looking at it, ms. */
const PATIENCE_MS = 300_000;
const LOOK_MS = 200;

/** Test files run side by side, and there is one `dist` to build in. */
function takeTurn(): Lease {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    try {
      return takeLease('build/packing.lease', 'the packer');
    } catch (failure) {
      if (!(failure instanceof LeaseTaken) || waitedMs >= PATIENCE_MS) throw failure;
      Atomics.wait(sleeper, 0, 0, LOOK_MS);
    }
  }
}

let tarball: string | undefined;

/** This package as a registry would get it, built and packed once for all tests of a process. */
export function packPackage(): string {
  if (tarball) return tarball;
  const turn = takeTurn();
  try {
    run(process.execPath, ['scripts/bootstrap.mjs', 'scripts/build.ts']);
    const folder = mkdtempSync(join(tmpdir(), 'assay-packed-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    tarball = pack('.', folder);
    return tarball;
  } finally {
    turn.release();
  }
}

/** Packs the package in a folder as it is. @returns the file, in `to` */
export function pack(folder: string, to: string): string {
  const args = ['pack', folder, '--ignore-scripts', '--silent', '--pack-destination', to];
  return join(to, run('npm', args).split('\n').at(-1)!);
}
