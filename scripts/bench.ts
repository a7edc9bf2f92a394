// `npm run bench`: this engine, the reference and onnxruntime side by side, on the same inputs in one run.
//
//   npm run bench                      every model of examples/models, in text
//   npm run bench -- digits blaze      those whose names contain one of the words
//   npm run bench -- --json            one JSON object a model, times in milliseconds; the rest goes to stderr
//   npm run bench -- --reference       runs the reference in full, minutes for all models, and keeps its results
//   npm run bench -- --no-reference    leaves the reference out
//   npm run bench -- --against DIR     with the engine of another checkout of this project, which has its packages
//
// A time is the median of several runs, taken in turns; ± is half the distance between the quartiles. Compared are
// the outputs of the timed runs: all runs of this engine must have the same bits, and those of the reference in every
// tensor: in all elements for small models and where a full run is kept, else in a sample of every node's elements.
// onnxruntime must be within the tolerance of test/support/bench/compare.ts. The exit code is 1 if something differs.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { models, Unavailable } from '../examples/models/index.ts';
import { type EngineOf, measure, type ReferenceUse, type Result } from '../test/support/bench/measure.ts';
import { peakMeter } from '../test/support/bench/peak.ts';
import { product } from '../test/support/bench/product.ts';
import { jsonOf, summaryOf, textOf } from '../test/support/bench/report.ts';
import { targets, textTargets } from '../test/support/bench/targets.ts';
import { measureText, type TextResult } from '../test/support/bench/text.ts';
import { textModels } from '../test/support/bench/textModels.ts';
import { textJsonOf, textResultOf } from '../test/support/bench/textReport.ts';

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: { json: { type: 'boolean' }, reference: { type: 'boolean' }, against: { type: 'string' } },
});
const use: ReferenceUse = values.reference === undefined ? 'sample' : values.reference ? 'full' : 'none';

const isChosen = (name: string): boolean =>
  words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase()));
const chosen = models.filter(({ name }) => isChosen(name));
const writers = Object.entries(textModels).filter(([name]) => isChosen(name));
if (chosen.length + writers.length === 0) {
  const names = [...models.map(({ name }) => name), ...Object.keys(textModels)];
  console.error(`no model is called so; there are ${names.join(', ')}`);
  process.exitCode = 1;
}

/** The engine of another checkout, which takes the programs of this one. */
async function engineIn(folder: string): Promise<EngineOf> {
  const { wasmEngineWith } = await import(pathToFileURL(resolve(folder, 'src/engine/wasm/wasm.ts')).href);
  return wasmEngineWith;
}

const before = values.against === undefined ? undefined : await engineIn(values.against);
const meter = await peakMeter();
const results: Result[] = [];
for (const model of chosen) {
  try {
    const result = await measure(model, meter, use, before);
    console.log(values.json ? jsonOf(result) : `${textOf(result)}\n`);
    results.push(result);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`without ${model.name}: ${error.message}`);
  }
}
const texts: TextResult[] = [];
for (const [name, open] of writers) {
  try {
    const result = await measureText(await open());
    console.log(values.json ? textJsonOf(result) : `${textResultOf(result)}\n`);
    texts.push(result);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`without ${name}: ${error.message}`);
  }
}
const whole = words.length === 0 ? await product(meter) : undefined;
const summary = summaryOf(results, whole, [...targets(results, whole), ...textTargets(texts)]);
if (values.json) console.error(summary);
else console.log(summary);
if ([...results, ...texts].some(({ problems }) => problems.length > 0) || whole?.isExact === false)
  process.exitCode = 1;
