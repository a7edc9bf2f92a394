import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Interface } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { REASONS } from '../../src/dispute/rules.ts';

const folder = join(import.meta.dirname, '../../examples/indexer');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** Events of no table: gas that is repaid changes nothing but what an account is owed. */
const LEFT_OUT = ['Oracle:GasRepaid'];

const eventsOf = (contract: string, abi: Interface): string[] => {
  const names: string[] = [];
  abi.forEachEvent(({ name }) => names.push(`${contract}:${name}`));
  return names;
};

describe('the example of an indexer', () => {
  it('handles the events of oracle and game, and no others', () => {
    const sources = readdirSync(join(folder, 'src')).filter((name) => name.endsWith('.ts'));
    const text = sources.map((name) => read(`src/${name}`)).join('\n');
    const handled = [...text.matchAll(/ponder\.on\('([^']+)'/g)].map(([, name]) => name);
    const events = [
      ...eventsOf('Oracle', IInferenceOracle__factory.createInterface()),
      ...eventsOf('Game', IDisputeGame__factory.createInterface()),
    ];
    expect([...handled, ...LEFT_OUT].sort()).to.deep.equal(events.sort());
  });

  it('names the reasons for which disputes end as the contracts number them', () => {
    const [, list = ''] = /onchainEnum\('reason', \[([^\]]*)\]/.exec(read('ponder.schema.ts')) ?? [];
    expect([...list.matchAll(/'(\w+)'/g)].map(([, name]) => name)).to.deep.equal(REASONS);
  });

  it('is installed by nobody who installs the package', () => {
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    expect(files.filter((name) => name.startsWith('examples'))).to.deep.equal([
      'examples/digits/digits.onnx',
      'examples/digits/three.npy',
    ]);
  });
});
