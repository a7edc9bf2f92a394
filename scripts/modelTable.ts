// `npm run models`: every model of the benchmark and of examples/, with what it costs to run and to dispute.
//
//   npm run models                 measures all and compares with test/snapshots/models.json
//   npm run models -- --update     rewrites it, and the table in examples/README.md
//   npm run models -- --only NAME  those whose name has this in it
//
// A model that must be fetched and cannot be keeps its row. Milliseconds are those of this machine, on one thread, and
// are compared with nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { examples } from '../examples/models/examples.ts';
import { models, Unavailable } from '../examples/models/index.ts';
import { type Figures, measure } from '../test/support/figures/figures.ts';
import { tableOf, timesIn, withTable } from '../test/support/figures/table.ts';

/** Nodes of each model at which a lie is told. */
const LIES = 8;

const { values } = parseArgs({ options: { update: { type: 'boolean' }, only: { type: 'string' } } });
const snapshot = new URL('../test/snapshots/models.json', import.meta.url);
const readme = new URL('../examples/README.md', import.meta.url);

const committed = JSON.parse(readFileSync(snapshot, 'utf8')) as Record<string, Figures>;
const text = readFileSync(readme, 'utf8');
const times = timesIn(text);
const figures: Record<string, Figures> = {};
const changed: string[] = [];

for (const model of [...models, ...examples]) {
  const { name } = model;
  const before = committed[name];
  if (before) figures[name] = before;
  if (values.only && !name.includes(values.only)) continue;
  try {
    const { milliseconds, problems, ...measured } = await measure(model, LIES);
    figures[name] = measured;
    times[name] = milliseconds < 10 ? milliseconds.toPrecision(2) : milliseconds.toFixed(0);
    console.log(
      `${name}: ${measured.nodes} nodes, ${milliseconds.toFixed(2)} ms, ${measured.gas} gas, leaf ${measured.leafGas}, ${measured.claimantMoves} moves of the claimant`,
    );
    for (const problem of problems) changed.push(`${name}: ${problem}`);
    if (JSON.stringify(before) !== JSON.stringify(measured)) changed.push(`${name}: not as committed`);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`${name}: ${error.message}`);
  }
}

if (values.update) {
  const bySize = Object.entries(figures).sort(([, a], [, b]) => a.macs - b.macs);
  const sorted = Object.fromEntries(bySize);
  writeFileSync(snapshot, `${JSON.stringify(sorted, null, 2)}\n`);
  writeFileSync(readme, withTable(text, tableOf(sorted, times)));
}
for (const line of changed) console.error(line);
if (changed.length > 0 && !values.update) process.exitCode = 1;
process.exit();
