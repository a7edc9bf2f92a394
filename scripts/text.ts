// `npm run text`: climbs the ladder of language models, with figures for each.
//
//   npm run text                 all rungs; compares with test/snapshots/texts.json
//   npm run text -- glass        those whose name has this in it
//   npm run text -- --update     rewrites the snapshot
//   npm run text -- --write      has the texts of the chosen rungs written anew first, by onnxruntime or plain arithmetic
//
// A model that must be fetched and cannot be is left out. Seconds are those of this machine, and compared with nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Unavailable } from '../examples/models/packages.ts';
import { rungs } from '../examples/text/rungs.ts';
import { climb, type RungFigures } from '../test/support/ladder/climb.ts';
import { writers } from './text/write.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean' }, write: { type: 'boolean' } },
});
const snapshots = new URL('../test/snapshots/', import.meta.url);
const snapshot = new URL('texts.json', snapshots);
const read = (): Record<string, RungFigures> =>
  existsSync(snapshot) ? JSON.parse(readFileSync(snapshot, 'utf8')) : {};
const committed = read();

const figures: Record<string, RungFigures> = {};
const problems: string[] = [];
for (const rung of rungs) {
  const { name } = rung;
  if (positionals.length > 0 && !positionals.some((word) => name.toLowerCase().includes(word.toLowerCase())))
    continue;
  console.log(name);
  try {
    if (values.write) await writers[rung.texts]?.(new URL(rung.texts, snapshots));
    const climbed = await climb(rung, (line) => console.log(`  ${line}`));
    figures[name] = climbed.figures;
    for (const problem of [...climbed.problems, ...climbed.exceeded]) problems.push(`${name}: ${problem}`);
    if (!values.update && JSON.stringify(committed[name]) !== JSON.stringify(climbed.figures))
      problems.push(`${name}: not as committed; if that is meant: npm run text -- --update`);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`  left out: ${error.message}`);
  }
}
if (values.update) {
  // Figures of other rungs may have been written in the meantime.
  const all = { ...read(), ...figures };
  const known = rungs.filter(({ name }) => name in all).map(({ name }) => [name, all[name]]);
  writeFileSync(snapshot, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
