import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

/** The numbers in the titles of tests, such as 24 and 25 in `attack 24, 25: …`. */
function triedAttacks(): Set<string> {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
  const sources = files
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join('test', file), 'utf8'));
  const titles = sources.flatMap((source) => [
    ...source.matchAll(/(?:it|describe)\(\s*['`]attack ([\d, ]+):/g),
  ]);
  return new Set(titles.flatMap((title) => title[1]!.split(', ')));
}

describe('the list of attacks', () => {
  const listed = [...readFileSync('test/README.md', 'utf8').matchAll(/^\| (\d+) \|/gm)].map((row) => row[1]!);
  const tried = triedAttacks();

  it('has a test for each, named after it', () => {
    expect(listed).to.have.length.above(30);
    expect(listed.filter((attack) => !tried.has(attack))).to.deep.equal([]);
  });

  it('leaves none out that a test tries', () => {
    expect([...tried].filter((attack) => !listed.includes(attack))).to.deep.equal([]);
  });
});
