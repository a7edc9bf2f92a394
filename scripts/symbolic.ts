// Runs halmos over test/symbolic: properties for all values, decided by a solver. Needs halmos (PyPI) in PATH, or its path in
// ASSAY_HALMOS; it finds scripts/halmos/forge in the place of Foundry's.
import { spawnSync } from 'node:child_process';
import { delimiter, resolve } from 'node:path';
import { SKIPPED } from './checks.ts';

const command = process.env['ASSAY_HALMOS'] ?? 'halmos';
const OUT = 'build/halmos';
/** More rounds than any loop of the checks has. */
const LOOP = '32';

/** Whether a contract's checks pass. */
function holds(contract: string, stdio: 'inherit' | 'ignore'): boolean {
  const path = [resolve('scripts/halmos'), process.env['PATH']].join(delimiter);
  const args = ['--forge-build-out', OUT, '--contract', contract, '--loop', LOOP, '--no-status'];
  const env = { ...process.env, PATH: path, ASSAY_OUT: OUT };
  return spawnSync(command, args, { env, stdio }).status === 0;
}

if (spawnSync(command, ['--version']).status !== 0) {
  console.log('halmos is not installed: pip install halmos, or set ASSAY_HALMOS to its path');
  process.exitCode = SKIPPED;
} else {
  for (const contract of ['TypesCheck', 'CombineCheck']) {
    if (!holds(contract, 'inherit')) process.exitCode = 1;
  }
  if (holds('FalseCheck', 'ignore')) {
    console.error(
      'halmos finds nothing wrong with a property that does not hold; its other verdicts are worth nothing',
    );
    process.exitCode = 1;
  }
}
