import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import * as client from '../src/exports/client.ts';
import * as engine from '../src/exports/engine.ts';
import * as onnx from '../src/exports/onnx.ts';
import * as services from '../src/exports/services.ts';
import { readTensorFile } from '../src/files/formats/tensorFile.ts';
import type { ExampleValues } from './support/exampleValues.ts';
import { modelBytes, node, value } from './support/onnx.ts';
import { run } from './support/packed.ts';

const root = resolve(import.meta.dirname, '..');
const digits = join(root, 'examples', 'digits');
/** A folder of the build, from which modules are found as from a source. */
const folder = join(root, 'build', 'docstrings');

/** Names that examples may use without importing them, by the module that has them. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  '../../src/exports/client.ts': Object.keys(client),
  '../../src/exports/engine.ts': Object.keys(engine),
  '../../src/exports/onnx.ts': Object.keys(onnx),
  '../../src/exports/services.ts': Object.keys(services),
  ethers: ['parseEther'],
};

/** The other names: {@link ExampleValues}. */
const VALUES: Readonly<Record<keyof ExampleValues, true>> = {
  ...{ readFileSync: true, image: true, program: true, weights: true, inputs: true, modelId: true },
  ...{ contracts: true, terms: true, signal: true, tokenizerJson: true },
};

interface Example {
  /** File and line of the code. */
  readonly at: string;
  readonly code: string;
  readonly words: ReadonlySet<string>;
}

/** The TypeScript in the `@example` tags of a source. */
function examplesIn(file: string, source: string): Example[] {
  return [...source.matchAll(/^ *\* @example\n *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm)].map((match) => {
    const code = match[1]!.replace(/^ *\* ?/gm, '');
    const line = source.slice(0, match.index).split('\n').length + 2;
    return { at: `${file}:${line}`, code, words: new Set(code.match(/[A-Za-z]\w*/g)) };
  });
}

/** A module with one function for each example. */
function moduleOf(examples: readonly Example[]): string {
  const used = new Set(examples.flatMap(({ words }) => [...words]));
  const imported = new Set<string>();
  const imports = Object.entries(EXPORTS).map(([from, names]) => {
    const own = names.filter((name) => used.has(name) && !imported.has(name));
    for (const name of own) imported.add(name);
    return `import { ${own.join(', ')} } from '${from}';`;
  });
  const functions = examples.map(({ at, code, words }, i) => {
    const values = Object.keys(VALUES).filter((name) => words.has(name));
    // A block of its own, because an example may declare a name that another one takes as given.
    const head = `export async function example${i}({ ${values.join(', ')} }: ExampleValues): Promise<void>`;
    return `${head} {\n{\n// ${at}\n${code}}\n}`;
  });
  const types = `import type { ExampleValues } from '../../test/support/exampleValues.ts';`;
  return [...imports, types, ...functions, ''].join('\n');
}

/** A model that the examples name: token ids [batch, tokens] to themselves plus 1. */
const encoder = modelBytes({
  nodes: [node('Add', ['ids', 'one'], ['y'])],
  inputs: { ids: value('int64', [1, 64], []) },
  constants: { one: value('int64', [1], [1]) },
  outputs: ['y'],
  open: { ids: ['batch', 'tokens'] },
});

const readBeside = (name: string): Uint8Array =>
  name === 'encoder.onnx' ? encoder : readFileSync(join(digits, name));

describe('examples in docstrings', function () {
  this.timeout(120_000);
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort();
  const sources = files.map((file) => ({ file, source: readFileSync(join(root, 'src', file), 'utf8') }));
  const examples = sources.flatMap(({ file, source }) => examplesIn(`src/${file}`, source));
  const path = join(folder, 'examples.ts');

  before(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, moduleOf(examples));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are all found, as TypeScript', () => {
    const tags = sources.reduce((sum, { source }) => sum + source.split('@example').length - 1, 0);
    expect(examples.length).to.equal(tags).and.to.be.at.least(8);
  });

  it('compile with the exports of the package', () => {
    const configuration = {
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['examples.ts', '../typechain/hardhat.d.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], root);
  });

  for (const [i, { at, words }] of examples.entries()) {
    if (words.has('contracts')) continue;
    it(`run where they need no chain: ${relative('src', at)}`, async () => {
      const { program, weights, inputs } = onnx.importOnnx(readBeside('digits.onnx'));
      const module = await import(pathToFileURL(path).href);
      await module[`example${i}`]({
        ...{ readFileSync: readBeside, program, weights, inputs },
        image: readTensorFile(join(digits, 'three.npy')).bytes,
      });
    });
  }
});
