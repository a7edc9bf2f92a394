// Runs ONNX's backend tests and compares the tables of results with the committed ones.
//
//   npm run conformance                compares
//   npm run conformance -- --update    rewrites the tables
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { conformance } from '../src/conformance/conformance.ts';
import { conformancePage } from '../src/conformance/table.ts';
import { SKIPPED } from './checks.ts';

interface Corpus {
  readonly folder: string;
  /** Version of ONNX. */
  readonly version: string;
  readonly name: string;
  readonly page: string;
  readonly listsOperators: boolean;
  readonly howToGet: string;
}

const corpora: readonly Corpus[] = [
  {
    folder: '/usr/share/libonnx-testdata/data',
    version: '1.12',
    name: "Debian's package `libonnx-testdata` (ONNX 1.12)",
    page: 'src/onnx/CONFORMANCE.md',
    listsOperators: true,
    howToGet: 'apt install libonnx-testdata',
  },
  {
    folder: '.cache/onnx-1.23.2',
    version: '1.23',
    name: 'the node tests of the Python package `onnx` 1.23.2',
    page: 'src/onnx/CONFORMANCE-1.23.md',
    listsOperators: false,
    howToGet: 'scripts/onnxNodeTests.sh',
  },
];

const SCHEMAS = 'src/onnx/read/schemas.ts';

/** @returns whether the committed table of operators is the one that the corpus' own package yields, if it has one */
function hasItsSchemas({ folder }: Corpus): boolean {
  const path = `${folder}/schemas.ts`;
  if (!existsSync(path) || readFileSync(path, 'utf8') === readFileSync(SCHEMAS, 'utf8')) return true;
  console.log(`${SCHEMAS} differs from ${path}; run python scripts/onnxSchemas.py with that version of onnx`);
  return false;
}

/** @returns whether the corpus is as its committed table says, without failures */
async function check({ folder, version, name, page: path, listsOperators }: Corpus): Promise<boolean> {
  const results = await conformance(folder);
  const failed = results.filter(({ verdict }) => verdict === 'failed');
  for (const { test, reason } of failed) console.log(`failed ${test}: ${reason}`);
  const page = conformancePage(results, { version, name }, listsOperators);
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (process.argv.includes('--update')) writeFileSync(path, page);
  else if (committed !== page) {
    const lines = new Set(committed.split('\n'));
    for (const line of page.split('\n')) if (!lines.has(line)) console.log(`not in ${path}: ${line}`);
    console.log(`${path} is out of date; run npm run conformance -- --update, and commit it`);
    return false;
  }
  return failed.length === 0;
}

let skipped = false;
for (const corpus of corpora) {
  if (!existsSync(corpus.folder)) {
    console.log(`${corpus.folder} is not here; get it with: ${corpus.howToGet}`);
    skipped = true;
  } else if (!hasItsSchemas(corpus) || !(await check(corpus))) process.exitCode = 1;
}
if (skipped) process.exitCode ??= SKIPPED;
