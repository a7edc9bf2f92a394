import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '..');
const MAX_LETTERS = 72;
/** Commits looked at besides those of a branch: once on main, a subject cannot be mended any more. */
const LATEST = 3;
const AT_MOST = 100;

/** First words that no imperative begins with. */
const NO_VERBS = new Set(
  (
    'a an the this that these those its it one two both each every any all no some more most ' +
    'what which who how why when where whether in on at by of for from with without after before is are'
  ).split(' '),
);
/** Verbs that look like another form: of a participle, or of a third person or a plural. */
const VERBS =
  /^(bring|embed|exceed|feed|need|proceed|seed|shed|speed|spring|string|succeed|\w+ss|bias|canvas|focus)$/;

/** Returns the reason why a subject is not `area: do this`, or undefined. */
function faultOf(subject: string): string | undefined {
  if (subject.length > MAX_LETTERS) return `has ${subject.length} letters of ${MAX_LETTERS}`;
  if (subject.endsWith('.')) return 'ends in a full stop';
  if (/^Revert ".*"$/.test(subject)) return undefined;
  const first = subject.match(/^[^:]*\S: (\S+)/)?.[1];
  if (first === undefined) return 'names no area';
  const word = first.toLowerCase().replace(/\W+$/, '');
  const isForm = /(ed|ing|s)$/.test(word) && !VERBS.test(word);
  return NO_VERBS.has(word) || isForm || !/^[a-z]/.test(word) ? `"${first}" is no imperative` : undefined;
}

const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });

/** Returns the commits of this branch that are not on main, or else the latest; none without git or a repository. */
function commits(): string[] {
  const list = (...args: string[]) =>
    git('log', '--no-merges', '--format=%h %s', ...args)
      .stdout?.split('\n')
      .filter((line) => line !== '') ?? [];
  // A copy of these files inside another repository has commits of that one.
  if (git('rev-parse', '--show-prefix').stdout?.trim() !== '') return [];
  const main = ['origin/main', 'main'].find(
    (name) => git('rev-parse', '--verify', '--quiet', name).status === 0,
  );
  const branchCommits = main === undefined ? [] : list(`--max-count=${AT_MOST}`, 'HEAD', '--not', main);
  return branchCommits.length > 0 ? branchCommits : list(`--max-count=${LATEST}`);
}

describe('subjects of commits', () => {
  it('say what to do, in at most 72 letters', function () {
    const lines = commits();
    if (lines.length === 0) {
      console.error('      git shows no commits here');
      this.skip();
    }
    const faults = lines.flatMap((line) => {
      const fault = faultOf(line.slice(line.indexOf(' ') + 1));
      return fault === undefined ? [] : [`${line}: ${fault}`];
    });
    expect(faults).to.deep.equal([]);
  });

  const good = [
    'test: cut the wire',
    'test, scripts: make one',
    'build(deps): bump x',
    'engine: pass a, b',
    'Revert "x: y"',
  ];
  for (const subject of good) {
    it(`may be ${subject}`, () => expect(faultOf(subject)).to.equal(undefined));
  }

  const bad = {
    [`test: ${'cut '.repeat(20)}`]: 'has 86 letters of 72',
    'test: cut the wire.': 'ends in a full stop',
    'cut the wire': 'names no area',
    'test: a wire that is cut': '"a" is no imperative',
    'test: fixed the wire': '"fixed" is no imperative',
    'test: cutting the wire': '"cutting" is no imperative',
    'test: wires, cut': '"wires," is no imperative',
    'test: 4-bit wires': '"4-bit" is no imperative',
  };
  for (const [subject, fault] of Object.entries(bad)) {
    it(`may not be ${subject.slice(0, 30).trim()}`, () => expect(faultOf(subject)).to.equal(fault));
  }
});
