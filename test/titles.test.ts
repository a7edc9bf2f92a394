import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { expect } from 'chai';

const MAX_LETTERS = 80;

/** Titles of tests and groups in a source, as they are written there. */
function titlesIn(source: string): string[] {
  const calls = source.matchAll(/\b(?:it|describe)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*?)\1/g);
  return [...calls].map(([, , title = '']) => title);
}

const withoutValues = (title: string): string => title.replace(/\$\{[^}]*\}/g, '');

/** Whether a title goes on from the one before it, so that it says nothing by itself. */
const isContinuation = (title: string): boolean => /^(attack [\d, ]+: )?(and|or|but)\b/i.test(title);

describe('titles of tests', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => ({ file, titles: titlesIn(readFileSync(join(import.meta.dirname, file), 'utf8')) }));

  it('have at most 80 letters', () => {
    expect(files.flatMap(({ titles }) => titles)).to.have.length.above(1000);
    const long = files.flatMap(({ file, titles }) =>
      titles
        .map(withoutValues)
        .filter(({ length }) => length > MAX_LETTERS)
        .map((title) => `${file}: ${title}`),
    );
    expect(long).to.deep.equal([]);
  });

  it('say something by themselves: none begins with "and", "or" or "but"', () => {
    const continued = files.flatMap(({ file, titles }) =>
      titles.filter(isContinuation).map((title) => `${file}: ${title}`),
    );
    expect(continued).to.deep.equal([]);
    const samples = ['and more', 'But less', 'attack 24, 25: or other ones', 'order is kept', `\${a} and b`];
    expect(samples.map(isContinuation)).to.deep.equal([true, true, true, false, false]);
  });

  it('are found in every form', () => {
    const source = `it('a \${b} c', f); describe(\n  "it's", f); it.skip(\`d\`, f);`;
    expect(titlesIn(source).map(withoutValues)).to.deep.equal(['a  c', "it's", 'd']);
  });
});

const root = resolve(import.meta.dirname, '..');
const folders = ['docs', 'examples', 'ignition', 'scripts', 'src', 'test'];
/** Letters of a line of prose or of a comment at most; an address cannot be broken. */
const MOST_LETTERS = 130;

/** Files of some kinds, generated ones left out. */
function filesOf(pattern: RegExp): { file: string; lines: readonly string[] }[] {
  const generated = /CONFORMANCE|errors\.md$|schemas\.ts$|(^|[/\\])(build|dist|node_modules)[/\\]/;
  const below = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return [...readdirSync(root), ...below]
    .filter((file) => pattern.test(file) && !generated.test(file))
    .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n') }));
}

/** Lines of a file at most, unless its head says why it is one file. */
const MOST_LINES = 350;

const isLong = (line: string): boolean => line.length > MOST_LETTERS && !/https?:\/\/\S{40,}/.test(line);

/** Lines of prose: no code, no tables. */
function proseIn(lines: readonly string[]): string[] {
  let isCode = false;
  return lines.filter((line) => {
    if (/^\s*```/.test(line)) isCode = !isCode;
    return !isCode && !line.includes('|');
  });
}

describe('lines', () => {
  it('of prose have at most 130 letters', () => {
    const long = filesOf(/\.md$/).flatMap(({ file, lines }) =>
      proseIn(lines)
        .filter(isLong)
        .map((line) => `${file}: ${line}`),
    );
    expect(long).to.deep.equal([]);
  });

  it('of comments have at most 130 letters', () => {
    const long = filesOf(/\.(ts|mjs)$/).flatMap(({ file, lines }) =>
      lines.filter((line) => /^\s*(\/\/|\/?\*)/.test(line) && isLong(line)).map((line) => `${file}: ${line}`),
    );
    expect(long).to.deep.equal([]);
  });

  it('are at most 350 in a file of src/, or its head says why', () => {
    const long = filesOf(/\.ts$/)
      .filter(({ file, lines }) => file.startsWith(`src${sep}`) && lines.length > MOST_LINES + 1)
      .filter(({ lines }) => !/one file/i.test(lines.slice(0, 40).join('\n')))
      .map(({ file, lines }) => `${file}: ${lines.length}`);
    expect(long).to.deep.equal([]);
  });
});
