import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const MAX_LETTERS = 80;

/** Titles of tests and groups in a source, without the values that are put into them. */
function titlesIn(source: string): string[] {
  const calls = source.matchAll(/\b(?:it|describe)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*?)\1/g);
  return [...calls].map(([, , title = '']) => title.replace(/\$\{[^}]*\}/g, ''));
}

describe('titles of tests', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => ({ file, titles: titlesIn(readFileSync(join(import.meta.dirname, file), 'utf8')) }));

  it('have at most 80 letters', () => {
    expect(files.flatMap(({ titles }) => titles)).to.have.length.above(1000);
    const long = files.flatMap(({ file, titles }) =>
      titles.filter(({ length }) => length > MAX_LETTERS).map((title) => `${file}: ${title}`),
    );
    expect(long).to.deep.equal([]);
  });

  it('are found in every form', () => {
    const source = `it('a \${b} c', f); describe(\n  "it's", f); it.skip(\`d\`, f);`;
    expect(titlesIn(source)).to.deep.equal(['a  c', "it's", 'd']);
  });
});
