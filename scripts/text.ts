// `npm run text`: climbs the ladder of language models, with figures for each.
//
//   npm run text                 all rungs; compares with test/snapshots/texts.json
//   npm run text -- glass        those whose name has this in it
//   npm run text -- --update     rewrites the snapshot
//   npm run text -- --write      has onnxruntime write test/snapshots/smolTexts.json anew
//
// A model that must be fetched and cannot be is left out. Seconds are those of this machine, and compared with nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Unavailable } from '../examples/models/packages.ts';
import { rungs } from '../examples/text/rungs.ts';
import { climb, type RungFigures } from '../test/support/ladder/climb.ts';
import { writeSmolTexts } from './text/write.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean' }, write: { type: 'boolean' } },
});
const snapshots = new URL('../test/snapshots/', import.meta.url);
const snapshot = new URL('texts.json', snapshots);
const committed = (existsSync(snapshot) ? JSON.parse(readFileSync(snapshot, 'utf8')) : {}) as Record<
  string,
  RungFigures
>;

if (values.write) await writeSmolTexts(new URL('smolTexts.json', snapshots));

const figures = { ...committed };
const problems: string[] = [];
for (const rung of rungs) {
  const { name } = rung;
  if (positionals.length > 0 && !positionals.some((word) => name.toLowerCase().includes(word.toLowerCase())))
    continue;
  console.log(name);
  try {
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
if (values.update) writeFileSync(snapshot, `${JSON.stringify(figures, null, 2)}\n`);
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
