// Runs ONNX's backend tests and compares the table of results with the committed one.
//
//   npm run conformance                compares with src/onnx/CONFORMANCE.md
//   npm run conformance -- --update    rewrites it
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { conformance } from '../src/cli/conformance/conformance.ts';
import { conformancePage } from '../src/cli/conformance/table.ts';
import { SKIPPED } from './checks.ts';

const FOLDER = '/usr/share/libonnx-testdata/data';
const PAGE = 'src/onnx/CONFORMANCE.md';

if (!existsSync(FOLDER)) {
  console.log(`${FOLDER} is not here; get it with: apt install libonnx-testdata`);
  process.exit(SKIPPED);
}
const results = await conformance(FOLDER);
const failed = results.filter(({ verdict }) => verdict === 'failed');
for (const { test, reason } of failed) console.log(`failed ${test}: ${reason}`);
const page = conformancePage(results, "Debian's package `libonnx-testdata` (ONNX 1.12)");
if (process.argv.includes('--update')) {
  writeFileSync(PAGE, page);
} else if (!existsSync(PAGE) || readFileSync(PAGE, 'utf8') !== page) {
  const committed = new Set(existsSync(PAGE) ? readFileSync(PAGE, 'utf8').split('\n') : []);
  for (const line of page.split('\n')) if (!committed.has(line)) console.log(`not in ${PAGE}: ${line}`);
  console.log(`${PAGE} is out of date; run npm run conformance -- --update, and commit it`);
  process.exitCode = 1;
}
if (failed.length > 0) process.exitCode = 1;
