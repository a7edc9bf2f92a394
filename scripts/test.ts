// `npm test`: every check in turn; the last line is "N passed, N failed".
//
//   npm test                   all checks
//   npm test -- types sizes    those whose name contains one of the words
//   npm test -- --verbose      with the output of those that pass too
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { type Check, checks, SKIPPED } from './checks.ts';

interface Outcome {
  readonly verdict: 'passed' | 'FAILED' | 'skipped';
  readonly output: string;
}

function run(check: Check): Promise<Outcome> {
  const args = ['scripts/bootstrap.mjs', check.command, ...check.args];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) },
  });
  return new Promise((resolve) => {
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ verdict: 'FAILED', output: error.message }));
    child.on('close', (code) =>
      resolve({ verdict: code === 0 ? 'passed' : code === SKIPPED ? 'skipped' : 'FAILED', output }),
    );
  });
}

/** Number of tests that a runner said had passed, for the heading. */
function counted(output: string): string {
  const count = output.match(/^\s*(\d+ passing)/m)?.[1];
  return count ? `, ${count}` : '';
}

const given = process.argv.slice(2);
const words = given.filter((word) => !word.startsWith('--'));
const verbose = given.includes('--verbose');
const isKnown = (word: string): boolean => checks.some(({ name }) => name.includes(word));
const mistakes = [
  ...words.filter((word) => !isKnown(word)).map((word) => `no check has "${word}" in its name`),
  ...given
    .filter((word) => word.startsWith('--') && word !== '--verbose')
    .map((word) => `${word}: there is no such option, only --verbose`),
];
if (mistakes.length > 0) {
  for (const mistake of mistakes) console.error(mistake);
  console.error(`The checks are:\n${checks.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(1);
}
const chosen = checks.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

let failed = 0;
let skipped = 0;
for (const check of chosen) {
  process.stdout.write(`${check.name} … `);
  const start = performance.now();
  const { verdict, output } = await run(check);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${verdict} (${seconds} s${verdict === 'passed' ? counted(output) : ''})`);
  if (verdict === 'FAILED') failed++;
  if (verdict === 'skipped') skipped++;
  if (verdict !== 'passed' || verbose) console.log(output.trimEnd().replace(/^/gm, '  '));
}

if (skipped > 0) console.log(`${skipped} skipped, for the reasons above`);
console.log(`${chosen.length - failed - skipped} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
