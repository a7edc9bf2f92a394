import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import { GAS_SNAPSHOT } from './support/gas.ts';
import { readSnapshot } from './support/snapshot.ts';

const readme = readFileSync('README.md', 'utf8');

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
}

describe('the README', () => {
  it('shows a contract that compiles', () => {
    const solc = createRequire(import.meta.url)('solc') as {
      compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
    };
    const example = /```solidity\n([\s\S]*?)```/.exec(readme)?.[1];
    const input = {
      language: 'Solidity',
      sources: { 'Example.sol': { content: example } },
      settings: { evmVersion: 'osaka', outputSelection: { '*': { '*': ['abi'] } } },
    };
    // As in a project that has installed the packages.
    const found = (path: string) => ({
      contents: readFileSync(
        path.startsWith('@') ? `node_modules/${path}` : path.replace(/^assay\//, ''),
        'utf8',
      ),
    });
    const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found })) as SolcOutput;
    expect(output.errors?.filter(({ severity }) => severity === 'error') ?? []).to.deep.equal([]);
  }).timeout(60_000);

  it('gives the gas that is measured', () => {
    const gas = readSnapshot(GAS_SNAPSHOT);
    const most = (prefix: string): number =>
      Math.max(
        ...Object.entries(gas).flatMap(([sentence, value]) => (sentence.startsWith(prefix) ? [value] : [])),
      );
    const figures = [
      gas['request of 784 bytes through a consumer'],
      gas['claim of 8 bytes'],
      gas['finality with callback'],
      gas['request, claim and finality with callback'],
      ...['digits', 'the angle classifier'].flatMap((model) => [
        most(`dispute on ${model}, whole`),
        most(`dispute on ${model}, leaf`),
      ]),
    ];
    for (const figure of figures) expect(readme).to.include(figure?.toLocaleString('en-US'));
  });

  it('gives the sizes that are measured', () => {
    for (const [contract, bytes] of Object.entries(readSnapshot('test/snapshots/sizes.json'))) {
      if (['DigitReader', 'SentenceReader'].includes(contract)) continue;
      expect(readme).to.include(`| ${contract} | ${bytes.toLocaleString('en-US')} |`);
    }
  });

  it('links and names only what is there', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]!);
    const [, tree] = /## Where things are\s+```\n([\s\S]*?)```/.exec(readme) ?? [];
    let top = '';
    const places = (tree ?? '').split('\n').flatMap((line) => {
      const [, indent = '', names = ''] =
        /^( *)((?:[\w.]+\/?[\w.]*\/? )*?(?:[\w./]+))(?: {2,}|$)/.exec(line) ?? [];
      if (!names) return [];
      if (!indent && !line.includes('  ')) top = names;
      return names.split(' ').map((name) => (indent ? `${top}${name}` : name));
    });
    expect(places).to.have.length.above(20);
    for (const place of [...links, ...places]) expect(existsSync(place), place).to.equal(true);
  });
});
