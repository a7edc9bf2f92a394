// Measures the gas of everything the tests name, and shows how it differs from what is committed.
//
//   npm run gas                compares with test/snapshots/gas.json
//   npm run gas -- --update    rewrites it
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { GAS_SNAPSHOT } from '../test/support/gas.ts';
import { differences, type Measurements, readSnapshot, writeSnapshot } from '../test/support/snapshot.ts';

const file = GAS_SNAPSHOT;
const record = resolve('build/gas.jsonl');

function measure(): Measurements {
  rmSync(record, { force: true });
  const args = ['scripts/bootstrap.mjs', 'hardhat', 'test', 'mocha', '--no-compile'];
  const env = { ...process.env, ASSAY_GAS_RECORD: record };
  const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  if (status !== 0) {
    console.error(`${stdout}\nthe tests failed, so nothing was measured`);
    process.exit(1);
  }
  if (!existsSync(record)) return {};
  const lines = readFileSync(record, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line): [string, number] => JSON.parse(line)));
}

const measured = measure();
for (const [sentence, gas] of Object.entries(measured)) {
  console.log(`${gas.toLocaleString('en').padStart(12)}  ${sentence}`);
}

const changed = differences(readSnapshot(file), measured);
for (const line of changed) console.log(`differs from ${file}: ${line}`);
if (process.argv.includes('--update')) writeSnapshot(file, measured);
else if (changed.length > 0) process.exitCode = 1;
